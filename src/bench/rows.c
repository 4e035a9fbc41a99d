/* SPDX-License-Identifier: MIT */
/*
 * rows.c: the operations of one thread.
 *
 * What is timed is the call alone: mapping before it and unmapping after it are not.  Memory is
 * populated by MADV_POPULATE_*, which makes the faults that touching would make, but without the
 * processor's exception: the library has none.
 */
#include "bench/rows.h"

#include <quire/abi.h>

#define RW (QPROT_READ | QPROT_WRITE)
#define REGION bench_region
#define PAGES (bench_region / BENCH_PAGE)
#define LARGE (1ull << 30)
#define SMALL_REPEATS BENCH_SMALL_REPEATS
/* Where nothing else is, on either side; aligned to 1 GiB. */
#define PLACE 0x100000000000ull
#define OTHER_PLACE 0x110000000000ull
#define MANY_PLACE 0x120000000000ull
#define MANY_VMAS 50000

uint64_t bench_region = 64ull << 20;

static void map_private(struct memory *m)
{
	m->ops->map(m, PLACE, REGION, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
}

static void populate_write(struct memory *m)
{
	m->ops->advise(m, PLACE, REGION, QMADV_POPULATE_WRITE);
}

static void populate_read(struct memory *m)
{
	m->ops->advise(m, PLACE, REGION, QMADV_POPULATE_READ);
}

static void map_populated(struct memory *m)
{
	map_private(m);
	populate_write(m);
}

static void unmap(struct memory *m)
{
	m->ops->unmap(m, PLACE, REGION);
}

/* What the operation takes per page of the mapping, which goes afterwards. */
static double time_and_unmap(struct memory *m, void (*operation)(struct memory *m))
{
	double t = bench_now();

	operation(m);
	t = bench_now() - t;
	unmap(m);
	return t / (double)PAGES;
}

static double anon_write(struct memory *m)
{
	map_private(m);
	return time_and_unmap(m, populate_write);
}

static double zero_read(struct memory *m)
{
	map_private(m);
	return time_and_unmap(m, populate_read);
}

/* ---- files ------------------------------------------------------------------- */

static double time_shared(struct memory *m, struct bench_file *f,
			  void (*operation)(struct memory *m))
{
	m->ops->map(m, PLACE, REGION, RW, QMAP_SHARED | QMAP_FIXED, f);
	return time_and_unmap(m, operation);
}

/* Shared anonymous memory is a file of tmpfs without a page. */
static double new_tmpfs(struct memory *m)
{
	return time_shared(m, NULL, populate_write);
}

static double cached(struct memory *m, bool disk, void (*operation)(struct memory *m))
{
	struct bench_file *f = m->ops->file(m, disk, REGION);
	double ns = time_shared(m, f, operation);

	m->ops->close(m, f);
	return ns;
}

static double cached_tmpfs(struct memory *m)
{
	return cached(m, false, populate_write);
}

static double cached_disk(struct memory *m)
{
	return cached(m, true, populate_read);
}

/* ---- fork -------------------------------------------------------------------- */

static double cow(struct memory *m, bool reuse)
{
	void *child;
	double t;

	map_populated(m);
	child = m->ops->fork(m);
	if (reuse)
		m->ops->end_child(m, child);
	t = bench_now();
	populate_write(m);
	t = bench_now() - t;
	if (!reuse)
		m->ops->end_child(m, child);
	unmap(m);
	return t / (double)PAGES;
}

static double cow_copy(struct memory *m)
{
	return cow(m, false);
}

static double cow_reuse(struct memory *m)
{
	return cow(m, true);
}

double bench_fork(struct memory *m, uint64_t bytes)
{
	void *child;
	double t;

	m->ops->map(m, PLACE, bytes, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
	m->ops->advise(m, PLACE, bytes, QMADV_POPULATE_WRITE);
	t = bench_now();
	child = m->ops->fork(m);
	t = bench_now() - t;
	m->ops->end_child(m, child);
	m->ops->unmap(m, PLACE, bytes);
	return t / (double)(bytes / BENCH_PAGE);
}

static double fork_pages(struct memory *m)
{
	return bench_fork(m, REGION);
}

/* ---- unmapping, moving ------------------------------------------------------- */

static double munmap_pages(struct memory *m)
{
	double t;

	map_populated(m);
	t = bench_now();
	unmap(m);
	return (bench_now() - t) / (double)PAGES;
}

static void drop(struct memory *m)
{
	m->ops->advise(m, PLACE, REGION, QMADV_DONTNEED);
}

static double dontneed(struct memory *m)
{
	map_populated(m);
	return time_and_unmap(m, drop);
}

static double remap(struct memory *m, uint64_t to)
{
	double t;

	map_populated(m);
	t = bench_now();
	m->ops->remap(m, PLACE, REGION, to);
	t = bench_now() - t;
	m->ops->unmap(m, to, REGION);
	return t / (double)PAGES;
}

static double remap_aligned(struct memory *m)
{
	return remap(m, OTHER_PLACE);
}

static double remap_misaligned(struct memory *m)
{
	return remap(m, OTHER_PLACE + BENCH_PAGE);
}

/* Its tables are full, of the zero page: as much RAM there need not be. */
static double remap_large(struct memory *m)
{
	double t;

	m->ops->map(m, PLACE, LARGE, RW, QMAP_PRIVATE | QMAP_FIXED | QMAP_NORESERVE, NULL);
	m->ops->advise(m, PLACE, LARGE, QMADV_POPULATE_READ);
	t = bench_now();
	m->ops->remap(m, PLACE, LARGE, OTHER_PLACE);
	t = bench_now() - t;
	m->ops->unmap(m, OTHER_PLACE, LARGE);
	return t / (double)(LARGE / BENCH_PAGE);
}

/* ---- calls ------------------------------------------------------------------- */

static double map_unmap(struct memory *m)
{
	double t = bench_now();

	for (unsigned i = 0; i < SMALL_REPEATS; i++) {
		m->ops->map(m, PLACE, BENCH_PAGE, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
		m->ops->unmap(m, PLACE, BENCH_PAGE);
	}
	return (bench_now() - t) / SMALL_REPEATS;
}

/* Neighbours with different rights stay apart. */
static void map_many(struct memory *m, unsigned vmas)
{
	for (uint64_t i = 0; i < vmas; i++)
		m->ops->map(m, MANY_PLACE + i * BENCH_PAGE, BENCH_PAGE, i % 2 ? RW : QPROT_READ,
			    QMAP_PRIVATE | QMAP_FIXED, NULL);
}

static void unmap_many(struct memory *m, unsigned vmas)
{
	m->ops->unmap(m, MANY_PLACE, vmas * BENCH_PAGE);
}

double bench_map_among(struct memory *m, unsigned vmas)
{
	double ns;

	map_many(m, vmas);
	ns = map_unmap(m);
	unmap_many(m, vmas);
	return ns;
}

static double map_unmap_many(struct memory *m)
{
	return bench_map_among(m, MANY_VMAS);
}

static double mincore_many(struct memory *m)
{
	uint8_t vec;
	double t;

	map_many(m, MANY_VMAS);
	t = bench_now();
	for (uint64_t i = 0; i < SMALL_REPEATS; i++)
		m->ops->mincore(m, MANY_PLACE + (i * 7919 % MANY_VMAS) * BENCH_PAGE, BENCH_PAGE,
				&vec);
	t = bench_now() - t;
	unmap_many(m, MANY_VMAS);
	return t / SMALL_REPEATS;
}

static double split_merge(struct memory *m)
{
	double t;

	m->ops->map(m, PLACE, 16 * BENCH_PAGE, RW, QMAP_PRIVATE | QMAP_FIXED, NULL);
	t = bench_now();
	for (unsigned i = 0; i < SMALL_REPEATS; i++) {
		m->ops->protect(m, PLACE + BENCH_PAGE, BENCH_PAGE, QPROT_READ);
		m->ops->protect(m, PLACE + BENCH_PAGE, BENCH_PAGE, RW);
	}
	t = bench_now() - t;
	m->ops->unmap(m, PLACE, 16 * BENCH_PAGE);
	return t / SMALL_REPEATS;
}

static void lock(struct memory *m)
{
	m->ops->lock(m, PLACE, REGION);
}

static void unlock(struct memory *m)
{
	m->ops->unlock(m, PLACE, REGION);
}

static double lock_pages(struct memory *m)
{
	map_populated(m);
	return time_and_unmap(m, lock);
}

static double unlock_pages(struct memory *m)
{
	map_private(m);
	lock(m);
	return time_and_unmap(m, unlock);
}

static double rollup(struct memory *m)
{
	void *child;
	double t;

	map_populated(m);
	child = m->ops->fork(m);
	t = bench_now();
	m->ops->rollup(m, child);
	t = bench_now() - t;
	m->ops->end_child(m, child);
	unmap(m);
	return t / (double)PAGES;
}

const struct row rows[] = {
    {"anonymous write fault", "page", {1, 0, 12}, anon_write, ROW_ONE},
    {"zero page read fault", "page", {0, 0, 8}, zero_read, ROW_ONE},
    {"new tmpfs page", "page", {1, 0, 18}, new_tmpfs, ROW_ONE},
    {"cached tmpfs page", "page", {0, 0, 20}, cached_tmpfs, ROW_ONE},
    {"cached file page, fault-around", "page", {0, 0, 4}, cached_disk, ROW_ONE},
    {"COW copy", "page", {0, 1, 25}, cow_copy, ROW_ONE},
    {"COW reuse", "page", {0, 0, 10}, cow_reuse, ROW_ONE},
    {"fork", "page", {0, 0, 3}, fork_pages, ROW_ONE},
    {"munmap, populated", "page", {0, 0, 8}, munmap_pages, ROW_ONE},
    {"MADV_DONTNEED", "page", {0, 0, 8}, dontneed, ROW_ONE},
    {"mremap, aligned", "page", {0, 0, 0.05}, remap_aligned, ROW_ONE},
    {"mremap of 1 GiB, aligned", "page", {0, 0, 0.05}, remap_large, ROW_ONE},
    {"mremap, misaligned", "page", {0, 0, 2}, remap_misaligned, ROW_ONE},
    {"mmap + munmap of a page", "pair", {0, 0, 60}, map_unmap, ROW_ONE},
    {"the same among 50,000 VMAs", "pair", {0, 0, 100}, map_unmap_many, ROW_ONE},
    {"mprotect split + merge", "pair", {0, 0, 120}, split_merge, ROW_ONE},
    {"mlock, populated", "page", {0, 0, 6}, lock_pages, ROW_ONE},
    {"munlock", "page", {0, 0, 6}, unlock_pages, ROW_ONE},
    {"smaps_rollup", "page", {0, 0, 1}, rollup, ROW_ONE},
    {"mincore among 50,000 VMAs", "call", {0, 0, 40}, mincore_many, ROW_ONE},
    {"huge page fault", "huge", {522, 0, 50}, huge_fault, ROW_HUGE},
    {"huge page COW copy", "huge", {0, 522, 50}, huge_cow, ROW_HUGE},
    {"fork, huge pages", "huge", {0, 0, 60}, huge_fork, ROW_HUGE},
    {"munmap, huge pages", "huge", {0, 0, 60}, huge_munmap, ROW_HUGE},
    {"mremap, huge pages", "huge", {0, 0, 10}, huge_remap, ROW_HUGE},
    {"threads that fault together", "page", {0.51, 0, 6.2}, fault_together, ROW_THREADS},
    {"fault beside mmap and munmap", "page", {1.05, 0, 12.6}, fault_beside_map, ROW_THREADS},
    {"mmap + munmap beside populate", "pair", {0, 0, 500}, map_beside_populate, ROW_THREADS},
};
const unsigned nr_rows = sizeof(rows) / sizeof(rows[0]);
