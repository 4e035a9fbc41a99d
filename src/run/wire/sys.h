/* SPDX-License-Identifier: MIT */
/*
 * sys.h: system calls without a libc: the number, the arguments, -errno back.
 * Freestanding: the stub's, and those of exec_resolve.c on either side.
 */
#ifndef STUB_SYS_H
#define STUB_SYS_H

#include <asm/unistd.h>
#include <stdint.h>

static inline int64_t sys6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			   uint64_t f)
{
	int64_t ret;
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline uint64_t sys_ptr(const void *p)
{
	return (uint64_t)p;
}

/* Missing arguments are 0. */
#define SYS_PICK(nr, a, b, c, d, e, f, ...)                                                        \
	sys6((nr), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e),      \
	     (uint64_t)(f))
#define sys(nr, ...) SYS_PICK(nr, __VA_ARGS__ __VA_OPT__(, ) 0, 0, 0, 0, 0, 0, 0)

static inline int sys_is_error(int64_t ret)
{
	return ret < 0 && ret >= -4095;
}

#endif
