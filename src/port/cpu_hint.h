/* SPDX-License-Identifier: MIT */
/*
 * cpu_hint.h: what is told to the processor, and changes nothing but speed.
 *
 * The only file of the core and its ports that asks which instructions there are.  Each hint has a
 * last branch that does for any.
 */
#ifndef QUIRE_CPU_HINT_H
#define QUIRE_CPU_HINT_H

/* The caller spins: another thread has to store first. */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" : : : "memory");
#elif defined(__riscv)
	/* pause, spelled out: a fence without effect where the extension Zihintpause is missing. */
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" : : : "memory");
#else
	__asm__ volatile("" : : : "memory");
#endif
}

/*
 * The line is about to be written.  The empty asm is there because gcc drops a function that only
 * prefetches; on x86-64 the builtin would fetch for reading.
 */
static inline void prefetch_write(const void *p)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
	__builtin_prefetch(p, 1);
	__asm__ volatile("" : : "r"(p));
#endif
}

#endif
