/* SPDX-License-Identifier: MIT */
/*
 * initstack.h: argc, argv, envp, auxv and their strings, as execve lays them out.
 */
#ifndef STUB_INITSTACK_H
#define STUB_INITSTACK_H

#include "run/stub/life/start.h"

uint64_t initstack_bytes(const struct start *s);
/* Changes the host's vector, too.  The stack pointer, or 0: the guest's stack cannot be written. */
uint64_t initstack_write(const struct start *s, const struct loaded *l);

#endif
