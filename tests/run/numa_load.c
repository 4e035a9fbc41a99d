/* SPDX-License-Identifier: MIT */
/*
 * numa_load.c: pages move to and fro between two nodes while eight threads and four forked children
 * write to them and read them: each process's own, shared since the fork until they are written,
 * shared for good, and copies of a file's.  Nothing may be lost.
 *
 * usage: numa_load ROUNDS [SECONDS], under quire run --nodes 2: so many rounds of each worker, then
 * on until that time has passed.  2: usage; 8: no memory for it; 9: memory that is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define WORDS (PAGE / 8)
#define PAGES 32u
#define BYTES (PAGES * PAGE)
#define CHILDREN 4u
#define WORKERS_HERE 5u /* threads of the parent; */
#define MOVERS_HERE 3u
#define WORKERS_THERE 2u /* of each child */
#define MOVERS_THERE 1u
#define SLOTS (WORKERS_HERE + CHILDREN * WORKERS_THERE) /* a word of each page for each worker */
#define MOVE_ALL 4

enum { OWN, FORKED, SHARED, OF_FILE, REGIONS };

/* Shared by all. */
struct control {
	uint64_t moved, calls;
	uint64_t shared_round[SLOTS];
	pid_t pid[CHILDREN + 1]; /* the parent's last */
};

static struct control *control;
static uint64_t *region[REGIONS];
static uint64_t rounds;
static time_t until;
static bool done; /* in this process */
static int move_flags;

static void no_memory(const char *what)
{
	fprintf(stderr, "numa_load: %s: %s\n", what, strerror(errno));
	_exit(8);
}

static void wrong(const char *what, unsigned r, unsigned page, unsigned word, uint64_t is,
		  uint64_t want)
{
	fprintf(stderr, "numa_load: process %d: %s: region %u, page %u, word %u: %lx, not %lx\n",
		(int)getpid(), what, r, page, word, is, want);
	_exit(9);
}

/* ---- what is in the pages ----------------------------------------------------------- */

static uint64_t mix(uint64_t v)
{
	v *= 0x9e3779b97f4a7c15ull;
	return v ^ v >> 29;
}

/* At first, and for good behind the slots. */
static uint64_t at_first(unsigned r, unsigned page, unsigned word)
{
	return mix(r * 1000003ull + page * 1009ull + word + 1);
}

static uint64_t in_slot(unsigned slot, unsigned r, unsigned page, uint64_t round)
{
	return mix(at_first(r, page, slot) + round);
}

/* The round in which a worker first writes to the page; some are read only. */
static uint64_t first_round(unsigned r, unsigned page)
{
	if (r == OWN || r == SHARED)
		return 1;
	return page % 4 == 3 ? UINT64_MAX : 1 + page * (rounds / PAGES / 2);
}

static void fill(unsigned r)
{
	for (unsigned i = 0; i < PAGES; i++)
		for (unsigned w = 0; w < WORDS; w++)
			region[r][i * WORDS + w] = at_first(r, i, w);
}

static void check_body(unsigned r, unsigned page)
{
	const uint64_t *p = region[r] + page * WORDS;

	for (unsigned w = SLOTS; w < WORDS; w++)
		if (p[w] != at_first(r, page, w))
			wrong("behind the slots", r, page, w, p[w], at_first(r, page, w));
}

static void check_slot(unsigned slot, unsigned r, unsigned page, uint64_t round)
{
	const volatile uint64_t *p = region[r] + page * WORDS + slot;
	uint64_t want =
	    round < first_round(r, page) ? at_first(r, page, slot) : in_slot(slot, r, page, round);

	if (*p != want)
		wrong("slot", r, page, slot, *p, want);
}

/* ---- workers ------------------------------------------------------------------------- */

/* By a system call that stores into it. */
static void store_by_call(const int *fd, uint64_t *at, uint64_t v)
{
	if (write(fd[1], &v, sizeof(v)) != sizeof(v) || read(fd[0], at, sizeof(v)) != sizeof(v)) {
		fprintf(stderr, "numa_load: by a pipe: %s\n", strerror(errno));
		_exit(9);
	}
}

static void work_on(unsigned slot, unsigned r, unsigned page, uint64_t round, const int *fd)
{
	uint64_t *at = region[r] + page * WORDS + slot;

	check_body(r, page);
	check_slot(slot, r, page, round - 1);
	if (round < first_round(r, page))
		return;
	if (page == round % PAGES)
		store_by_call(fd, at, in_slot(slot, r, page, round));
	else
		*(volatile uint64_t *)at = in_slot(slot, r, page, round);
}

static bool goes_on(uint64_t round)
{
	return round <= rounds || __atomic_load_n(&control->calls, __ATOMIC_RELAXED) < rounds ||
	       (until && time(NULL) < until);
}

static void *worker(void *arg)
{
	unsigned slot = (unsigned)(uintptr_t)arg;
	uint64_t round = 1;
	int fd[2];

	if (pipe(fd))
		no_memory("pipe");
	for (; goes_on(round); round++)
		for (unsigned r = 0; r < REGIONS; r++)
			for (unsigned page = 0; page < PAGES; page++)
				work_on(slot, r, page, round, fd);
	for (unsigned r = 0; r < REGIONS; r++)
		for (unsigned page = 0; page < PAGES; page++)
			check_slot(slot, r, page, round - 1);
	control->shared_round[slot] = round - 1;
	return NULL;
}

/* ---- movers -------------------------------------------------------------------------- */

/* Whether a call may fail at all is not the matter here: memory may be out on a node. */
static void count(uint64_t moved)
{
	__atomic_fetch_add(&control->moved, moved, __ATOMIC_RELAXED);
	__atomic_fetch_add(&control->calls, 1, __ATOMIC_RELAXED);
}

static void move_pages_of(pid_t pid, unsigned r, int node)
{
	void *pages[PAGES];
	int nodes[PAGES], status[PAGES];
	uint64_t moved = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		pages[i] = region[r] + i * WORDS;
		nodes[i] = node;
		status[i] = -1;
	}
	syscall(SYS_move_pages, pid, (long)PAGES, pages, nodes, status, move_flags);
	for (unsigned i = 0; i < PAGES; i++)
		moved += status[i] == node;
	count(moved);
}

static void migrate(pid_t pid, int node)
{
	unsigned long from = 1ul << !node, to = 1ul << node;

	syscall(SYS_migrate_pages, pid, 64ul, &from, &to);
	count(0);
}

static void bind_to(unsigned r, int node)
{
	unsigned long nodes = 1ul << node;

	syscall(SYS_mbind, region[r], BYTES, 2, &nodes, 64ul, move_flags);
	syscall(SYS_mbind, region[r], BYTES, 0, NULL, 0ul, 0);
	count(0);
}

static void *mover(void *arg)
{
	unsigned kind = (unsigned)(uintptr_t)arg;

	for (unsigned turn = kind; !__atomic_load_n(&done, __ATOMIC_RELAXED); turn++) {
		unsigned who = turn / 3 % (CHILDREN + 1), r = turn / 5 % REGIONS;
		int node = turn & 1;

		if (kind == 0)
			move_pages_of(control->pid[who], r, node);
		else if (kind == 1)
			migrate(control->pid[who], node);
		else
			bind_to(r, node);
	}
	return NULL;
}

/* ---- processes ------------------------------------------------------------------------ */

static pthread_t start(void *(*fn)(void *), unsigned arg)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, fn, (void *)(uintptr_t)arg);
	if (errno)
		no_memory("pthread_create");
	return t;
}

/* The kinds of mover go round from `kind` on. */
static void all_threads(unsigned slot, unsigned workers, unsigned kind, unsigned movers)
{
	pthread_t w[WORKERS_HERE], m[MOVERS_HERE];

	fill(OWN);
	for (unsigned i = 0; i < movers; i++)
		m[i] = start(mover, (kind + i) % 3);
	for (unsigned i = 0; i < workers; i++)
		w[i] = start(worker, slot + i);
	for (unsigned i = 0; i < workers; i++)
		pthread_join(w[i], NULL);
	__atomic_store_n(&done, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < movers; i++)
		pthread_join(m[i], NULL);
}

static void start_children(void)
{
	control->pid[CHILDREN] = getpid();
	for (unsigned i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid < 0)
			no_memory("fork");
		if (!pid) {
			all_threads(WORKERS_HERE + i * WORKERS_THERE, WORKERS_THERE, i,
				    MOVERS_THERE);
			_exit(0);
		}
		control->pid[i] = pid;
	}
}

/* The worst. */
static int wait_for_children(void)
{
	int status, worst = 0;

	while (wait(&status) > 0) {
		int code = WIFEXITED(status) ? WEXITSTATUS(status) : 8;

		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			code = 9;
		worst = code > worst ? code : worst;
	}
	return worst;
}

static void *map(int flags, int fd)
{
	void *p = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		no_memory("mmap");
	return p;
}

static int file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0 || write(fd, region[SHARED], BYTES) != (ssize_t)BYTES)
		no_memory("a file in /tmp");
	return fd;
}

static void make_regions(void)
{
	control = map(MAP_SHARED | MAP_ANONYMOUS, -1);
	region[OWN] = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	region[FORKED] = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	region[SHARED] = map(MAP_SHARED | MAP_ANONYMOUS, -1);
	fill(FORKED);
	region[OF_FILE] = region[SHARED]; /* to be written to the file */
	fill(OF_FILE);
	region[OF_FILE] = map(MAP_PRIVATE, file());
	fill(SHARED);
}

/* What the workers of others have left in shared memory is there, too. */
static void check_shared(void)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		for (unsigned page = 0; page < PAGES; page++)
			check_slot(slot, SHARED, page, control->shared_round[slot]);
}

int main(int argc, char **argv)
{
	int worst;

	if (argc < 2)
		return 2;
	rounds = strtoul(argv[1], NULL, 0);
	until = argc > 2 ? time(NULL) + atoi(argv[2]) : 0;
	move_flags = geteuid() ? MOVE_ALL / 2 : MOVE_ALL;
	make_regions();
	start_children();
	all_threads(0, WORKERS_HERE, 0, MOVERS_HERE);
	worst = wait_for_children();
	if (worst)
		return worst;
	check_shared();
	printf("%lu calls, %lu pages moved\n", control->calls, control->moved);
	return control->moved < rounds ? 1 : 0;
}
