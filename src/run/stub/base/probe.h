/* SPDX-License-Identifier: MIT */
/*
 * probe.h: guest memory, read and written with faults taken.  A refused access is an error
 * code, not a death.  Addresses of the stub itself are refused.
 */
#ifndef STUB_PROBE_H
#define STUB_PROBE_H

#include "run/wire/addresses.h"

#include <asm/errno.h>
#include <stdbool.h>
#include <stdint.h>

/* probe.S */
uint64_t probe_copy(void *to, const void *from, uint64_t n);
int64_t probe_touch_read(uint64_t addr);
int64_t probe_touch_write(uint64_t addr);
int64_t probe_load32(uint64_t addr);
int64_t probe_store32(uint64_t addr, uint32_t val);
int64_t probe_cmpxchg32(uint64_t addr, uint32_t old, uint32_t new);
int64_t probe_strnlen(uint64_t addr, uint64_t max);
extern char probe_copy_start[], probe_copy_end[], probe_copy_fixup[];
extern char probe_word_start[], probe_word_end[], probe_word_fixup[];

static inline bool guest_range(uint64_t addr, uint64_t n)
{
	return n <= GUEST_TASK_SIZE && addr <= GUEST_TASK_SIZE - n;
}

/* 0 or -EFAULT */
static inline int64_t guest_read(void *to, uint64_t from, uint64_t n)
{
	if (!guest_range(from, n) || probe_copy(to, (const void *)from, n))
		return -EFAULT;
	return 0;
}

static inline int64_t guest_write(uint64_t to, const void *from, uint64_t n)
{
	if (!guest_range(to, n) || probe_copy((void *)to, from, n))
		return -EFAULT;
	return 0;
}

static inline int64_t guest_load32(uint64_t addr)
{
	return guest_range(addr, 4) ? probe_load32(addr) : -EFAULT;
}

static inline int64_t guest_store32(uint64_t addr, uint32_t val)
{
	return guest_range(addr, 4) ? probe_store32(addr, val) : -EFAULT;
}

/* Length of the string, max if longer, -EFAULT. */
static inline int64_t guest_strnlen(uint64_t addr, uint64_t max)
{
	if (addr >= GUEST_TASK_SIZE)
		return -EFAULT;
	return probe_strnlen(addr, max < GUEST_TASK_SIZE - addr ? max : GUEST_TASK_SIZE - addr);
}

#endif
