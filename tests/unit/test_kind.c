/* SPDX-License-Identifier: MIT */
/*
 * test_kind.c: a kind of mapping that the core does not know (counted.c) is asked, told and obeyed
 * by all calls.
 *
 * After each step its books are compared with the address space: as many VMAs are open as there
 * are, and what is charged is what is mapped.  Pages of 2 MiB behave as the host's hugetlb does.
 */
#include "core/vma/mm.h"
#include "counted.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>

#define LARGE (2ull << 20)
#define BASE 0x600000000000ull
#define PG(n) (BASE + (n)*UPAGE)
#define LP(n) (BASE + (n)*LARGE)
#define FAR 0x700000000000ull

struct kind_test {
	struct unit u; /* first */
	struct counted c;
	struct quire_file *file;
	struct quire_mm *child;
};

static void file_up(struct kind_test *t, enum quire_file_kind kind)
{
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = kind,
					  .priv = &t->c,
					  .bytes = 1ull << 30,
					  .writable = true,
					  .name = "counted"};

	t->c.limit = INT64_MAX;
	assert_int_equal(quire_file_create(t->u.m, &opts, &t->file), 0);
}

static int up(void **state)
{
	struct kind_test *t = calloc(1, sizeof(*t));

	unit_up(&t->u, NULL, NULL);
	counted_register(t->u.m);
	*state = t;
	return 0;
}

static int up_small(void **state)
{
	up(state);
	file_up(*state, COUNTED_SMALL);
	return 0;
}

static int up_large(void **state)
{
	up(state);
	file_up(*state, COUNTED_LARGE);
	return 0;
}

static int up_ranges(void **state)
{
	up(state);
	file_up(*state, COUNTED_RANGES);
	return 0;
}

static void file_down(struct kind_test *t)
{
	quire_file_put(t->file);
	if (t->u.mm)
		quire_mm_put(t->u.mm);
	t->u.mm = NULL;
	assert_int_equal(t->c.opens, t->c.closes);
	assert_true(t->c.opens > 0);
	assert_int_equal(t->c.charged, 0);
	assert_int_equal(t->c.accounts, 0);
}

static int down(void **state)
{
	struct kind_test *t = *state;

	file_down(t);
	unit_down(&t->u);
	free(t);
	return 0;
}

/* ---- the books --------------------------------------------------------------- */

static void add_up(struct quire_mm *mm, uint64_t *vmas, int64_t *pages)
{
	struct quire_vma_info vi;

	for (uint64_t a = 0; mm && quire_vma_next(mm, a, &vi) == 0; a = vi.end)
		if (vi.has_file) {
			++*vmas;
			*pages += (int64_t)((vi.end - vi.start) / UPAGE);
		}
}

static void balance(struct kind_test *t)
{
	uint64_t vmas = 0;
	int64_t pages = 0;

	add_up(t->u.mm, &vmas, &pages);
	add_up(t->child, &vmas, &pages);
	assert_int_equal(t->c.opens - t->c.closes, vmas);
	assert_int_equal(t->c.charged, pages);
	unit_verify(&t->u);
}

/* A step, and what it leaves: so many VMAs of any kind. */
#define STEP_LEAVES(t, err, n, call)                                                               \
	do {                                                                                       \
		assert_int_equal((call), (err));                                                   \
		assert_int_equal(unit_vma_count((t)->u.mm), (n));                                  \
		balance(t);                                                                        \
	} while (0)

static int map_at(struct kind_test *t, uint64_t addr, uint64_t len)
{
	uint64_t out;

	return quire_mmap(t->u.mm, addr, len, URW, QMAP_PRIVATE | QMAP_FIXED, t->file, 0, &out);
}

static int map_anon(struct kind_test *t, uint64_t addr, uint64_t len)
{
	uint64_t out;

	return quire_mmap(t->u.mm, addr, len, URW, UANON | QMAP_FIXED, NULL, 0, &out);
}

static int move(struct kind_test *t, uint64_t from, uint64_t old, uint64_t new, int flags,
		uint64_t to)
{
	uint64_t out;

	return quire_mremap(t->u.mm, from, old, new, flags, to, &out);
}

#define TO_FIXED (QMREMAP_MAYMOVE | QMREMAP_FIXED)

/* ---- private, open and close, charge ------------------------------------------- */

static void test_split_and_merge(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	unit_fill(mm, PG(0), 8 * UPAGE, 1);
	STEP_LEAVES(t, 0, 3, quire_mprotect(mm, PG(2), 2 * UPAGE, QPROT_READ));
	assert_int_equal(t->c.accounts, 1);
	STEP_LEAVES(t, 0, 1, quire_mprotect(mm, PG(2), 2 * UPAGE, URW));
	STEP_LEAVES(t, 0, 3, quire_madvise(mm, PG(2), UPAGE, QMADV_DONTDUMP));
	STEP_LEAVES(t, 0, 1, quire_madvise(mm, PG(2), UPAGE, QMADV_DODUMP));
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, PG(3), UPAGE));
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, PG(6), 2 * UPAGE));
	unit_expect_fill(mm, PG(0), 3 * UPAGE, 1);
	STEP_LEAVES(t, 0, 0, quire_munmap(mm, PG(0), 8 * UPAGE));
	assert_int_equal(t->c.accounts, 0);
}

/* Offsets continue, all is the same; but each mapping has an account of its own. */
static void test_accounts_stay_apart(void **state)
{
	struct kind_test *t = *state;
	uint64_t out;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 2 * UPAGE));
	STEP_LEAVES(t, 0, 2,
		    quire_mmap(t->u.mm, PG(2), 2 * UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED, t->file,
			       2 * UPAGE, &out));
	assert_int_equal(t->c.accounts, 2);
}

static void test_merge_refused(void **state)
{
	struct kind_test *t = *state;

	t->c.no_merge = true;
	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 3, quire_mprotect(t->u.mm, PG(2), 2 * UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 3, quire_mprotect(t->u.mm, PG(2), 2 * UPAGE, URW));
	t->c.no_merge = false;
	STEP_LEAVES(t, 0, 3, quire_mprotect(t->u.mm, PG(2), 2 * UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 1, quire_mprotect(t->u.mm, PG(2), 2 * UPAGE, URW));
}

static void test_fork(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	unit_fill(mm, PG(0), 4 * UPAGE, 1);
	STEP_LEAVES(t, 0, 1, quire_mm_fork(mm, NULL, &t->child));
	assert_int_equal(t->c.accounts, 1);
	assert_int_equal(unit_rss(t->child), 4);
	unit_fill(t->child, PG(0), 2 * UPAGE, 2);
	unit_expect_fill(mm, PG(0), 4 * UPAGE, 1);
	STEP_LEAVES(t, 0, 0, quire_munmap(mm, PG(0), 4 * UPAGE));
	assert_int_equal(t->c.accounts, 1);
	quire_mm_put(t->child);
	t->child = NULL;
	balance(t);
	assert_int_equal(t->c.accounts, 0);
}

/* Several VMAs of two accounts: all are charged, or none. */
static void test_fork_of_several(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 3, quire_mprotect(mm, PG(2), 2 * UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 4, map_at(t, FAR, 4 * UPAGE));
	for (t->c.limit = 12; t->c.limit < 24; t->c.limit++)
		STEP_LEAVES(t, -ENOMEM, 4, quire_mm_fork(mm, NULL, &t->child));
	STEP_LEAVES(t, 0, 4, quire_mm_fork(mm, NULL, &t->child));
	assert_int_equal(t->c.charged, 24);
	quire_mm_put(t->child);
	t->child = NULL;
	balance(t);
}

static void test_fork_copies_nothing(void **state)
{
	struct kind_test *t = *state;

	t->c.not_copied = true;
	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	unit_fill(t->u.mm, PG(0), 4 * UPAGE, 1);
	STEP_LEAVES(t, 0, 1, quire_mm_fork(t->u.mm, NULL, &t->child));
	assert_int_equal(unit_rss(t->child), 0);
	unit_expect_zero(t->child, PG(0), 4 * UPAGE);
	quire_mm_put(t->child);
	t->child = NULL;
}

static void test_charge_refused(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_anon(t, PG(0), 8 * UPAGE));
	unit_fill(mm, PG(0), 8 * UPAGE, 3);
	t->c.limit = 6;
	STEP_LEAVES(t, -ENOMEM, 1, map_at(t, PG(0), 8 * UPAGE));
	unit_expect_fill(mm, PG(0), 8 * UPAGE, 3);
	STEP_LEAVES(t, 0, 2, map_at(t, PG(8), 4 * UPAGE));
	unit_fill(mm, PG(8), 4 * UPAGE, 4);
	/* What changes nothing is charged nothing, on the way neither. */
	STEP_LEAVES(t, 0, 4, quire_mprotect(mm, PG(9), UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 2, quire_mprotect(mm, PG(9), UPAGE, URW));
	STEP_LEAVES(t, 0, 2, move(t, PG(8), 4 * UPAGE, 4 * UPAGE, TO_FIXED, FAR));
	unit_expect_fill(mm, FAR, 4 * UPAGE, 4);
	STEP_LEAVES(t, -ENOMEM, 2, move(t, FAR, 4 * UPAGE, 8 * UPAGE, QMREMAP_MAYMOVE, 0));
	STEP_LEAVES(t, 0, 2, move(t, FAR, 4 * UPAGE, 6 * UPAGE, QMREMAP_MAYMOVE, 0));
	STEP_LEAVES(t, -ENOMEM, 2, quire_mm_fork(mm, NULL, &t->child));
	t->c.limit = 12;
	STEP_LEAVES(t, 0, 2, quire_mm_fork(mm, NULL, &t->child));
	quire_mm_put(t->child);
	t->child = NULL;
	balance(t);
}

/* Private and writable as they are: what has an account of its own is no committed memory. */
static void test_not_committed(void **state)
{
	struct kind_test *t = *state;
	struct quire_machine_stats before, after;

	quire_machine_stats(t->u.m, &before);
	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 2, quire_mprotect(t->u.mm, PG(0), UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 1, quire_mprotect(t->u.mm, PG(0), UPAGE, URW));
	quire_machine_stats(t->u.m, &after);
	assert_int_equal(after.committed_pages, before.committed_pages);
}

/* ---- a reader that stays ------------------------------------------------------- */

static void *unmap(void *arg)
{
	struct kind_test *t = arg;

	return quire_munmap(t->u.mm, PG(0), 4 * UPAGE) ? t : NULL;
}

/* A fault that found the VMA may look at what its private points to: it is closed, and there. */
static void test_private_outlives_its_vmas(void **state)
{
	struct kind_test *t = *state;
	const struct quire_port *port = &t->u.port;
	pthread_t thread;
	struct vma *vma;
	uint64_t magic;

	assert_int_equal(map_at(t, PG(0), 4 * UPAGE), 0);
	port->rcu_read_lock(port->ctx);
	vma = vma_find(t->u.mm, PG(0));
	assert_int_equal(pthread_create(&thread, NULL, unmap, t), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	magic = *(uint64_t *)vma->private;
	port->rcu_read_unlock(
	    port->ctx); /* before anything is asserted: teardown waits for readers */
	assert_int_equal(magic, ACCOUNT_MAGIC);
	assert_int_equal(t->c.opens, t->c.closes);
	balance(t);
}

/* ---- refusals ------------------------------------------------------------------- */

/* Nothing is removed of what a refused call was to remove. */
static void test_split_refused(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_anon(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, 0, 2, map_at(t, PG(4), 4 * UPAGE));
	unit_fill(mm, PG(0), 8 * UPAGE, 5);
	t->c.no_split = -EBUSY;
	STEP_LEAVES(t, -EBUSY, 2, quire_munmap(mm, PG(0), 6 * UPAGE));
	STEP_LEAVES(t, -EBUSY, 2, quire_munmap(mm, PG(6), 2 * UPAGE));
	STEP_LEAVES(t, -EBUSY, 2, quire_mprotect(mm, PG(5), UPAGE, QPROT_READ));
	STEP_LEAVES(t, -EBUSY, 2, quire_madvise(mm, PG(5), UPAGE, QMADV_DONTDUMP));
	STEP_LEAVES(t, -EBUSY, 2, quire_mlock(mm, PG(5), UPAGE, 0));
	STEP_LEAVES(t, -EBUSY, 2, map_anon(t, PG(2), 4 * UPAGE));
	STEP_LEAVES(t, -EBUSY, 2, map_at(t, PG(2), 4 * UPAGE));
	unit_expect_fill(mm, PG(0), 8 * UPAGE, 5);
	STEP_LEAVES(t, 0, 1, quire_munmap(mm, PG(4), 4 * UPAGE));
}

static void test_split_refused_to_mremap(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, 0, 2, map_anon(t, FAR, 8 * UPAGE));
	unit_fill(mm, PG(0), 4 * UPAGE, 6);
	unit_fill(mm, FAR, 8 * UPAGE, 7);
	t->c.no_split = -EBUSY;
	/* The source's first part, its last, and shorter; the target stays. */
	STEP_LEAVES(t, -EBUSY, 2, move(t, PG(0), UPAGE, UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EBUSY, 2, move(t, PG(2), 2 * UPAGE, 2 * UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EBUSY, 2, move(t, PG(0), 4 * UPAGE, 2 * UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EBUSY, 2, move(t, PG(0), 4 * UPAGE, 2 * UPAGE, 0, 0));
	STEP_LEAVES(t, -EBUSY, 2, move(t, PG(0), UPAGE, 9 * UPAGE, QMREMAP_MAYMOVE, 0));
	/* A part of the target. */
	STEP_LEAVES(t, -EBUSY, 2, move(t, FAR, UPAGE, UPAGE, TO_FIXED, PG(1)));
	unit_expect_fill(mm, PG(0), 4 * UPAGE, 6);
	unit_expect_fill(mm, FAR, 8 * UPAGE, 7);
	STEP_LEAVES(t, 0, 2, move(t, PG(0), 4 * UPAGE, 4 * UPAGE, TO_FIXED, FAR + 4 * UPAGE));
}

/* Several mappings: that the last would cut the target is found before the first moves. */
static void test_split_refused_to_mremap_of_several(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_anon(t, PG(0), 2 * UPAGE));
	STEP_LEAVES(t, 0, 2, quire_mprotect(mm, PG(1), UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 3, map_at(t, FAR + UPAGE, 4 * UPAGE));
	unit_store(mm, PG(0), 6);
	t->c.no_split = -EBUSY;
	STEP_LEAVES(t, -EBUSY, 3, move(t, PG(0), 2 * UPAGE, 2 * UPAGE, TO_FIXED, FAR));
	assert_int_equal(unit_load(mm, PG(0)), 6);
}

/* The heap ends in a mapping that lies over it: the break stays where it is. */
static void test_split_refused_to_brk(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	quire_mm_set_brk(mm, PG(0));
	assert_int_equal(quire_brk(mm, PG(8)), PG(8));
	STEP_LEAVES(t, 0, 2, map_at(t, PG(4), 4 * UPAGE));
	t->c.no_split = -EBUSY;
	STEP_LEAVES(t, PG(8), 2, quire_brk(mm, PG(6)));
	STEP_LEAVES(t, PG(2), 1, quire_brk(mm, PG(2)));
}

static void test_move_refused(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, 0, 2, map_anon(t, FAR, 8 * UPAGE));
	unit_fill(mm, FAR, 8 * UPAGE, 7);
	t->c.no_move = -EFAULT;
	STEP_LEAVES(t, -EFAULT, 2, move(t, PG(0), 4 * UPAGE, 4 * UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EFAULT, 2, move(t, PG(0), 4 * UPAGE, 2 * UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EFAULT, 2, move(t, PG(0), 4 * UPAGE, 6 * UPAGE, 0, 0));
	unit_expect_fill(mm, FAR, 8 * UPAGE, 7);
	STEP_LEAVES(t, 0, 2, move(t, PG(0), 4 * UPAGE, 3 * UPAGE, 0, 0));
	t->c.no_move = 0;
	STEP_LEAVES(t, 0, 2, move(t, PG(0), 3 * UPAGE, 6 * UPAGE, 0, 0));
}

static void test_advice_refused(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	unit_fill(mm, PG(0), 4 * UPAGE, 8);
	t->c.no_advice = -EPERM;
	STEP_LEAVES(t, -EPERM, 1, quire_madvise(mm, PG(0), 4 * UPAGE, QMADV_DONTNEED));
	STEP_LEAVES(t, -EPERM, 1, quire_madvise(mm, PG(0), UPAGE, QMADV_DONTDUMP));
	unit_expect_fill(mm, PG(0), 4 * UPAGE, 8);
	t->c.no_advice = 0;
	STEP_LEAVES(t, 0, 1, quire_madvise(mm, PG(0), 4 * UPAGE, QMADV_DONTNEED));
	unit_expect_zero(mm, PG(0), 4 * UPAGE);
	/* Something may lie behind its pages: it does not say otherwise. */
	STEP_LEAVES(t, -EINVAL, 1, quire_madvise(mm, PG(0), UPAGE, QMADV_FREE));
	STEP_LEAVES(t, -EINVAL, 1, quire_madvise(mm, PG(0), UPAGE, QMADV_WIPEONFORK));
}

static void test_remove_refused(void **state)
{
	struct kind_test *t = *state;
	uint64_t out;

	assert_int_equal(
	    quire_mmap(t->u.mm, PG(0), UPAGE, URW, QMAP_SHARED | QMAP_FIXED, t->file, 0, &out), 0);
	STEP_LEAVES(t, -EOPNOTSUPP, 1, quire_madvise(t->u.mm, PG(0), UPAGE, QMADV_REMOVE));
	t->c.no_advice = -EPERM;
	STEP_LEAVES(t, -EPERM, 1, quire_madvise(t->u.mm, PG(0), UPAGE, QMADV_REMOVE));
}

static void test_populate_refused(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;
	uint64_t out;

	t->c.no_populate = -EFAULT;
	STEP_LEAVES(t, 0, 1,
		    quire_mmap(mm, PG(0), 4 * UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED | QMAP_POPULATE,
			       t->file, 0, &out));
	STEP_LEAVES(t, 0, 1, quire_mlock(mm, PG(0), 4 * UPAGE, 0));
	STEP_LEAVES(t, 0, 1, quire_munlock(mm, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, -EFAULT, 1, quire_madvise(mm, PG(0), 4 * UPAGE, QMADV_POPULATE_WRITE));
	assert_int_equal(unit_rss(mm), 0);
	t->c.no_populate = 0;
	STEP_LEAVES(t, 0, 1, quire_madvise(mm, PG(0), 4 * UPAGE, QMADV_POPULATE_WRITE));
	assert_int_equal(unit_rss(mm), 4);
}

/* ---- pages of 2 MiB --------------------------------------------------------------- */

static void test_large_is_aligned(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;
	uint64_t out;

	STEP_LEAVES(t, -EINVAL, 0, map_at(t, PG(1), LARGE));
	STEP_LEAVES(t, -EINVAL, 0,
		    quire_mmap(mm, LP(0), LARGE, URW, QMAP_PRIVATE, t->file, UPAGE, &out));
	STEP_LEAVES(t, 0, 1, quire_mmap(mm, PG(1), UPAGE, URW, QMAP_PRIVATE, t->file, 0, &out));
	assert_int_equal(out, LP(1));
	assert_int_equal(t->c.charged, LARGE / UPAGE);
	STEP_LEAVES(t, 0, 2, quire_mmap(mm, 0, UPAGE, URW, QMAP_PRIVATE, t->file, LARGE, &out));
	assert_int_equal(out % LARGE, 0);
}

static void test_large_is_not_split(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, LP(0), 3 * LARGE));
	unit_store(mm, LP(0), 1);
	unit_store(mm, LP(1), 2);
	STEP_LEAVES(t, -EINVAL, 1, quire_munmap(mm, LP(0), UPAGE));
	STEP_LEAVES(t, -EINVAL, 1, quire_munmap(mm, LP(1), LARGE + UPAGE));
	STEP_LEAVES(t, -EINVAL, 1, quire_mprotect(mm, LP(0) + UPAGE, UPAGE, QPROT_READ));
	STEP_LEAVES(t, -EINVAL, 1, quire_madvise(mm, LP(0), UPAGE, QMADV_DONTDUMP));
	STEP_LEAVES(t, -EINVAL, 1, map_anon(t, LP(0) + UPAGE, UPAGE));
	STEP_LEAVES(t, 0, 1, quire_mlock(mm, LP(0) + UPAGE, UPAGE, 0));
	assert_int_equal(unit_load(mm, LP(0)), 1);
	STEP_LEAVES(t, 0, 3, quire_mprotect(mm, LP(1), LARGE, QPROT_READ));
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, LP(1), LARGE));
}

/* A page of which a part is meant: an error at the beginning, and left alone at the end. */
static void test_large_is_given_back_whole(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, LP(0), 2 * LARGE));
	unit_store(mm, LP(0), 1);
	unit_store(mm, LP(1), 2);
	STEP_LEAVES(t, -EINVAL, 1, quire_madvise(mm, LP(0) + UPAGE, UPAGE, QMADV_DONTNEED));
	STEP_LEAVES(t, 0, 1, quire_madvise(mm, LP(0), UPAGE, QMADV_DONTNEED));
	assert_int_equal(unit_load(mm, LP(0)), 1);
	STEP_LEAVES(t, 0, 1, quire_madvise(mm, LP(0), LARGE + UPAGE, QMADV_DONTNEED));
	assert_int_equal(unit_load(mm, LP(0)), 0);
	assert_int_equal(unit_load(mm, LP(1)), 2);
}

static void test_large_is_moved_whole(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, LP(0), 2 * LARGE));
	unit_store(mm, LP(0), 1);
	STEP_LEAVES(t, -EINVAL, 1, move(t, LP(0) + UPAGE, LARGE, LARGE, TO_FIXED, FAR));
	STEP_LEAVES(t, -EINVAL, 1, move(t, LP(0), LARGE, LARGE, TO_FIXED, FAR + UPAGE));
	STEP_LEAVES(t, 0, 2, move(t, LP(0), UPAGE, UPAGE, TO_FIXED, FAR));
	assert_int_equal(unit_load(mm, FAR), 1);
	STEP_LEAVES(t, 0, 3, map_anon(t, FAR + LARGE, LARGE));
	STEP_LEAVES(t, -EINVAL, 3, move(t, FAR + LARGE, UPAGE, UPAGE, TO_FIXED, FAR + UPAGE));
	STEP_LEAVES(t, 0, 3, move(t, FAR, UPAGE, LARGE + UPAGE, QMREMAP_MAYMOVE, 0));
}

/* Of several mappings the second has large pages, and would not lie on one: its target stays. */
static void test_large_is_moved_among_others(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;
	uint64_t from = LP(1) - UPAGE, len = UPAGE + LARGE;

	STEP_LEAVES(t, 0, 1, map_at(t, LP(1), LARGE));
	STEP_LEAVES(t, 0, 2, map_anon(t, from, UPAGE));
	STEP_LEAVES(t, 0, 3, map_anon(t, FAR, len));
	unit_store(mm, from, 1);
	unit_store(mm, FAR + UPAGE, 2);
	STEP_LEAVES(t, -EINVAL, 3, move(t, from, len, len, TO_FIXED, FAR));
	assert_int_equal(unit_load(mm, FAR), 1);
	assert_int_equal(unit_load(mm, FAR + UPAGE), 2);
}

/* ---- failures ---------------------------------------------------------------------- */

/* A call that may fail once, for want of memory. */
#define MUST(t, call)                                                                              \
	do {                                                                                       \
		int err_ = (call);                                                                 \
                                                                                                   \
		balance(t);                                                                        \
		if (err_ == -ENOMEM)                                                               \
			err_ = (call);                                                             \
		assert_int_equal(err_, 0);                                                         \
		balance(t);                                                                        \
	} while (0)

static void work(struct kind_test *t)
{
	struct quire_mm *mm = t->u.mm;

	MUST(t, map_anon(t, PG(0), 8 * UPAGE));
	MUST(t, map_at(t, PG(2), 8 * UPAGE));
	for (unsigned i = 0; i < 8; i++)
		MUST(t, unit_try_store(mm, PG(2 + i), i) ? 0 : -ENOMEM);
	MUST(t, quire_mprotect(mm, PG(4), 2 * UPAGE, QPROT_READ));
	MUST(t, quire_mprotect(mm, PG(4), 2 * UPAGE, URW));
	MUST(t, quire_madvise(mm, PG(4), UPAGE, QMADV_DONTFORK) == -EAGAIN ? -ENOMEM : 0);
	MUST(t, quire_madvise(mm, PG(4), UPAGE, QMADV_DOFORK) == -EAGAIN ? -ENOMEM : 0);
	MUST(t, quire_mm_fork(mm, NULL, &t->child));
	MUST(t, unit_try_store(t->child, PG(3), 9) ? 0 : -ENOMEM);
	MUST(t, quire_munmap(t->child, PG(4), UPAGE));
	MUST(t, move(t, PG(2), 8 * UPAGE, 9 * UPAGE, TO_FIXED, FAR));
	MUST(t, move(t, FAR + UPAGE, 2 * UPAGE, 2 * UPAGE, TO_FIXED, PG(600)));
	MUST(t, map_at(t, FAR, 4 * UPAGE));
	MUST(t, quire_munmap(mm, FAR + 2 * UPAGE, UPAGE));
	assert_int_equal(unit_load(mm, PG(600)), 1);
	quire_mm_put(t->child);
	t->child = NULL;
	balance(t);
}

/* Allocation points of the work, of which number `point` fails; 0: none. */
static uint64_t work_with(uint64_t point)
{
	struct kind_test *t = calloc(1, sizeof(*t));
	struct quire_machine_stats st;

	unit_up(&t->u, NULL, NULL);
	counted_register(t->u.m);
	file_up(t, COUNTED_SMALL);
	quire_machine_restart_points(t->u.m);
	assert_int_equal(quire_machine_fail(t->u.m, &point, point ? 1 : 0), 0);
	work(t);
	quire_machine_stats(t->u.m, &st);
	assert_int_equal(st.failed_points, point ? 1 : 0);
	assert_int_equal(quire_machine_fail(t->u.m, NULL, 0), 0);
	file_down(t);
	unit_down(&t->u);
	free(t);
	return st.alloc_points;
}

static void test_every_point(void **state)
{
	uint64_t points = work_with(0);

	(void)state;
	assert_true(points > 40);
	for (uint64_t n = 1; n <= points; n++)
		work_with(n);
	print_message("%llu points\n", (unsigned long long)points);
}

/* ---- told by range what is gone ------------------------------------------------- */

#define CUT(t, n, from, to)                                                                        \
	do {                                                                                       \
		assert_int_equal((t)->c.cuts, (n));                                                \
		assert_int_equal((t)->c.last_cut[0], (from));                                      \
		assert_int_equal((t)->c.last_cut[1], (to));                                        \
	} while (0)

static void test_cut_of_part(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 3, quire_mprotect(mm, PG(2), 2 * UPAGE, QPROT_READ));
	STEP_LEAVES(t, 0, 1, quire_mprotect(mm, PG(2), 2 * UPAGE, URW));
	assert_int_equal(t->c.cuts, 0);
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, PG(3), 2 * UPAGE));
	CUT(t, 1, PG(3), PG(5));
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, PG(7), UPAGE));
	CUT(t, 2, PG(7), PG(8));
	STEP_LEAVES(t, 0, 2, quire_munmap(mm, PG(2), 4 * UPAGE)); /* of both */
	assert_int_equal(t->c.cuts, 4);
	STEP_LEAVES(t, 0, 0, quire_munmap(mm, PG(0), 8 * UPAGE));
	assert_int_equal(t->c.cuts, 6);
}

static void test_cut_by_mremap(void **state)
{
	struct kind_test *t = *state;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 1, move(t, PG(0), 8 * UPAGE, 8 * UPAGE, TO_FIXED, FAR));
	STEP_LEAVES(t, 0, 3, move(t, FAR + 2 * UPAGE, UPAGE, UPAGE, TO_FIXED, PG(0)));
	assert_int_equal(t->c.cuts, 0);
	STEP_LEAVES(t, 0, 3, move(t, FAR + 3 * UPAGE, 5 * UPAGE, 4 * UPAGE, 0, 0));
	CUT(t, 1, FAR + 7 * UPAGE, FAR + 8 * UPAGE);
	/* Onto a part of the same: that part is gone, and what moves is not. */
	STEP_LEAVES(t, 0, 3, move(t, PG(0), UPAGE, UPAGE, TO_FIXED, FAR + UPAGE));
	CUT(t, 2, FAR + UPAGE, FAR + 2 * UPAGE);
	STEP_LEAVES(t, 0, 4, move(t, FAR, UPAGE, UPAGE, TO_FIXED, FAR + 5 * UPAGE));
	CUT(t, 3, FAR + 5 * UPAGE, FAR + 6 * UPAGE);
}

/* One mapping over another of the same file. */
static void test_cut_by_replacing(void **state)
{
	struct kind_test *t = *state;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 8 * UPAGE));
	STEP_LEAVES(t, 0, 3, map_at(t, PG(2), 4 * UPAGE));
	CUT(t, 1, PG(2), PG(6));
	STEP_LEAVES(t, 0, 3, map_anon(t, PG(0), 4 * UPAGE));
	assert_int_equal(t->c.cuts, 3);
}

/* There is no room beside what is replaced: it goes first, and is gone also if that is no help. */
static void test_replaced_if_it_must(void **state)
{
	struct kind_test *t = *state;

	t->c.limit = 6;
	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 6 * UPAGE));
	CUT(t, 1, PG(0), PG(4));
	STEP_LEAVES(t, -ENOMEM, 0, map_at(t, PG(0), 7 * UPAGE));
	CUT(t, 2, PG(0), PG(6));
	/* What goes has nothing to give: it stays. */
	STEP_LEAVES(t, 0, 1, map_anon(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, -ENOMEM, 1, map_at(t, PG(0), 7 * UPAGE));
}

static void test_cut_of_fork(void **state)
{
	struct kind_test *t = *state;
	struct quire_mm *mm = t->u.mm;

	STEP_LEAVES(t, 0, 1, map_at(t, PG(0), 4 * UPAGE));
	STEP_LEAVES(t, 0, 2, quire_mprotect(mm, PG(2), 2 * UPAGE, QPROT_READ));
	t->c.limit = 7;
	STEP_LEAVES(t, -ENOMEM, 2, quire_mm_fork(mm, NULL, &t->child));
	t->c.limit = 8;
	STEP_LEAVES(t, 0, 2, quire_mm_fork(mm, NULL, &t->child));
	assert_int_equal(t->c.cuts, 0);
	quire_mm_put(t->child);
	t->child = NULL;
	balance(t);
	assert_int_equal(t->c.cuts, 2);
}

#define small_test(f) cmocka_unit_test_setup_teardown(f, up_small, down)
#define ranges_test(f) cmocka_unit_test_setup_teardown(f, up_ranges, down)
#define large_test(f) cmocka_unit_test_setup_teardown(f, up_large, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    ranges_test(test_cut_of_part),
	    ranges_test(test_cut_by_mremap),
	    ranges_test(test_cut_by_replacing),
	    ranges_test(test_replaced_if_it_must),
	    ranges_test(test_cut_of_fork),
	    small_test(test_split_and_merge),
	    small_test(test_accounts_stay_apart),
	    small_test(test_merge_refused),
	    small_test(test_fork),
	    small_test(test_fork_of_several),
	    small_test(test_fork_copies_nothing),
	    small_test(test_charge_refused),
	    small_test(test_not_committed),
	    small_test(test_private_outlives_its_vmas),
	    small_test(test_split_refused),
	    small_test(test_split_refused_to_mremap),
	    small_test(test_split_refused_to_mremap_of_several),
	    small_test(test_split_refused_to_brk),
	    small_test(test_move_refused),
	    small_test(test_advice_refused),
	    small_test(test_remove_refused),
	    small_test(test_populate_refused),
	    large_test(test_large_is_aligned),
	    large_test(test_large_is_not_split),
	    large_test(test_large_is_given_back_whole),
	    large_test(test_large_is_moved_whole),
	    large_test(test_large_is_moved_among_others),
	    cmocka_unit_test(test_every_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
