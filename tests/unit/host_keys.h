/* SPDX-License-Identifier: MIT */
/*
 * host_keys.h: tests that ask the host what memory that may only be executed allows.
 *
 * Quire is as on a processor without protection keys: such memory can be read.  The host guards it
 * by a key, as long as the process has one left.
 */
#ifndef TESTS_UNIT_HOST_KEYS_H
#define TESTS_UNIT_HOST_KEYS_H

#include <sys/syscall.h>
#include <unistd.h>

static inline void host_use_up_keys(void)
{
	while (syscall(SYS_pkey_alloc, 0, 0) >= 0)
		continue;
}

#endif
