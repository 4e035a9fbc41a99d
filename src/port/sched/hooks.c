/* SPDX-License-Identifier: MIT */
/*
 * hooks.c: what the compiler calls before each plain access of the core.
 *
 * The core is compiled with -fsanitize=thread for this port, but linked with these instead of
 * that sanitizer's library: all that is wanted is to be told of each access.  memcpy and its kin
 * are renamed to the functions at the end: where they copy what programs load and store, that is a
 * point.
 */
#include <string.h>

#include "internal.h"

#define PAGE 4096u

static inline void access_from(const void *where, const void *p, size_t bytes, bool write)
{
	if (!in_arena(p) || !bytes || S.aside)
		return;
	if (S.cur) {
		if (__builtin_expect(S.watch != NULL, 0))
			S.watch(self_index(), p, bytes, write, where);
		point_plain(p, bytes, write);
	} else if (!write && arena_offset(p) - S.ram_start < S.ram_end - S.ram_start) {
		/* quire_verify() looks whether free frames that are said to be zero are. */
		return;
	}
	heap_check(p, bytes, write);
}

#define access(p, bytes, write) access_from(__builtin_return_address(0), p, bytes, write)

void sched_watch(sched_watcher func)
{
	S.watch = func;
}

#define HOOK(name, bytes, write)                                                                   \
	void name(void *p);                                                                        \
	void name(void *p)                                                                         \
	{                                                                                          \
		access(p, bytes, write);                                                           \
	}

HOOK(__tsan_read1, 1, false)
HOOK(__tsan_read2, 2, false)
HOOK(__tsan_read4, 4, false)
HOOK(__tsan_read8, 8, false)
HOOK(__tsan_read16, 16, false)
HOOK(__tsan_write1, 1, true)
HOOK(__tsan_write2, 2, true)
HOOK(__tsan_write4, 4, true)
HOOK(__tsan_write8, 8, true)
HOOK(__tsan_write16, 16, true)
HOOK(__tsan_unaligned_read2, 2, false)
HOOK(__tsan_unaligned_read4, 4, false)
HOOK(__tsan_unaligned_read8, 8, false)
HOOK(__tsan_unaligned_read16, 16, false)
HOOK(__tsan_unaligned_write2, 2, true)
HOOK(__tsan_unaligned_write4, 4, true)
HOOK(__tsan_unaligned_write8, 8, true)
HOOK(__tsan_unaligned_write16, 16, true)

#define RANGE_HOOK(name, write)                                                                    \
	void name(void *p, unsigned long bytes);                                                   \
	void name(void *p, unsigned long bytes)                                                    \
	{                                                                                          \
		access(p, bytes, write);                                                           \
	}

RANGE_HOOK(__tsan_read_range, false)
RANGE_HOOK(__tsan_write_range, true)

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

/* A whole page is only ever filled while nobody else knows it. */
static inline bool told_as_content(enum sched_op op, size_t bytes)
{
	return op == SCHED_LOAD || bytes < PAGE;
}

static void decide(enum sched_op op, const void *p, size_t bytes)
{
	if (told_as_content(op, bytes))
		content_decide(op, p, bytes);
}

static void touch(const void *where, enum sched_op op, const void *p, size_t bytes)
{
	if (told_as_content(op, bytes))
		content_event(op, p, bytes);
	access_from(where, p, bytes, op != SCHED_LOAD);
}

static void copy(const void *where, void *to, const void *from, size_t n)
{
	decide(SCHED_LOAD, from, n);
	decide(SCHED_STORE, to, n);
	touch(where, SCHED_LOAD, from, n);
	touch(where, SCHED_STORE, to, n);
}

void *sched_memcpy(void *to, const void *from, size_t n);
void *sched_memcpy(void *to, const void *from, size_t n)
{
	copy(__builtin_return_address(0), to, from, n);
	return memcpy(to, from, n);
}

void *sched_memmove(void *to, const void *from, size_t n);
void *sched_memmove(void *to, const void *from, size_t n)
{
	copy(__builtin_return_address(0), to, from, n);
	return memmove(to, from, n);
}

void *sched_memset(void *p, int c, size_t n);
void *sched_memset(void *p, int c, size_t n)
{
	decide(SCHED_STORE, p, n);
	touch(__builtin_return_address(0), SCHED_STORE, p, n);
	return memset(p, c, n);
}

int sched_memcmp(const void *a, const void *b, size_t n);
int sched_memcmp(const void *a, const void *b, size_t n)
{
	access(a, n, false);
	access(b, n, false);
	return memcmp(a, b, n);
}
