/* SPDX-License-Identifier: MIT */
/*
 * stub_vectors.c: all of a thread's registers, vectors included, are its own across faults,
 * signals, system calls, fork and clone, and a handler may change them.
 */
#include "stub_test.h"

#include <pthread.h>
#include <ucontext.h>

struct vectors {
	uint64_t v[16][8]; /* xmm, ymm or zmm, as far as the machine goes */
} __attribute__((aligned(64)));

static int width; /* 16, 32 or 64 bytes */

#define EACH(op)                                                                                   \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13)    \
	    op(14) op(15)

static inline __attribute__((always_inline)) void load_all(const struct vectors *in)
{
#define L16(n) "movdqa " #n "*64(%0), %%xmm" #n "\n\t"
#define L32(n) "vmovdqa " #n "*64(%0), %%ymm" #n "\n\t"
#define L64(n) "vmovdqa64 " #n "*64(%0), %%zmm" #n "\n\t"
	if (width == 64)
		__asm__ volatile(EACH(L64) : : "r"(in) : "memory");
	else if (width == 32)
		__asm__ volatile(EACH(L32) : : "r"(in) : "memory");
	else
		__asm__ volatile(EACH(L16) : : "r"(in) : "memory");
}

static inline __attribute__((always_inline)) void store_all(struct vectors *to)
{
#define S16(n) "movdqa %%xmm" #n ", " #n "*64(%0)\n\t"
#define S32(n) "vmovdqa %%ymm" #n ", " #n "*64(%0)\n\t"
#define S64(n) "vmovdqa64 %%zmm" #n ", " #n "*64(%0)\n\t"
	if (width == 64)
		__asm__ volatile(EACH(S64) : : "r"(to) : "memory");
	else if (width == 32)
		__asm__ volatile(EACH(S32) : : "r"(to) : "memory");
	else
		__asm__ volatile(EACH(S16) : : "r"(to) : "memory");
}

static struct vectors in, got;

static void fill_in(uint64_t seed)
{
	for (int i = 0; i < 16; i++) {
		for (int k = 0; k < 8; k++)
			in.v[i][k] = seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	}
}

static bool same(const struct vectors *a)
{
	for (int i = 0; i < 16; i++) {
		if (memcmp(a->v[i], in.v[i], (size_t)width))
			return false;
	}
	return true;
}

static long raw3(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static void over_faults(void)
{
	char *p = anon(64 * 4096);

	fill_in(1);
	load_all(&in);
	for (int i = 0; i < 64; i++)
		*(volatile char *)(p + i * 4096) = 1;
	store_all(&got);
	CHECK(same(&got));
}

static void over_calls(void)
{
	fill_in(2);
	load_all(&in);
	raw3(SYS_getppid, 0, 0, 0);
	raw3(SYS_mmap, 0, 0, 0);
	store_all(&got);
	CHECK(same(&got));
}

static void spoil(int sig, siginfo_t *si, void *uc)
{
	struct vectors other;

	(void)sig;
	(void)si;
	(void)uc;
	memset(&other, 0x55, sizeof(other));
	load_all(&other);
}

static void over_signals(void)
{
	long pid = getpid(), tid = raw3(SYS_gettid, 0, 0, 0);

	catch_with(SIGUSR1, spoil, 0, 0);
	fill_in(3);
	load_all(&in);
	raw3(SYS_tgkill, pid, tid, SIGUSR1);
	store_all(&got);
	CHECK(same(&got));
}

/* The handler writes xmm3 of the interrupted context, and rbx. */
static void change(int sig, siginfo_t *si, void *uc_)
{
	ucontext_t *uc = uc_;

	(void)sig;
	(void)si;
	memset(&uc->uc_mcontext.fpregs->_xmm[3], 0x77, 16);
	uc->uc_mcontext.gregs[REG_RBX] = 0x1234;
}

static void changed_by_handler(void)
{
	long pid = getpid(), tid = raw3(SYS_gettid, 0, 0, 0), r, rbx = 1;

	catch_with(SIGUSR1, change, 0, 0);
	fill_in(4);
	load_all(&in);
	__asm__ volatile("syscall"
			 : "=a"(r), "+b"(rbx)
			 : "0"(SYS_tgkill), "D"(pid), "S"(tid), "d"(SIGUSR1)
			 : "rcx", "r11", "memory");
	store_all(&got);
	CHECK(r == 0 && rbx == 0x1234);
	memset(in.v[3], 0x77, 16);
	CHECK(same(&got));
}

static void over_fork(void)
{
	long pid;
	int status;

	fill_in(5);
	load_all(&in);
	pid = raw3(SYS_fork, 0, 0, 0);
	store_all(&got);
	if (!pid)
		_exit(!same(&got));
	CHECK(same(&got));
	CHECK(waitpid((pid_t)pid, &status, 0) == pid && status == 0);
}

/* A raw clone of a thread: the child starts with the parent's registers. */
static volatile int child_done, child_ok;

static void over_clone(void)
{
	char *stack = anon(65536);
	long flags = 0x50f00 | 0x10000, r; /* VM FS FILES SIGHAND THREAD SYSVSEM */
	register long r12 __asm__("r12") = 0x777;

	fill_in(6);
	load_all(&in);
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "cmp $0x777, %%r12\n\t"
			 "sete %%cl\n\t"
			 "movq %%xmm9, %%rax\n\t"
			 "cmp %%rax, %[want]\n\t"
			 "sete %%al\n\t"
			 "and %%cl, %%al\n\t"
			 "movzx %%al, %%eax\n\t"
			 "mov %%eax, %[ok]\n\t"
			 "movl $1, %[done]\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov $60, %%eax\n\t"
			 "syscall\n\t"
			 "1:"
			 : "=a"(r), [ok] "=m"(child_ok), [done] "=m"(child_done)
			 : "0"(SYS_clone), "D"(flags), "S"(stack + 65536), "d"(0),
			   "r"(r12), [want] "r"(in.v[9][0])
			 : "rcx", "r11", "memory");
	store_all(&got);
	CHECK(r > 0 && same(&got));
	for (int i = 0; i < 60000 && !child_done; i++)
		usleep(1000);
	CHECK(child_done && child_ok);
	usleep(10000);
}

/* mxcsr and the x87 control word. */
static void control_words(void)
{
	uint32_t mxcsr = 0x1f80 | 0x6000, now;
	uint16_t cw = 0x37f & ~0x300, cw_now;

	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(cw));
	raise(SIGUSR1);
	*(volatile char *)anon(4096) = 1;
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(now), "=m"(cw_now));
	CHECK((now & 0xffc0) == mxcsr && cw_now == cw);
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0\n\tfninit" : : "m"(mxcsr));
}

int main(void)
{
	width = __builtin_cpu_supports("avx512f") ? 64 : __builtin_cpu_supports("avx2") ? 32 : 16;
	RUN(over_faults);
	RUN(over_calls);
	RUN(over_signals);
	RUN(changed_by_handler);
	RUN(over_fork);
	RUN(over_clone);
	RUN(control_words);
	return failures != 0;
}
