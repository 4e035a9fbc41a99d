/* SPDX-License-Identifier: MIT */
/*
 * rights_model.c: random mmap, munmap, mprotect, MADV_DONTNEED, fork and exec in a small area, each
 * followed by accesses to a page and to both its neighbours, against a model of what every page is,
 * what it allows and what it holds.  Right natively and under quire run.
 *
 *   rights_model [SEED [STEPS]]
 *
 * The first difference ends it, with the seed and the step.  All addresses are fixed, and the
 * file's pages are mapped in the order of the area's: neighbours' frames stand in a row wherever
 * they can, across mappings too.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul
#define PAGES 64
#define FILE_PAGES 56                     /* behind them: SIGBUS */
#define AREA (0x100000200000ul - 32 * PG) /* under two last-level tables */
#define SHM_PAGES (1u << 18)
#define CODE 64 /* where a page holds an instruction `ret`, once it was written */
#define RET 0xc3
#define FD 9

enum kind { HOLE, ANON, SHARED_ANON, PRIVATE_FILE, SHARED_FILE, KINDS };
static const char *const kind_names[] = {"a hole", "private anonymous", "shared anonymous",
					 "private file", "shared file"};

struct page {
	enum kind kind;
	int prot;
	unsigned at;   /* page of the file, or of shm[] */
	bool own;      /* private: it was written, and holds: */
	uint8_t value; /* 0: never written, no code */
};

/* What processes share, as they share what it stands for. */
struct common {
	uint8_t file[PAGES], shm[SHM_PAGES];
	unsigned shm_next;
};

static struct page model[PAGES + 2]; /* the first and the last are holes for ever */
static struct common *common;
static uint64_t seed, state, step;
static unsigned depth; /* of forks */

static void fail(const char *format, ...)
{
	va_list args;

	printf("seed %lu, step %lu, depth %u: ", (unsigned long)seed, (unsigned long)step, depth);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static uint8_t *address(unsigned i)
{
	return (uint8_t *)(AREA + i * PG);
}

/* ---- accesses ----------------------------------------------------------------- */

enum access { READ, WRITE, EXECUTE };
static const char *const access_names[] = {"read", "write", "execution"};

struct result {
	int sig, code;
	const void *addr;
};

static sigjmp_buf caught;
static volatile struct result came;

static void on_fault(int sig, siginfo_t *si, void *uc)
{
	(void)uc;
	came.sig = sig;
	came.code = si->si_code;
	came.addr = si->si_addr;
	siglongjmp(caught, 1);
}

/* Returns what was read. */
static uint8_t try_access(unsigned i, enum access access, uint8_t value, struct result *r)
{
	volatile uint8_t *p = address(i);
	volatile uint8_t got = 0;

	came = (struct result){0, 0, NULL};
	if (!sigsetjmp(caught, 0)) {
		if (access == READ) {
			got = *p;
		} else if (access == EXECUTE) {
			((void (*)(void))(uintptr_t)(p + CODE))();
		} else {
			p[CODE] = RET;
			p[0] = value;
		}
	}
	*r = came;
	return got;
}

static uint8_t *shared_value(const struct page *p)
{
	return p->kind == SHARED_ANON ? &common->shm[p->at] : &common->file[p->at];
}

static uint8_t value_of(const struct page *p)
{
	if (p->own || p->kind == ANON)
		return p->value;
	return *shared_value(p);
}

static void stored(struct page *p, uint8_t value)
{
	if (p->kind == SHARED_ANON || p->kind == SHARED_FILE) {
		*shared_value(p) = value;
	} else {
		p->own = true;
		p->value = value;
	}
}

static bool beyond_end(const struct page *p)
{
	return (p->kind == PRIVATE_FILE || p->kind == SHARED_FILE) && p->at >= FILE_PAGES;
}

static struct result wanted(const struct page *p, unsigned i, enum access access)
{
	const uint8_t *at = address(i) + (access == READ ? 0 : CODE);

	if (p->kind == HOLE)
		return (struct result){SIGSEGV, SEGV_MAPERR, at};
	if (!p->prot || (access == WRITE && !(p->prot & PROT_WRITE)) ||
	    (access == EXECUTE && !(p->prot & PROT_EXEC)))
		return (struct result){SIGSEGV, SEGV_ACCERR, at};
	if (beyond_end(p))
		return (struct result){SIGBUS, BUS_ADRERR, at};
	return (struct result){0, 0, NULL};
}

static void probe(unsigned i, enum access access)
{
	struct page *p = &model[i];
	uint8_t value = (uint8_t)(1 + below(255)), read;
	struct result want, got;

	/* Without code nothing is there to be executed.  (And which of its two refusals a page
	 * gets that is neither there nor executable, compat.md says.) */
	if (access == EXECUTE && (beyond_end(p) || (p->kind != HOLE && !value_of(p))))
		access = READ;
	want = wanted(p, i, access);

	read = try_access(i, access, value, &got);
	if (got.sig != want.sig || got.code != want.code || got.addr != want.addr)
		fail("%s of page %u (%s, rights %d): signal %d code %d at %p instead of %d %d %p",
		     access_names[access], i, kind_names[p->kind], p->prot, got.sig, got.code,
		     got.addr, want.sig, want.code, want.addr);
	if (!want.sig && access == READ && read != value_of(p))
		fail("page %u (%s) holds %u instead of %u", i, kind_names[p->kind], read,
		     value_of(p));
	if (!want.sig && access == WRITE)
		stored(p, value);
}

static void probe_neighbours(unsigned i)
{
	bool up = below(2);

	for (int d = -1; d <= 1; d++) {
		unsigned at = i + (unsigned)(up ? d : -d);

		if (at <= PAGES + 1)
			probe(at, (enum access)below(3));
	}
}

static void probe_all(void)
{
	bool up = below(2);

	for (unsigned i = 0; i < PAGES + 2; i++)
		probe(up ? i : PAGES + 1 - i, READ);
}

/* ---- changes ------------------------------------------------------------------ */

static int some_prot(void)
{
	static const int prots[] = {PROT_NONE,
				    PROT_NONE,
				    PROT_READ,
				    PROT_READ,
				    PROT_READ | PROT_EXEC,
				    PROT_READ | PROT_WRITE,
				    PROT_WRITE,
				    PROT_READ | PROT_WRITE | PROT_EXEC};

	return prots[below(sizeof(prots) / sizeof(prots[0]))];
}

struct range {
	unsigned first, n;
};

static struct range some_range(void)
{
	struct range r = {1 + below(PAGES), 1 + below(below(4) ? 3 : 24)};

	if (r.first + r.n > PAGES + 1)
		r.n = PAGES + 1 - r.first;
	return r;
}

static void change_map(struct range r)
{
	static const int flags[] = {[ANON] = MAP_PRIVATE | MAP_ANONYMOUS,
				    [SHARED_ANON] = MAP_SHARED | MAP_ANONYMOUS,
				    [PRIVATE_FILE] = MAP_PRIVATE,
				    [SHARED_FILE] = MAP_SHARED};
	enum kind kind = (enum kind)(1 + below(KINDS - 1));
	int prot = some_prot();
	bool file = kind == PRIVATE_FILE || kind == SHARED_FILE;

	if (kind == SHARED_ANON && common->shm_next + r.n > SHM_PAGES)
		kind = ANON;
	if (mmap(address(r.first), r.n * PG, prot, flags[kind] | MAP_FIXED, file ? FD : -1,
		 file ? (off_t)((r.first - 1) * PG) : 0) != address(r.first))
		fail("mmap: %s", strerror(errno));
	for (unsigned i = r.first; i < r.first + r.n; i++) {
		model[i] = (struct page){.kind = kind, .prot = prot, .at = i - 1};
		if (kind == SHARED_ANON)
			model[i].at = common->shm_next++;
	}
}

static void change_unmap(struct range r)
{
	if (munmap(address(r.first), r.n * PG))
		fail("munmap: %s", strerror(errno));
	for (unsigned i = r.first; i < r.first + r.n; i++)
		model[i] = (struct page){.kind = HOLE};
}

static unsigned mapped_from(struct range r)
{
	unsigned n = 0;

	while (n < r.n && model[r.first + n].kind != HOLE)
		n++;
	return n;
}

/* Up to the first hole. */
static void change_protect(struct range r)
{
	int prot = some_prot(), err = mprotect(address(r.first), r.n * PG, prot) ? errno : 0;
	unsigned n = mapped_from(r);

	if (err != (n < r.n ? ENOMEM : 0))
		fail("mprotect: errno %d", err);
	for (unsigned i = r.first; i < r.first + n; i++)
		model[i].prot = prot;
}

/* Over all holes. */
static void change_drop(struct range r)
{
	int err = madvise(address(r.first), r.n * PG, MADV_DONTNEED) ? errno : 0;

	if (err != (mapped_from(r) < r.n ? ENOMEM : 0))
		fail("MADV_DONTNEED: errno %d", err);
	for (unsigned i = r.first; i < r.first + r.n; i++) {
		model[i].own = false;
		model[i].value = 0;
	}
}

static void run(uint64_t steps);

/* The program anew: nothing of the area is left. */
static void exec_self(uint64_t steps)
{
	char seed_text[24], steps_text[24], depth_text[24];
	char *argv[] = {"rights_model", seed_text, steps_text, depth_text, NULL};

	snprintf(seed_text, sizeof(seed_text), "%lu", (unsigned long)state);
	snprintf(steps_text, sizeof(steps_text), "%lu", (unsigned long)steps);
	snprintf(depth_text, sizeof(depth_text), "%u", depth);
	execv("/proc/self/exe", argv);
	fail("exec: %s", strerror(errno));
}

static void read_file_values(void)
{
	for (unsigned i = 0; i < FILE_PAGES; i++)
		if (pread(FD, &common->file[i], 1, (off_t)(i * PG)) != 1)
			fail("pread: %s", strerror(errno));
}

/* The child goes on with what it has got, or with a new program, while the parent waits. */
static uint64_t change_fork(void)
{
	uint64_t steps = 1 + below(60);
	bool exec = !below(4);
	unsigned before = below(8);
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (!pid) {
		depth++;
		if (!exec)
			before = (unsigned)steps;
		run(before);
		if (exec)
			exec_self(steps);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		fail("a child ended with status %x", (unsigned)status);
	if (exec)
		read_file_values();
	probe_all();
	return steps;
}

static uint64_t change(void)
{
	unsigned what = below(1000);
	struct range r = some_range();
	uint64_t steps = 1;

	if (what < 550)
		change_protect(r);
	else if (what < 750)
		change_map(r);
	else if (what < 810)
		change_unmap(r);
	else if (what < 880)
		change_drop(r);
	else if (what < 884 && depth < 3)
		steps += change_fork();
	probe_neighbours(r.first);
	probe_neighbours(r.first + r.n - 1);
	probe_neighbours(1 + below(PAGES));
	return steps;
}

static void run(uint64_t steps)
{
	for (uint64_t done = 0; done < steps;) {
		uint64_t n = change();

		done += n;
		step += n;
	}
	probe_all();
}

/* ---- start -------------------------------------------------------------------- */

static void make_file(void)
{
	int fd = memfd_create("rights", 0);

	if (fd < 0 || dup2(fd, FD) != FD || ftruncate(FD, FILE_PAGES * PG))
		fail("a file: %s", strerror(errno));
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		uint8_t value = (uint8_t)(i + 1), code = RET;

		if (pwrite(FD, &value, 1, (off_t)(i * PG)) != 1 ||
		    pwrite(FD, &code, 1, (off_t)(i * PG + CODE)) != 1)
			fail("pwrite: %s", strerror(errno));
	}
}

int main(int argc, char **argv)
{
	uint64_t steps = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	depth = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 0;
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	common =
	    mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (common == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	if (!depth)
		make_file();
	read_file_values();
	probe_all();
	run(steps);
	if (!depth)
		printf("%lu steps: as the model\n", (unsigned long)step);
	return 0;
}
