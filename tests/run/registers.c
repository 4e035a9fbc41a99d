/* SPDX-License-Identifier: MIT */
/*
 * registers.c: the parts of a thread's state that the host's kernel sets, keeps or looks at: at
 * the entry of a program and of a handler, on the way back from one, and at a call.
 */
#include "stub_test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/ucontext.h>

#define ARITHMETIC_FLAGS 0x8d5
#define DEFAULT_MXCSR 0x1f80
#define DEFAULT_CONTROL 0x37f
#define ODD_MXCSR 0x7fa0
#define ODD_CONTROL 0xf7f

static unsigned entry_flags;

/* Runs before any C of this program, but after the loader's: the flags are looked at by a child. */
static unsigned char tiny[] = {
    0x9c,                         /* pushf */
    0x5f,                         /* pop %rdi */
    0x81, 0xe7, 0xd5, 0x08, 0, 0, /* and $0x8d5, %edi */
    0xb8, 231,  0,    0,    0,    /* mov $SYS_exit_group, %eax */
    0x0f, 0x05,                   /* syscall */
};

/* A static program of one segment whose only code is the above. */
static int make_tiny(void)
{
	static struct {
		unsigned char ident[16];
		uint16_t type, machine;
		uint32_t version;
		uint64_t entry, phoff, shoff;
		uint32_t flags;
		uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
		uint32_t p_type, p_flags;
		uint64_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
		unsigned char code[sizeof(tiny)];
	} elf = {.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1},
		 .type = 2,
		 .machine = 62,
		 .version = 1,
		 .entry = 0x400078,
		 .phoff = 64,
		 .ehsize = 64,
		 .phentsize = 56,
		 .phnum = 1,
		 .p_type = 1,
		 .p_flags = 5,
		 .p_vaddr = 0x400000,
		 .p_filesz = 0x78 + sizeof(tiny),
		 .p_memsz = 0x78 + sizeof(tiny),
		 .p_align = 4096};
	char name[] = "/tmp/registers_XXXXXX";
	int fd = mkstemp(name), ro;

	memcpy(elf.code, tiny, sizeof(tiny));
	CHECK(write(fd, &elf, 0x78 + sizeof(tiny)) == 0x78 + sizeof(tiny));
	CHECK(fchmod(fd, 0700) == 0);
	close(fd);
	ro = open(name, O_RDONLY | O_CLOEXEC);
	unlink(name);
	return ro;
}

static void at_entry(void)
{
	char *argv[] = {"tiny", NULL}, *envp[] = {NULL};
	int fd = make_tiny(), status;
	pid_t pid = fork();

	if (!pid) {
		fexecve(fd, argv, envp);
		_exit(255);
	}
	close(fd);
	CHECK(waitpid(pid, &status, 0) == pid);
	entry_flags = (unsigned)status;
	CHECK(entry_flags == 0);
}

struct fpu {
	uint32_t mxcsr;
	uint16_t control;
	uint64_t xmm[2];
};

static volatile struct fpu in_handler;
static volatile int code, cs_now, ss_now;

static void look(int sig, siginfo_t *si, void *uc)
{
	struct fpu f;
	uint16_t cs, ss;

	(void)sig;
	(void)uc;
	__asm__ volatile("stmxcsr %0; fnstcw %1; movdqu %%xmm9, %2"
			 : "=m"(f.mxcsr), "=m"(f.control), "=m"(f.xmm));
	__asm__("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	in_handler = f;
	code = si->si_code;
	cs_now = cs;
	ss_now = ss;
}

/* The call is made, or the address read, with registers that are not what programs start with. */
static struct fpu with_odd_registers(long nr, long a, long b, const volatile int *read)
{
	struct fpu odd = {ODD_MXCSR, ODD_CONTROL, {0x1111, 0x2222}}, old, got;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(old.mxcsr), "=m"(old.control));
	__asm__ volatile("ldmxcsr %1; fldcw %2; movdqu %3, %%xmm9\n\t"
			 "test %6, %6; jz 1f; mov (%6), %%eax; jmp 2f\n"
			 "1: syscall\n"
			 "2: stmxcsr %4; fnstcw %5; movdqu %%xmm9, %7"
			 : "+a"(nr)
			 : "m"(odd.mxcsr), "m"(odd.control), "m"(odd.xmm), "m"(got.mxcsr),
			   "m"(got.control), "r"(read), "m"(got.xmm), "D"(a), "S"(b)
			 : "rcx", "r11", "memory", "xmm9", "cc");
	__asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(old.mxcsr), "m"(old.control));
	return got;
}

static void check_handler(struct fpu after)
{
	CHECK(in_handler.mxcsr == DEFAULT_MXCSR && in_handler.control == DEFAULT_CONTROL);
	CHECK(in_handler.xmm[0] == 0 && in_handler.xmm[1] == 0);
	CHECK(after.mxcsr == ODD_MXCSR && after.control == ODD_CONTROL);
	CHECK(after.xmm[0] == 0x1111 && after.xmm[1] == 0x2222);
}

static void *page;

static void open_page(int sig, siginfo_t *si, void *uc)
{
	look(sig, si, uc);
	mprotect(page, 4096, PROT_READ);
}

static void in_a_handler(void)
{
	catch_with(SIGUSR1, look, 0, 0);
	check_handler(with_odd_registers(SYS_kill, getpid(), SIGUSR1, NULL));
	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	catch_with(SIGSEGV, open_page, 0, 0);
	check_handler(with_odd_registers(0, 0, 0, page));
}

static int new_cs, new_ss, plain_ss;

static void change_segments(int sig, siginfo_t *si, void *arg)
{
	ucontext_t *uc = arg;
	uint16_t *seg = (uint16_t *)&uc->uc_mcontext.gregs[REG_CSGSFS];

	(void)sig;
	(void)si;
	if (new_cs >= 0)
		seg[0] = (uint16_t)new_cs;
	if (new_ss >= 0)
		seg[3] = (uint16_t)new_ss;
	if (plain_ss)
		uc->uc_flags &= ~4ul; /* the kernel puts in one that is valid */
}

static void bad_segment(int sig, siginfo_t *si, void *uc)
{
	look(sig, si, uc);
	_exit(code == SI_KERNEL && cs_now == 0x33 && ss_now == 0x2b ? 3 : 4);
}

static int return_with(int cs, int ss, int plain)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char alt[16384];
		stack_t st = {.ss_sp = alt, .ss_size = sizeof(alt)};

		sigaltstack(&st, NULL);
		new_cs = cs;
		new_ss = ss;
		plain_ss = plain;
		catch_with(SIGSEGV, bad_segment, SA_ONSTACK, 0);
		catch_with(SIGUSR1, change_segments, 0, 0);
		raise(SIGUSR1);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void back_with_segments(void)
{
	CHECK(return_with(-1, -1, 0) == 0);
	CHECK(return_with(0x1234, -1, 0) == 3 << 8);
	CHECK(return_with(0, -1, 0) == 3 << 8);
	CHECK(return_with(0x10, -1, 0) == 3 << 8);
	CHECK(return_with(-1, 0x1234, 0) == 3 << 8);
	CHECK(return_with(-1, 0x23, 0) == 3 << 8);
	CHECK(return_with(-1, 0, 1) == 0);
}

static long call6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		  uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static long call5(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	return call6(nr, a, b, c, d, e, 0);
}

static long call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	return call5(nr, a, b, c, 0, 0);
}

static void upper_halves_of_memory_calls(uint64_t high)
{
	char *touched = anon(4096);
	uint64_t at = (uint64_t)touched, rlim[2];
	int status = -1;

	touched[0] = 1;
	CHECK(call6(SYS_move_pages, high, 1, (uint64_t)&at, 0, (uint64_t)&status, high) == 0);
	CHECK(status == 0);
	CHECK(call(SYS_madvise, at, 4096, high | MADV_NORMAL) == 0);
	CHECK(call(SYS_msync, at, 4096, high | MS_ASYNC) == 0);
	CHECK(call(SYS_getrlimit, high | RLIMIT_AS, (uint64_t)rlim, 0) == 0);
	CHECK(call5(SYS_prlimit64, high, high | RLIMIT_AS, 0, (uint64_t)rlim, 0) == 0);
	CHECK(call6(SYS_mbind, at, 4096, 0, 0, 0, high) == 0);
	CHECK(call(SYS_mlockall, high, 0, 0) == -EINVAL);
	munmap(touched, 4096);
}

/* Where the kernel takes an int, the upper half of the register is nothing to it. */
static void upper_halves(void)
{
	const uint64_t high = 0xdead00000000;
	int one = 1, s = socket(AF_INET, SOCK_DGRAM, 0);
	uint32_t word = 5;

	CHECK(call(SYS_getpid | high, 0, 0, 0) == getpid());
	CHECK(call(SYS_getpid | 0xffffffff00000000, 0, 0, 0) == getpid());
	CHECK(call((uint64_t)-1, 0, 0, 0) == -ENOSYS);
	CHECK(call(SYS_lseek, high | 200, 0, 0) == -EBADF);
	CHECK(call(SYS_prctl, high | PR_GET_DUMPABLE, 0, 0) == 1);
	CHECK(call(SYS_futex, (uint64_t)&word, high | 1 /* FUTEX_WAKE */, 1) == 0);
	CHECK(call(SYS_getsockname, high | (unsigned)s, 0, 0) == -EFAULT);
	CHECK(call5(SYS_setsockopt, (unsigned)s, high | SOL_SOCKET, high | SO_REUSEADDR,
		    (uint64_t)&one, sizeof(one)) == 0);
	close(s);
	upper_halves_of_memory_calls(high);
}

static void check_alignment(bool on)
{
	if (on)
		__asm__ volatile("pushf; orl $0x40000, (%%rsp); popf" ::: "memory", "cc");
	else
		__asm__ volatile("pushf; andl $~0x40000, (%%rsp); popf" ::: "memory", "cc");
}

static volatile uint64_t flags_in_handler;

static void note_flags(int sig)
{
	uint64_t flags;

	(void)sig;
	__asm__ volatile("pushf; pop %0" : "=r"(flags));
	flags_in_handler = flags;
}

/* A program that has unaligned accesses caught: its own, not those that are made for it. */
static void aligned(void)
{
	static char path[] = "x/etc/passwd", out[100], *argv[] = {"true", NULL};
	int fd = open("/etc/passwd", O_RDONLY), status[2] = {-1, -1};
	char *fresh = anon(1 << 16), *file = mmap(NULL, 4096, 3, MAP_PRIVATE, fd, 0);
	long r[6], pid;

	signal(SIGUSR1, note_flags);
	check_alignment(true);
	fresh[4096] = 1;
	file[1] = file[2];
	r[0] = call(SYS_pread64, (uint64_t)fd, (uint64_t)fresh + 8191, 50);
	r[1] = call(SYS_open, (uint64_t)path + 1, O_RDONLY, 0);
	r[2] = call(SYS_read, (uint64_t)r[1], (uint64_t)out + 1, 50);
	r[3] = call(SYS_kill, (uint64_t)getpid(), SIGUSR1, 0);
	pid = call(SYS_fork, 0, 0, 0);
	if (!pid)
		call(SYS_execve, (uint64_t) "/bin/true", (uint64_t)argv, 0);
	r[4] = call5(SYS_wait4, (uint64_t)pid, (uint64_t)&status[0], 0, 0, 0);
	pid = call(SYS_fork, 0, 0, 0);
	if (!pid) {
		status[0] = *(volatile int *)(out + 1);
		call(SYS_exit_group, 1, 0, 0);
	}
	r[5] = call5(SYS_wait4, (uint64_t)pid, (uint64_t)&status[1], 0, 0, 0);
	check_alignment(false);
	CHECK(r[0] == 50 && r[1] >= 0 && r[2] == 50 && r[3] == 0 && r[4] > 0 && r[5] > 0);
	CHECK(flags_in_handler & 0x40000);
	CHECK(status[0] == 0 && WTERMSIG(status[1]) == SIGBUS);
	close(fd);
	close((int)r[1]);
}

static int tsc_mode(void)
{
	int mode = -1;

	prctl(PR_GET_TSC, &mode);
	return mode;
}

static void *touch_much(void *arg)
{
	char *p = anon(1 << 20);

	memset(p, 1, 1 << 20);
	CHECK(munmap(p, 1 << 20) == 0);
	*(int *)arg = tsc_mode();
	return NULL;
}

static void without_clock(void)
{
	int seen = 0, status;
	pthread_t t;
	pid_t pid;

	FAILS(prctl(PR_SET_TSC, 7), EINVAL);
	CHECK(tsc_mode() == PR_TSC_ENABLE);
	pid = fork();
	if (!pid) {
		CHECK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
		touch_much(&seen);
		CHECK(seen == PR_TSC_SIGSEGV);
		seen = 0;
		CHECK(pthread_create(&t, NULL, touch_much, &seen) == 0);
		pthread_join(t, NULL);
		CHECK(seen == PR_TSC_SIGSEGV);
		pid = fork();
		if (!pid) {
			touch_much(&seen);
			CHECK(seen == PR_TSC_SIGSEGV);
			signal(SIGSEGV, SIG_DFL);
			__builtin_ia32_rdtsc();
			_exit(1);
		}
		CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGSEGV);
		CHECK(prctl(PR_SET_TSC, PR_TSC_ENABLE) == 0);
		__builtin_ia32_rdtsc();
		touch_much(&seen);
		_exit(failures);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void *vsyscall(int nr)
{
	return (void *)(0xffffffffff600000ul + 0x400ul * (unsigned long)nr);
}

static bool has_vsyscall(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512];
	bool has = false;

	while (fgets(line, sizeof(line), f))
		has |= strstr(line, "[vsyscall]") != NULL;
	fclose(f);
	return has;
}

/* They return to the caller, whose pages were never touched. */
static void old_calls(void)
{
	long (*get_time)(long *) = (long (*)(long *))vsyscall(1);
	long (*get_day)(long *, void *) = (long (*)(long *, void *))vsyscall(0);
	long (*get_cpu)(unsigned *, void *, void *) =
	    (long (*)(unsigned *, void *, void *))vsyscall(2);
	unsigned *cpu = anon(4096);
	long *at = anon(4096), now = time(NULL), seen;

	if (!has_vsyscall()) {
		printf("not looked at: this host has no vsyscall\n");
		return;
	}
	seen = get_time(at);
	CHECK(seen >= now && seen < now + 100 && *at == seen);
	CHECK(get_time(NULL) >= seen);
	CHECK(get_day(at, NULL) == 0 && at[0] >= now && at[1] < 1000000);
	*cpu = 0xffffffff;
	CHECK(get_cpu(cpu, NULL, NULL) == 0 && *cpu < 0xffffffff);
}

int main(void)
{
	RUN(at_entry);
	RUN(in_a_handler);
	RUN(back_with_segments);
	RUN(upper_halves);
	RUN(aligned);
	RUN(without_clock);
	RUN(old_calls);
	return failures != 0;
}
