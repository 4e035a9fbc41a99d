/* SPDX-License-Identifier: MIT */
/*
 * both.h: one list of calls, run on the host kernel and on Quire, compared.
 *
 * A test is an array of `struct call`.  both_run() has a forked child make them
 * on the host, then makes them on Quire, and compares after each call: the
 * result (address or -errno; for a load or store the value, or signal and
 * si_code), and all mappings in a window of the address space with their
 * VmFlags, as smaps has them.
 *
 * Addresses are given as page numbers in the window, BOTH_ABS gives others.  A
 * result outside the window (a place that the kernel chose) is only compared as
 * such.  Differences that are meant are listed in docs/compat.md.
 */
#ifndef QUIRE_TEST_BOTH_H
#define QUIRE_TEST_BOTH_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_keys.h"
#include "unit.h"

#define BOTH_BASE 0x200000000000ull
#define BOTH_PAGES 1024ull /* the window; what is compared */
#define BOTH_VMAS 64
#define BOTH_FILE_PAGES 16

/*
 * A sanitizer's shadow is terabytes of mappings: no mlockall beside it; and TSan's lies in the
 * window.
 */
#if defined(__SANITIZE_ADDRESS__)
#define BOTH_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define BOTH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOTH_ASAN 1
#elif __has_feature(thread_sanitizer)
#define BOTH_TSAN 1
#endif
#endif
#ifndef BOTH_ASAN
#define BOTH_ASAN 0
#endif
#ifndef BOTH_TSAN
#define BOTH_TSAN 0
#endif

/* An address that is no page of the window. */
#define BOTH_ABS(x) ((uint64_t)(x) | 1ull << 63)
#define BOTH_AT(page) (BOTH_BASE + (uint64_t)(page)*UPAGE)
#define BOTH_ELSEWHERE 0x7e57ll /* a result outside the window */

enum call_kind {
	C_MMAP,     /* addr, len, prot = x, flags = y, file, off = c */
	C_MUNMAP,   /* addr, len */
	C_MPROTECT, /* addr, len, prot = x */
	C_MREMAP,   /* addr, len, new_len = c, flags = x, new addr = d */
	C_MADVISE,  /* addr, len, advice = x */
	C_MLOCK,    /* addr, len, flags = x */
	C_MUNLOCK,
	C_MLOCKALL, /* flags = x */
	C_MUNLOCKALL,
	C_BRK,         /* c: offset from the first break; result likewise */
	C_RLIMIT,      /* x: enum quire_rlimit, c: bytes */
	C_LOAD,        /* addr */
	C_STORE,       /* addr, c: value */
	C_FORK,        /* go on as the child */
	C_FORK_PARENT, /* the child exits */
	C_DROP,        /* go on as an ordinary user */
};

/* F_RO_OF_RW: the file of F_RW, opened for reading.  F_SEALED: likewise, sealed against writing. */
enum call_file { F_ANON, F_RW, F_RO, F_RO_OF_RW, F_SEALED, F_NOTHING };

struct call {
	enum call_kind kind;
	uint64_t addr, len; /* addr: page of the window; len: bytes */
	int x, y;
	enum call_file file;
	uint64_t c, d;
};

struct both_vma {
	uint64_t start, end, offset;
	bool shared;
	char flags[88];
};

struct both_result {
	int64_t ret;
	unsigned nr;
	struct both_vma vma[BOTH_VMAS];
};

struct both {
	struct unit u; /* first: the port's context */
	char *ram;
	struct quire_file *rw, *ro, *sealed;
	struct quire_mm *ancestors[64]; /* put at the end */
	unsigned nr_ancestors;
	int fd_rw, fd_ro, fd_ro_of_rw, fd_sealed;
	uint64_t first_brk;
	bool unprivileged; /* an ordinary user by now */
};

static inline uint64_t both_addr(uint64_t a)
{
	if (a >> 63)
		return a & ~(1ull << 63);
	return BOTH_AT(a);
}

static inline int64_t both_place(uint64_t a)
{
	return a >= BOTH_BASE && a < BOTH_AT(BOTH_PAGES) ? (int64_t)a : BOTH_ELSEWHERE;
}

/* ---- the host's side, in the child */

static sigjmp_buf both_jmp;

static inline void both_on_signal(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	siglongjmp(both_jmp, sig << 8 | si->si_code);
}

static inline void both_catch_signals(void)
{
	static char stack[65536];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_ONSTACK};

	sa.sa_sigaction = both_on_signal;
	host_use_up_keys();
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static inline int64_t host_access(uint64_t addr, bool write, uint64_t val)
{
	volatile uint64_t *p = (volatile uint64_t *)addr;
	int code = sigsetjmp(both_jmp, 1);

	if (code)
		return -code;
	if (write)
		*p = val;
	return (int64_t)(*p & INT64_MAX);
}

static inline int64_t host_ret(long r)
{
	return r == -1 ? -errno : r;
}

static inline int64_t host_rlimit(const struct call *k)
{
	static const int which[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK};
	struct rlimit rl = {.rlim_cur = k->c, .rlim_max = RLIM_INFINITY};

	getrlimit((__rlimit_resource_t)which[k->x], &rl);
	rl.rlim_cur = k->c;
	return host_ret(setrlimit((__rlimit_resource_t)which[k->x], &rl));
}

static inline int64_t host_fork(bool as_child)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if ((pid == 0) == as_child)
		return 0;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (as_child)
		_exit(0);
	return 0;
}

static inline int64_t host_mmap(struct both *b, const struct call *k)
{
	const int fds[] = {-1, b->fd_rw, b->fd_ro, b->fd_ro_of_rw, b->fd_sealed, -1};
	int fd = fds[k->file];
	long r = syscall(SYS_mmap, both_addr(k->addr), k->len, k->x, k->y, fd, k->c);

	return r == -1 ? -errno : both_place((uint64_t)r);
}

static inline int64_t host_call(struct both *b, const struct call *k)
{
	uint64_t a = both_addr(k->addr);
	long r;

	switch (k->kind) {
	case C_MMAP:
		return host_mmap(b, k);
	case C_MUNMAP:
		return host_ret(syscall(SYS_munmap, a, k->len));
	case C_MPROTECT:
		return host_ret(syscall(SYS_mprotect, a, k->len, k->x));
	case C_MREMAP:
		r = syscall(SYS_mremap, a, k->len, k->c, k->x, both_addr(k->d));
		return r == -1 ? -errno : both_place((uint64_t)r);
	case C_MADVISE:
		return host_ret(syscall(SYS_madvise, a, k->len, k->x));
	case C_MLOCK:
		return host_ret(syscall(SYS_mlock2, a, k->len, k->x));
	case C_MUNLOCK:
		return host_ret(syscall(SYS_munlock, a, k->len));
	case C_MLOCKALL:
		return host_ret(syscall(SYS_mlockall, k->x));
	case C_MUNLOCKALL:
		return host_ret(syscall(SYS_munlockall));
	case C_BRK:
		return syscall(SYS_brk, b->first_brk + k->c) - (int64_t)b->first_brk;
	case C_RLIMIT:
		return host_rlimit(k);
	case C_LOAD:
	case C_STORE:
		return host_access(a, k->kind == C_STORE, k->c);
	case C_FORK:
	case C_FORK_PARENT:
		return host_fork(k->kind == C_FORK);
	case C_DROP:
		return host_ret(setresuid(65534, 65534, 65534));
	}
	return 0;
}

static inline bool both_in_window(uint64_t start, uint64_t end)
{
	return end > BOTH_BASE && start < BOTH_AT(BOTH_PAGES);
}

static inline void trim(char *s)
{
	size_t n = strlen(s);

	while (n && (s[n - 1] == ' ' || s[n - 1] == '\n'))
		s[--n] = '\0';
}

/* Stdio and malloc are off limits here: they would change what is being looked at. */
struct both_lines {
	int fd;
	size_t at, n;
	char buf[1 << 13];
};

static inline char *next_line(struct both_lines *l)
{
	for (;;) {
		char *line = l->buf + l->at, *nl = memchr(line, '\n', l->n - l->at);
		ssize_t r;

		if (nl) {
			*nl = '\0';
			l->at = (size_t)(nl + 1 - l->buf);
			return line;
		}
		l->n -= l->at;
		memmove(l->buf, line, l->n);
		l->at = 0;
		r = read(l->fd, l->buf + l->n, sizeof(l->buf) - l->n);
		if (r <= 0)
			return NULL;
		l->n += (size_t)r;
	}
}

/* Nothing beyond the window is read: a sanitizer has a hundred mappings there. */
static inline void host_layout(struct both_result *res)
{
	static struct both_lines lines;
	struct both_vma *cur = NULL;

	lines.fd = open("/proc/self/smaps", O_RDONLY);
	lines.at = lines.n = 0;
	res->nr = 0;
	for (char *line; (line = next_line(&lines));) {
		unsigned long start, end, off;
		char perm[8];

		if (sscanf(line, "%lx-%lx %7s %lx", &start, &end, perm, &off) == 4) {
			cur = NULL;
			if (start >= BOTH_AT(BOTH_PAGES))
				break;
			if (!both_in_window(start, end) || res->nr == BOTH_VMAS)
				continue;
			cur = &res->vma[res->nr++];
			*cur = (struct both_vma){start, end, off, perm[3] == 's', ""};
		} else if (cur && !strncmp(line, "VmFlags: ", 9)) {
			snprintf(cur->flags, sizeof(cur->flags), "%s", line + 9);
			trim(cur->flags);
		}
	}
	close(lines.fd);
}

static inline void host_run(struct both *b, const struct call *calls, unsigned n,
			    struct both_result *out)
{
	both_catch_signals();
	b->first_brk = (uint64_t)syscall(SYS_brk, 0);
	if (b->unprivileged && setresuid(65534, 65534, 65534))
		_exit(1);
	for (unsigned i = 0; i < n; i++) {
		out[i].ret = host_call(b, &calls[i]);
		host_layout(&out[i]);
	}
	_exit(0);
}

/* ---- Quire's side */

/* Like hardware: after the fault it is the entry that says where the memory is. */
static inline int64_t quire_access(struct both *b, uint64_t addr, bool write, uint64_t val)
{
	struct quire_fault f;
	uint64_t *p;

	if (unit_fault(b->u.mm, addr, write ? QUIRE_WRITE : QUIRE_READ, &f) != QUIRE_FAULT_OK)
		return -(f.result == QUIRE_FAULT_SEGV ? SIGSEGV << 8 | f.si_code
						      : SIGBUS << 8 | f.si_code);
	assert_true((f.pte & QUIRE_PTE_PRESENT) && (f.pte & QUIRE_PTE_USER));
	assert_true(!write || ((f.pte & QUIRE_PTE_WRITE) && (f.pte & QUIRE_PTE_DIRTY)));
	assert_int_equal(quire_pte(b->u.mm, addr), f.pte);
	p = (uint64_t *)(void *)(b->ram + (f.pte & QUIRE_PTE_FRAME_MASK) + addr % UPAGE);
	if (write)
		*p = val;
	return (int64_t)(*p & INT64_MAX);
}

static inline int64_t quire_fork_call(struct both *b, bool as_child)
{
	struct quire_mm *child;
	int err = quire_mm_fork(b->u.mm, NULL, &child);

	if (err)
		return err;
	if (!as_child) {
		quire_mm_put(child);
		return 0;
	}
	assert_true(b->nr_ancestors < 64);
	b->ancestors[b->nr_ancestors++] = b->u.mm;
	b->u.mm = child;
	return 0;
}

static inline int64_t quire_map_call(struct both *b, const struct call *k)
{
	struct quire_file *files[] = {NULL, b->rw, b->ro, b->rw, b->sealed, NULL};
	unsigned limits = k->file == F_RO_OF_RW ? QUIRE_MAP_READ_ONLY
			  : k->file == F_SEALED ? QUIRE_MAP_SEALED
						: 0;
	uint64_t out = 0;
	int err = quire_mmap_limited(b->u.mm, both_addr(k->addr), k->len, k->x, k->y,
				     files[k->file], k->c, limits, &out);

	return err ? err : both_place(out);
}

static inline int64_t quire_call(struct both *b, const struct call *k)
{
	uint64_t a = both_addr(k->addr), out = 0;
	struct quire_mm *mm = b->u.mm;
	int err;

	switch (k->kind) {
	case C_MMAP:
		return quire_map_call(b, k);
	case C_MUNMAP:
		return quire_munmap(mm, a, k->len);
	case C_MPROTECT:
		return quire_mprotect(mm, a, k->len, k->x);
	case C_MREMAP:
		err = quire_mremap(mm, a, k->len, k->c, k->x, both_addr(k->d), &out);
		return err ? err : both_place(out);
	case C_MADVISE:
		return quire_madvise(mm, a, k->len, k->x);
	case C_MLOCK:
		return quire_mlock(mm, a, k->len, k->x);
	case C_MUNLOCK:
		return quire_munlock(mm, a, k->len);
	case C_MLOCKALL:
		return quire_mlockall(mm, k->x);
	case C_MUNLOCKALL:
		return quire_munlockall(mm);
	case C_BRK:
		return (int64_t)(quire_brk(mm, b->first_brk + k->c) - b->first_brk);
	case C_RLIMIT:
		quire_mm_set_rlimit(mm, (enum quire_rlimit)k->x, k->c);
		return 0;
	case C_LOAD:
	case C_STORE:
		return quire_access(b, a, k->kind == C_STORE, k->c);
	case C_FORK:
	case C_FORK_PARENT:
		return quire_fork_call(b, k->kind == C_FORK);
	case C_DROP:
		b->unprivileged = true;
		return 0;
	}
	return 0;
}

static inline void quire_layout(struct both *b, struct both_result *res)
{
	struct quire_vma_info vi;

	res->nr = 0;
	for (uint64_t a = BOTH_BASE; quire_vma_next(b->u.mm, a, &vi) == 0; a = vi.end) {
		struct both_vma *v = &res->vma[res->nr];

		if (!both_in_window(vi.start, vi.end) || res->nr == BOTH_VMAS)
			break;
		*v = (struct both_vma){vi.start, vi.end, vi.offset, vi.shared, ""};
		quire_vm_flag_names(vi.vm_flags, v->flags, sizeof(v->flags));
		res->nr++;
	}
}

/* ---- comparing */

static inline void both_print(const char *who, const struct both_result *r)
{
	fprintf(stderr, "%s: %lld (%#llx)\n", who, (long long)r->ret, (long long)r->ret);
	for (unsigned i = 0; i < r->nr; i++)
		fprintf(stderr, "  %4lld-%4lld off %llx %c %s\n",
			(long long)((r->vma[i].start - BOTH_BASE) / UPAGE),
			(long long)((r->vma[i].end - BOTH_BASE) / UPAGE),
			(unsigned long long)r->vma[i].offset, r->vma[i].shared ? 's' : 'p',
			r->vma[i].flags);
}

static inline bool both_same(const struct both_result *x, const struct both_result *y)
{
	if (x->ret != y->ret || x->nr != y->nr)
		return false;
	for (unsigned i = 0; i < x->nr; i++) {
		const struct both_vma *v = &x->vma[i], *w = &y->vma[i];

		if (v->start != w->start || v->end != w->end || v->offset != w->offset ||
		    v->shared != w->shared || strcmp(v->flags, w->flags))
			return false;
	}
	return true;
}

static inline void both_fail(const struct call *k, unsigned i, const struct both_result *host,
			     const struct both_result *ours)
{
	fprintf(stderr,
		"call %u: kind %d addr %#llx len %#llx x %#x y %#x file %d c %#llx d %#llx\n", i,
		(int)k->kind, (unsigned long long)k->addr, (unsigned long long)k->len,
		(unsigned)k->x, (unsigned)k->y, (int)k->file, (unsigned long long)k->c,
		(unsigned long long)k->d);
	both_print("host", host);
	both_print("quire", ours);
}

/* ---- the whole */

/* The reference is 6.18 (mremap of several mappings came with 6.17), as root for its limits. */
static inline bool both_host_ok(void)
{
	struct utsname un;
	unsigned major = 0, minor = 0;

	uname(&un);
	sscanf(un.release, "%u.%u", &major, &minor);
	return !BOTH_TSAN && geteuid() == 0 && (major > 6 || (major == 6 && minor >= 18));
}

#define both_need_host()                                                                           \
	do {                                                                                       \
		if (!both_host_ok())                                                               \
			unit_skip("comparing needs Linux 6.18, root and no TSan");                 \
	} while (0)

static inline bool both_privileged(void *ctx, struct quire_mm *mm, void *cookie,
				   enum quire_privilege which)
{
	const struct both *b = ctx; /* its unit */

	(void)mm;
	(void)cookie;
	(void)which;
	return !b->unprivileged;
}

/* The host's; one that is 0 cannot be said: the first page then needs a privilege. */
static inline uint64_t both_min_addr(void)
{
	FILE *f = fopen("/proc/sys/vm/mmap_min_addr", "r");
	unsigned long long addr = 65536;

	if (!f || fscanf(f, "%llu", &addr) != 1)
		addr = 65536;
	if (f)
		fclose(f);
	return addr ? addr : 1;
}

static inline int both_memfd(const char *name)
{
	int fd = (int)syscall(SYS_memfd_create, name, 2 /* MFD_ALLOW_SEALING */);

	assert_true(fd >= 0 && ftruncate(fd, BOTH_FILE_PAGES * 4096) == 0);
	return fd;
}

static inline int both_reopen(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	return fd;
}

static inline void both_up(struct both *b, bool unprivileged)
{
	struct quire_mm_options mo = {.size = sizeof(mo)};
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = UNIT_RAM};
	int fd;

	memset(b, 0, sizeof(*b));
	b->unprivileged = unprivileged;
	b->ram = mmap(NULL, UNIT_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(b->ram != MAP_FAILED);
	opts.ram = b->ram;
	opts.ram_is_zero = true;
	opts.mmap_min_addr = both_min_addr();
	unit_port(&b->u);
	b->u.port.privileged = both_privileged;
	unit_machine_mm(&b->u, &opts, &mo);
	b->rw = unit_shmem(&b->u, BOTH_FILE_PAGES * UPAGE, true);
	b->ro = unit_shmem(&b->u, BOTH_FILE_PAGES * UPAGE, false);
	b->sealed = unit_shmem(&b->u, BOTH_FILE_PAGES * UPAGE, true);
	b->fd_rw = both_memfd("rw");
	b->fd_ro_of_rw = both_reopen(b->fd_rw);
	fd = both_memfd("ro");
	b->fd_ro = both_reopen(fd);
	close(fd);
	b->fd_sealed = both_memfd("sealed");
	assert_int_equal(fcntl(b->fd_sealed, 1033 /* F_ADD_SEALS */, 0x10 /* FUTURE_WRITE */), 0);
}

static inline void both_down(struct both *b)
{
	close(b->fd_rw);
	close(b->fd_ro);
	close(b->fd_ro_of_rw);
	close(b->fd_sealed);
	while (b->nr_ancestors)
		quire_mm_put(b->ancestors[--b->nr_ancestors]);
	quire_file_put(b->rw);
	quire_file_put(b->ro);
	quire_file_put(b->sealed);
	unit_down(&b->u);
	munmap(b->ram, UNIT_RAM);
}

/* Returns the number of the first call that differs, or n. */
static inline unsigned both_compare(struct both *b, const struct call *calls, unsigned n)
{
	size_t bytes = n * sizeof(struct both_result);
	struct both_result *host =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();
	int status;
	unsigned i;

	assert_true(host != MAP_FAILED && pid >= 0);
	if (pid == 0)
		host_run(b, calls, n, host);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	b->first_brk = 0x555555000000;
	quire_mm_set_brk(b->u.mm, b->first_brk);
	for (i = 0; i < n; i++) {
		struct both_result ours = {.ret = quire_call(b, &calls[i])};

		unit_verify(&b->u);
		quire_layout(b, &ours);
		if (both_same(&host[i], &ours))
			continue;
		both_fail(&calls[i], i, &host[i], &ours);
		break;
	}
	munmap(host, bytes);
	return i;
}

static inline void both_run_as(const struct call *calls, unsigned n, bool unprivileged)
{
	struct both *b;

	both_need_host();
	b = calloc(1, sizeof(*b));
	both_up(b, unprivileged);
	assert_int_equal(both_compare(b, calls, n), n);
	both_down(b);
	free(b);
}

#define both_run(calls) both_run_as((calls), sizeof(calls) / sizeof((calls)[0]), false)
#define both_run_unprivileged(calls) both_run_as((calls), sizeof(calls) / sizeof((calls)[0]), true)

/* Shorthands for tables. */
#define MAPA(page, pages, prot)                                                                    \
	{                                                                                          \
		.kind = C_MMAP, .addr = (page), .len = (pages)*UPAGE, .x = (prot),                 \
		.y = UANON | QMAP_FIXED                                                            \
	}
#define MAPX(page, pages, prot, flags)                                                             \
	{                                                                                          \
		.kind = C_MMAP, .addr = (page), .len = (pages)*UPAGE, .x = (prot), .y = (flags)    \
	}
#define MAPF(page, pages, prot, flags, which, offpages)                                            \
	{                                                                                          \
		.kind = C_MMAP, .addr = (page), .len = (pages)*UPAGE, .x = (prot),                 \
		.y = (flags) | QMAP_FIXED, .file = (which), .c = (offpages)*UPAGE                  \
	}
#define UNMAP(page, pages)                                                                         \
	{                                                                                          \
		.kind = C_MUNMAP, .addr = (page), .len = (pages)*UPAGE                             \
	}
#define PROTECT(page, pages, prot)                                                                 \
	{                                                                                          \
		.kind = C_MPROTECT, .addr = (page), .len = (pages)*UPAGE, .x = (prot)              \
	}
#define ADVISE(page, pages, advice)                                                                \
	{                                                                                          \
		.kind = C_MADVISE, .addr = (page), .len = (pages)*UPAGE, .x = (advice)             \
	}
#define REMAP(page, pages, newpages, flags, to)                                                    \
	{                                                                                          \
		.kind = C_MREMAP, .addr = (page), .len = (pages)*UPAGE, .c = (newpages)*UPAGE,     \
		.x = (flags), .d = (to)                                                            \
	}
#define LOAD(page)                                                                                 \
	{                                                                                          \
		.kind = C_LOAD, .addr = (page)                                                     \
	}
#define STORE(page, val)                                                                           \
	{                                                                                          \
		.kind = C_STORE, .addr = (page), .c = (val)                                        \
	}

#endif
