/* SPDX-License-Identifier: MIT */
/*
 * bench_fault.c: what a 4 KiB anonymous write fault costs inside the library.
 *
 * Units measured in the same run, in pairs A B A B; medians of the pairs' ratios:
 *   fault / Z      one thread faults fresh pages; Z is memset of a cold 4 KiB page
 *   2 threads      halves of one mapping, each thread its own, against one thread for all of it
 *   COW / C        writes to pages that a fork shares; C is memcpy of a cold page
 *   read, around   the zero page; cached file pages by fault-around
 *
 * RAM is touched beforehand: the host's own faults are no part of it.  Times are the thread's CPU
 * time, so that other load disturbs less; the gain of two threads is given by wall clock, too,
 * which means something on an idle machine only.  Exit status 1 if a target is missed and --check
 * was given.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "quire/port_host.h"
#include "quire/quire.h"

#define PAGE QUIRE_PAGE_SIZE
#define RAM_BYTES (1024ull << 20)
#define REGION (192ull << 20)
#define REGION_PAGES (REGION / PAGE)
#define ROUNDS 15

#define FAULT_LIMIT_FACTOR 1.3
#define FAULT_LIMIT_EXTRA 100.0 /* ns */
#define THREADS_LIMIT 1.8

struct bench {
	struct quire_machine *m;
	struct quire_mm *mm;
	char *scratch; /* REGION bytes, for the units */
	unsigned seed;
};

static double now_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void must(int ok, const char *what)
{
	need_in("bench_fault", ok, what);
}

static double median(double *v, int n)
{
	return median_of(v, (unsigned)n);
}

/* ---- what is measured: each returns ns per page ------------------------------ */

static double time_memset(struct bench *b)
{
	double t = now_ns();

	for (uint64_t i = 0; i < REGION_PAGES; i++)
		memset(b->scratch + i * PAGE, (int)++b->seed, PAGE);
	return (now_ns() - t) / (double)REGION_PAGES;
}

static double time_memcpy(struct bench *b)
{
	uint64_t half = REGION_PAGES / 2;
	double t = now_ns();

	for (uint64_t i = 0; i < half; i++)
		memcpy(b->scratch + i * PAGE, b->scratch + (half + i) * PAGE, PAGE);
	return (now_ns() - t) / (double)half;
}

static uint64_t map_region(struct bench *b, struct quire_file *file)
{
	uint64_t addr = 0;
	int flags = file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	must(!quire_mmap(b->mm, 0, REGION, PROT_READ | PROT_WRITE, flags, file, 0, &addr), "mmap");
	return addr;
}

static void unmap_region(struct bench *b, uint64_t addr)
{
	must(!quire_munmap(b->mm, addr, REGION), "munmap");
}

static void fault_pages(struct bench *b, uint64_t addr, uint64_t pages, enum quire_access access)
{
	struct quire_fault f;

	for (uint64_t i = 0; i < pages; i++)
		must(quire_fault(b->mm, addr + i * PAGE, access, &f) == QUIRE_FAULT_OK, "fault");
}

static double time_fault(struct bench *b, enum quire_access access)
{
	uint64_t addr = map_region(b, NULL);
	double t = now_ns();

	fault_pages(b, addr, REGION_PAGES, access);
	t = now_ns() - t;
	unmap_region(b, addr);
	return t / (double)REGION_PAGES;
}

/* Cached pages of a shmem file, 16 to a fault. */
static double time_around(struct bench *b, struct quire_file *file)
{
	uint64_t addr = map_region(b, file);
	struct quire_fault f;
	double t = now_ns();

	for (uint64_t i = 0; i < REGION_PAGES; i += f.around + 1)
		must(quire_fault(b->mm, addr + i * PAGE, QUIRE_READ, &f) == QUIRE_FAULT_OK,
		     "fault");
	t = now_ns() - t;
	unmap_region(b, addr);
	return t / (double)REGION_PAGES;
}

static double time_shmem(struct bench *b, struct quire_file **file)
{
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = QUIRE_FILE_SHMEM,
					  .bytes = REGION,
					  .writable = true,
					  .name = "bench"};
	uint64_t addr;
	double t;

	must(!quire_file_create(b->m, &opts, file), "file");
	addr = map_region(b, *file);
	t = now_ns();
	fault_pages(b, addr, REGION_PAGES, QUIRE_WRITE);
	t = now_ns() - t;
	unmap_region(b, addr);
	return t / (double)REGION_PAGES;
}

/* Parent writes to what it shares with a child: *copy; the child gone, *reuse. */
static void time_cow(struct bench *b, double *copy, double *reuse)
{
	uint64_t half = REGION_PAGES / 2, addr = map_region(b, NULL);
	struct quire_mm *child;
	double t;

	fault_pages(b, addr, REGION_PAGES, QUIRE_WRITE);
	must(!quire_mm_fork(b->mm, NULL, &child), "fork");
	t = now_ns();
	fault_pages(b, addr, half, QUIRE_WRITE);
	*copy = (now_ns() - t) / (double)half;
	quire_mm_put(child);
	t = now_ns();
	fault_pages(b, addr + half * PAGE, half, QUIRE_WRITE);
	*reuse = (now_ns() - t) / (double)half;
	unmap_region(b, addr);
}

/* ---- threads ----------------------------------------------------------------- */

struct worker {
	struct bench *b;
	uint64_t addr, pages;
	void (*work)(struct worker *w);
	pthread_barrier_t *start;
	double cpu; /* ns */
};

/* ns per page of all pages: by wall clock, and the mean of what a thread needed. */
struct pace {
	double wall, cpu;
};

static void fault_half(struct worker *w)
{
	fault_pages(w->b, w->addr, w->pages, QUIRE_WRITE);
}

/* The limit of this machine: clearing memory without the library. */
static void clear_half(struct worker *w)
{
	for (uint64_t i = 0; i < w->pages; i++)
		memset((char *)(uintptr_t)w->addr + i * PAGE, 1, PAGE);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct quire_fault f;

	quire_fault(w->b->mm, 0, QUIRE_READ, &f); /* registers the thread with the port */
	pthread_barrier_wait(w->start);
	w->cpu = now_ns();
	w->work(w);
	w->cpu = now_ns() - w->cpu;
	return NULL;
}

static struct pace time_threads(struct bench *b, unsigned n, uint64_t addr,
				void (*work)(struct worker *w))
{
	struct worker w[2];
	struct pace p = {0, 0};
	pthread_t tid[2];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, n + 1);
	for (unsigned i = 0; i < n; i++) {
		w[i] =
		    (struct worker){b, addr + i * (REGION / n), REGION_PAGES / n, work, &start, 0};
		must(!pthread_create(&tid[i], NULL, worker_main, &w[i]), "pthread_create");
	}
	pthread_barrier_wait(&start);
	p.wall = clock_ns(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(tid[i], NULL);
		p.cpu += w[i].cpu / (double)REGION_PAGES;
	}
	p.wall = (clock_ns(CLOCK_MONOTONIC) - p.wall) / (double)REGION_PAGES;
	pthread_barrier_destroy(&start);
	return p;
}

static struct pace time_faults(struct bench *b, unsigned n)
{
	uint64_t addr = map_region(b, NULL);
	struct pace p = time_threads(b, n, addr, fault_half);

	unmap_region(b, addr);
	return p;
}

/* ---- report ------------------------------------------------------------------ */

static int report_fault(struct bench *b)
{
	double z[ROUNDS], f[ROUNDS], ratio[ROUNDS], over[ROUNDS];
	double mz, mo;

	for (int i = 0; i < ROUNDS; i++) {
		z[i] = time_memset(b);
		f[i] = time_fault(b, QUIRE_WRITE);
		ratio[i] = f[i] / z[i];
		over[i] = f[i] - FAULT_LIMIT_FACTOR * z[i];
	}
	mz = median(z, ROUNDS);
	mo = median(over, ROUNDS);
	printf("anonymous fault   %7.1f ns   Z %6.1f ns   ratio %.2f   fault - 1.3 Z = %.1f ns "
	       "(limit %.0f)\n",
	       median(f, ROUNDS), mz, median(ratio, ROUNDS), mo, FAULT_LIMIT_EXTRA);
	return mo > FAULT_LIMIT_EXTRA;
}

/* A thread beside another one needs as much CPU as alone: then two do twice as much. */
static int report_threads(struct bench *b)
{
	double gain[ROUNDS], wall[ROUNDS], limit[ROUNDS], limit_wall[ROUNDS];
	uint64_t scratch = (uintptr_t)b->scratch;

	for (int i = 0; i < ROUNDS; i++) {
		struct pace c1 = time_threads(b, 1, scratch, clear_half);
		struct pace f1 = time_faults(b, 1);
		struct pace c2 = time_threads(b, 2, scratch, clear_half);
		struct pace f2 = time_faults(b, 2);

		gain[i] = 2 * f1.cpu / f2.cpu;
		wall[i] = f1.wall / f2.wall;
		limit[i] = 2 * c1.cpu / c2.cpu;
		limit_wall[i] = c1.wall / c2.wall;
	}
	printf("two threads       gain %.2f (target %.1f; by wall clock %.2f)   "
	       "memset alone %.2f (%.2f)\n",
	       median(gain, ROUNDS), THREADS_LIMIT, median(wall, ROUNDS), median(limit, ROUNDS),
	       median(limit_wall, ROUNDS));
	return median(gain, ROUNDS) < THREADS_LIMIT;
}

static void report_others(struct bench *b)
{
	double c[ROUNDS], copy[ROUNDS], ratio[ROUNDS], reuse[ROUNDS], zero[ROUNDS];
	double shmem[ROUNDS], around[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		struct quire_file *file;

		c[i] = time_memcpy(b);
		time_cow(b, &copy[i], &reuse[i]);
		ratio[i] = copy[i] / c[i];
		zero[i] = time_fault(b, QUIRE_READ);
		shmem[i] = time_shmem(b, &file);
		around[i] = time_around(b, file);
		quire_file_put(file);
	}
	printf("COW copy          %7.1f ns   C %6.1f ns   ratio %.2f\n", median(copy, ROUNDS),
	       median(c, ROUNDS), median(ratio, ROUNDS));
	printf("COW reuse         %7.1f ns\n", median(reuse, ROUNDS));
	printf("zero page         %7.1f ns\n", median(zero, ROUNDS));
	printf("new shmem page    %7.1f ns\n", median(shmem, ROUNDS));
	printf("cached, around    %7.1f ns\n", median(around, ROUNDS));
}

int main(int argc, char **argv)
{
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = RAM_BYTES};
	struct quire_port port;
	struct bench b = {0};
	int missed;

	opts.ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	b.scratch = mmap(NULL, REGION, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(opts.ram != MAP_FAILED && b.scratch != MAP_FAILED, "mmap of RAM");
	quire_port_host(&port);
	must(!quire_machine_create(&port, &opts, &b.m), "machine");
	must(!quire_mm_create(b.m, NULL, &b.mm), "mm");
	time_fault(&b, QUIRE_WRITE); /* metadata of the frames is touched once */
	missed = report_fault(&b);
	missed |= report_threads(&b);
	report_others(&b);
	quire_mm_put(b.mm);
	port.rcu_barrier(port.ctx);
	quire_machine_destroy(b.m);
	return missed && argc > 1 && !strcmp(argv[1], "--check");
}
