/* SPDX-License-Identifier: MIT */
/* stub_faults.c: SIGSEGV and SIGBUS of the guest's own, as its handlers see them. */
#include "stub_test.h"

#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static siginfo_t seen;
static uint64_t seen_err, seen_trap;
static volatile int count;

static void jump_back(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	seen = *si;
	seen_err = (uint64_t)((ucontext_t *)uc)->uc_mcontext.gregs[REG_ERR];
	seen_trap = (uint64_t)((ucontext_t *)uc)->uc_mcontext.gregs[REG_TRAPNO];
	siglongjmp(back, 1);
}

#define FAULTS(statement)                                                                          \
	(memset(&seen, 0, sizeof(seen)), sigsetjmp(back, 1) ? true : ((statement), false))

static void store(volatile void *p)
{
	*(volatile char *)p = 1;
}

static char load(volatile void *p)
{
	return *(volatile char *)p;
}

static void codes(void)
{
	char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	catch_with(SIGSEGV, jump_back, 0, 0);
	CHECK(FAULTS(store(p + 123)));
	CHECK(seen.si_signo == SIGSEGV && seen.si_code == SEGV_ACCERR && seen.si_addr == p + 123);
	CHECK(seen_trap == 14 && (seen_err & 2));
	munmap(p, 8192);
	CHECK(FAULTS(load(p + 4097)));
	CHECK(seen.si_code == SEGV_MAPERR && seen.si_addr == p + 4097 && !(seen_err & 2));
	CHECK(FAULTS(load(NULL)));
	CHECK(seen.si_code == SEGV_MAPERR && seen.si_addr == NULL);
	CHECK(FAULTS(load((void *)0x8000000000000000ul)));
	CHECK(seen.si_code == SI_KERNEL && seen.si_addr == NULL);
	CHECK(!FAULTS(load(&seen)));
}

static void no_exec(void)
{
	char *p = anon(4096);
	void (*fn)(void);

	p[0] = (char)0xc3;
	memcpy(&fn, &p, sizeof(fn));
	CHECK(FAULTS(fn()));
	CHECK(seen.si_code == SEGV_ACCERR && seen.si_addr == p && (seen_err & 16));
	CHECK(mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
	CHECK(!FAULTS(fn()));
	munmap(p, 4096);
}

static void bus(void)
{
	int fd = memfd_create("bus", 0);
	char *p;

	catch_with(SIGBUS, jump_back, 0, 0);
	CHECK(ftruncate(fd, 4096) == 0);
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(!FAULTS(store(p)));
	CHECK(FAULTS(store(p + 4096 + 77)));
	CHECK(seen.si_signo == SIGBUS && seen.si_code == BUS_ADRERR &&
	      seen.si_addr == p + 4096 + 77);
	/* A page that was mapped and then cut off. */
	CHECK(ftruncate(fd, 0) == 0);
	CHECK(FAULTS(load(p)));
	CHECK(seen.si_signo == SIGBUS && seen.si_addr == p);
	CHECK(ftruncate(fd, 8192) == 0);
	CHECK(!FAULTS(store(p + 4096)));
	munmap(p, 8192);
	close(fd);
}

/* A collector's write barrier: the handler makes the page writable and returns. */
static char *barrier;

static void open_page(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)uc;
	count++;
	mprotect((void *)((uintptr_t)si->si_addr & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void write_barrier(void)
{
	count = 0;
	barrier = mmap(NULL, 64 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	catch_with(SIGSEGV, open_page, 0, 0);
	for (int i = 0; i < 64; i++)
		barrier[i * 4096 + 5] = (char)i;
	CHECK(count == 64);
	for (int i = 0; i < 64; i++)
		CHECK(barrier[i * 4096 + 5] == i);
	mprotect(barrier, 64 * 4096, PROT_READ);
	for (int i = 0; i < 64; i += 2)
		barrier[i * 4096 + 5]++;
	CHECK(count == 96);
	munmap(barrier, 64 * 4096);
}

/* A handler on the alternate stack survives the overflow of the ordinary one. */
static int deeper(int n)
{
	volatile char room[4096];

	room[0] = (char)n;
	return n < 1 << 30 ? deeper(n + 1) + room[0] : 0;
}

static void stack_overflow(void)
{
	stack_t ss = {.ss_sp = anon(65536), .ss_size = 65536}, old;

	CHECK(sigaltstack(&ss, NULL) == 0);
	catch_with(SIGSEGV, jump_back, SA_ONSTACK, 0);
	CHECK(FAULTS(deeper(0)));
	CHECK(seen.si_signo == SIGSEGV);
	CHECK(FAULTS(deeper(0)));
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == ss.ss_sp && old.ss_flags == 0);
	ss.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&ss, NULL) == 0);
}

/* The handler steps over the faulting instruction (2 bytes: mov %al,(%rdi)). */
static void skip(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	count++;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += 2;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RSI] = 4711;
}

static void change_context(void)
{
	long rsi = 1;

	count = 0;
	catch_with(SIGSEGV, skip, 0, 0);
	__asm__ volatile(".byte 0x88, 0x07" : "+S"(rsi) : "a"(0), "D"(16) : "memory");
	CHECK(count == 1 && rsi == 4711);
}

static int death(void (*fn)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		fn();
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static void die_default(void)
{
	signal(SIGSEGV, SIG_DFL);
	load(NULL);
}

static void die_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	load(NULL);
}

static void die_blocked(void)
{
	sigset_t set;

	catch_with(SIGSEGV, jump_back, 0, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	load(NULL);
}

static void die_in_handler_body(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	(void)uc;
	load(NULL);
}

static void die_in_handler(void)
{
	catch_with(SIGSEGV, die_in_handler_body, 0, 0);
	load(NULL);
}

static void die_no_stack(void)
{
	catch_with(SIGUSR1, jump_back, 0, 0);
	signal(SIGSEGV, SIG_DFL);
	__asm__ volatile("mov $39, %%eax\n\tmov $16, %%rsp\n\t"
			 "1: syscall\n\t"
			 "mov %%eax, %%edi\n\tmov $62, %%eax\n\tmov $10, %%esi\n\tsyscall\n\tjmp 1b"
			 :
			 :
			 : "rax", "rcx", "r11", "memory");
}

static void deaths(void)
{
	printf("default %d ignored %d blocked %d nested %d no stack %d\n", death(die_default),
	       death(die_ignored), death(die_blocked), death(die_in_handler), death(die_no_stack));
}

int main(void)
{
	RUN(codes);
	RUN(no_exec);
	RUN(bus);
	RUN(write_barrier);
	RUN(stack_overflow);
	RUN(change_context);
	RUN(deaths);
	return failures != 0;
}
