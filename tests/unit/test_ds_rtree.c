/* SPDX-License-Identifier: MIT */
/*
 * test_ds_rtree.c: the range tree against a plain array of pages, its
 * transactions, and what happens when memory runs out in one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ds/rtree.h"
#include "test_ds_alloc.h"

#define PAGES 3000
#define PAGE 4096ull

/* ent[p]: 0 where page p is free, else 1 + the first page of its entry. */
struct model {
	unsigned ent[PAGES];
	unsigned count;
};

static char target[PAGES]; /* the entry that starts at page p points to target[p] */

struct fixture {
	struct counter c;
	struct rtree_env env;
	struct rtree tree;
	struct model m; /* what the tree is to be like */
	uint64_t seed;
};

static void retire_now(void *ctx, struct rtree_retired *list)
{
	struct counter *c = ctx;
	struct rtree_env env = {.free = counter_free, .ctx = ctx};

	assert_ptr_equal(list->ctx, ctx);
	c->retirements++;
	rtree_retired_free(&env, list);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->env = (struct rtree_env){
	    .alloc = counter_alloc, .free = counter_free, .retire = retire_now, .ctx = &f->c};
	f->seed = 99;
	rtree_init(&f->tree);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rtree_destroy(&f->tree, &f->env);
	assert_int_equal(rtree_count(&f->tree), 0);
	assert_int_equal(f->c.bytes, 0);
	free(f);
	return 0;
}

/* ---- the model -------------------------------------------------------------- */

static bool model_free(const struct model *m, unsigned page, unsigned pages)
{
	for (unsigned p = page; p < page + pages; p++) {
		if (p >= PAGES || m->ent[p])
			return false;
	}
	return true;
}

static void model_put(struct model *m, unsigned page, unsigned pages)
{
	for (unsigned p = page; p < page + pages; p++)
		m->ent[p] = page + 1;
	m->count++;
}

static void model_take(struct model *m, unsigned page)
{
	for (unsigned p = page; p < PAGES && m->ent[p] == page + 1; p++)
		m->ent[p] = 0;
	m->count--;
}

/* The entry of this page, or of the next or previous used page. */
static unsigned model_seek(const struct model *m, unsigned page, int step)
{
	for (int p = (int)page; step && p >= 0 && p < PAGES; p += step) {
		if (m->ent[p])
			return m->ent[p];
	}
	return step ? 0 : m->ent[page];
}

static uint64_t model_end(const struct model *m, unsigned ent)
{
	unsigned p = ent - 1;

	while (p < PAGES && m->ent[p] == ent)
		p++;
	return p * PAGE;
}

static void expect_entry(const struct model *m, unsigned ent, const void *ptr,
			 const struct rtree_range *r)
{
	assert_ptr_equal(ptr, ent ? &target[ent - 1] : NULL);
	if (ent) {
		assert_int_equal(r->start, (ent - 1) * PAGE);
		assert_int_equal(r->end, model_end(m, ent));
	}
}

static void expect_lookups(const struct rtree *t, const struct model *m, unsigned page)
{
	struct rtree_range r;

	expect_entry(m, model_seek(m, page, 0), rtree_find(t, page * PAGE + 17, &r), &r);
	expect_entry(m, model_seek(m, page, 0), rtree_find(t, page * PAGE, &r), &r);
	expect_entry(m, model_seek(m, page, 1), rtree_next(t, page * PAGE, &r), &r);
	expect_entry(m, model_seek(m, page, -1), rtree_prev(t, page * PAGE + 1, &r), &r);
	expect_entry(m, page ? model_seek(m, page - 1, -1) : 0, rtree_prev(t, page * PAGE, &r), &r);
}

static void expect_same(const struct rtree *t, const struct model *m)
{
	const char *err = rtree_check(t);
	struct rtree_range r;
	unsigned count = 0;
	void *ptr;

	if (err)
		fail_msg("%s", err);
	assert_int_equal(rtree_count(t), m->count);
	rtree_for_each (t, 0, UINT64_MAX, r, ptr) {
		expect_entry(m, m->ent[r.start / PAGE], ptr, &r);
		count++;
	}
	assert_int_equal(count, m->count);
}

static bool model_gap(const struct model *m, unsigned lo, unsigned hi, unsigned len, unsigned align,
		      unsigned offset, bool topdown, unsigned *out)
{
	unsigned room = 0;
	bool found = false;

	/* room: free pages in [p, hi). */
	for (unsigned p = hi; p-- > lo;) {
		room = m->ent[p] ? 0 : room + 1;
		if (room < len || (p - offset) % align)
			continue;
		*out = p;
		found = true;
		if (topdown)
			break;
	}
	return found;
}

static void expect_gaps(struct fixture *f, const struct rtree *t)
{
	unsigned lo = (unsigned)rnd_below(&f->seed, PAGES);
	unsigned hi = lo + (unsigned)rnd_below(&f->seed, PAGES - lo + 1);
	unsigned len = 1 + (unsigned)rnd_below(&f->seed, rnd_below(&f->seed, 2) ? 8 : 60);
	unsigned align = 1u << rnd_below(&f->seed, 5);
	unsigned offset = (unsigned)rnd_below(&f->seed, align);
	unsigned sub = rnd_below(&f->seed, 2) ? 5 : 0; /* bounds need not be on a page */

	for (int topdown = 0; topdown < 2; topdown++) {
		unsigned want = 0;
		uint64_t got = 0;
		bool any = model_gap(&f->m, lo, hi, len, align, offset, topdown, &want);

		assert_int_equal(rtree_gap(t, lo ? lo * PAGE - sub : 0, hi * PAGE + sub, len * PAGE,
					   align * PAGE, offset * PAGE, topdown, &got),
				 any);
		if (any)
			assert_int_equal(got, want * PAGE);
	}
}

/* ---- random transactions ---------------------------------------------------- */

/* Toggles a random place: erases the entry there or inserts one. */
static int toggle(struct fixture *f, struct rtree_txn *txn, unsigned fill)
{
	unsigned page = (unsigned)rnd_below(&f->seed, PAGES);
	unsigned pages = 1 + (unsigned)rnd_below(&f->seed, 4);
	unsigned ent = f->m.ent[page];
	int err = 0;

	if (ent && rnd_below(&f->seed, 100) >= fill) {
		err = rtree_txn_erase(txn, (ent - 1) * PAGE);
		if (!err)
			model_take(&f->m, ent - 1);
	} else if (model_free(&f->m, page, pages)) {
		err = rtree_txn_insert(txn, page * PAGE, (page + pages) * PAGE, &target[page]);
		if (!err)
			model_put(&f->m, page, pages);
	}
	return err;
}

/* Replaces whatever lies in a random stretch, grown to whole entries, by up to three others. */
static int replace(struct fixture *f, struct rtree_txn *txn)
{
	unsigned from = (unsigned)rnd_below(&f->seed, PAGES), to = from;
	unsigned nr = (unsigned)rnd_below(&f->seed, 4);
	struct rtree_entry add[3];

	to += (unsigned)rnd_below(&f->seed, rnd_below(&f->seed, 4) ? 8 : 60);
	to = to < PAGES ? to : PAGES;
	while (from && f->m.ent[from] && f->m.ent[from] != from + 1)
		from--;
	while (to < PAGES && f->m.ent[to] && f->m.ent[to] != to + 1)
		to++;
	if (nr > to - from)
		nr = to - from;
	for (unsigned p = from; p < to; p++)
		if (f->m.ent[p] == p + 1)
			model_take(&f->m, p);
	for (unsigned i = 0; i < nr; i++) {
		add[i] = (struct rtree_entry){(from + i) * PAGE, (from + i + 1) * PAGE,
					      &target[from + i]};
		model_put(&f->m, from + i, 1);
	}
	return from < to ? rtree_txn_replace(txn, from * PAGE, to * PAGE, add, nr) : 0;
}

static void test_random(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 4000; round++) {
		unsigned edits = 1 + (unsigned)rnd_below(&f->seed, round % 10 ? 4 : 80);
		unsigned fill = round / 500 % 2 ? 5 : 90;
		static struct model before;
		struct rtree_txn txn;

		before = f->m;
		assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
		while (edits--) {
			if (rnd_below(&f->seed, 3))
				assert_int_equal(toggle(f, &txn, fill), 0);
			else
				assert_int_equal(replace(f, &txn), 0);
			if (rnd_below(&f->seed, 4) == 0 && !edits)
				break; /* the last one is not settled */
			assert_int_equal(rtree_txn_settle(&txn), 0);
			expect_lookups(rtree_txn_view(&txn), &f->m,
				       (unsigned)rnd_below(&f->seed, PAGES));
		}
		if (round % 8 == 0 && !txn.leaf)
			expect_same(rtree_txn_view(&txn), &f->m);
		if (round % 16 == 0)
			expect_same(&f->tree, &before);
		if (round % 5 == 4) {
			rtree_txn_abort(&txn);
			f->m = before;
		} else {
			rtree_txn_commit(&txn);
		}
		expect_lookups(&f->tree, &f->m, (unsigned)rnd_below(&f->seed, PAGES));
		expect_gaps(f, &f->tree);
	}
	expect_same(&f->tree, &f->m);
}

/* Everything out again, in a shuffled order: every kind of merge. */
static void test_fill_and_empty(void **state)
{
	struct fixture *f = *state;
	struct rtree_txn txn;

	for (unsigned dir = 0; dir < 3; dir++) {
		for (unsigned i = 0; i < PAGES; i++) {
			unsigned p = dir == 1 ? PAGES - 1 - i : i;

			assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
			assert_int_equal(
			    rtree_txn_insert(&txn, p * PAGE, (p + 1) * PAGE, &target[p]), 0);
			rtree_txn_commit(&txn);
			model_put(&f->m, p, 1);
		}
		expect_same(&f->tree, &f->m);
		for (unsigned i = 0; i < PAGES; i++) {
			unsigned p = dir == 2 ? i * 7 % PAGES : dir ? i : PAGES - 1 - i;

			p = dir == 2 && PAGES % 7 == 0 ? i : p;
			assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
			assert_int_equal(rtree_txn_erase(&txn, p * PAGE), 0);
			rtree_txn_commit(&txn);
			model_take(&f->m, p);
			if (i % 64 == 0)
				expect_same(&f->tree, &f->m);
		}
		assert_null(f->tree.root);
		assert_int_equal(f->c.bytes, 0);
	}
}

/* ---- out of memory ---------------------------------------------------------- */

/* The same edit, with the first, the second ... allocation failing, until it is done. */
static unsigned edit_with_failures(struct fixture *f, struct rtree_txn *txn, unsigned fill)
{
	unsigned failures = 0;
	int err;

	do {
		uint64_t seed = f->seed;

		/* What was allocated before stays with the transaction: fail the first. */
		counter_fail_at(&f->c, 1 + failures % 3);
		err = toggle(f, txn, fill);
		if (err) {
			assert_int_equal(err, -DS_ENOMEM);
			f->seed = seed; /* the same again */
			failures++;
			expect_same(rtree_txn_view(txn), &f->m);
		}
	} while (err && failures < 50);
	counter_fail_at(&f->c, 0);
	assert_int_equal(err, 0);
	return failures;
}

static void test_no_memory_and_go_on(void **state)
{
	struct fixture *f = *state;
	unsigned failures = 0;

	for (unsigned round = 0; round < 600; round++) {
		struct rtree_txn txn;

		assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
		for (unsigned e = 0; e < 3; e++)
			failures += edit_with_failures(f, &txn, round / 150 % 2 ? 5 : 95);
		rtree_txn_commit(&txn);
		expect_same(&f->tree, &f->m);
	}
	assert_true(failures > 300);
}

/* Each allocation of a transaction of three edits fails in turn; all is undone. */
static void test_no_memory_and_abort(void **state)
{
	struct fixture *f = *state;
	unsigned failures = 0;

	for (unsigned round = 0; round < 400; round++) {
		unsigned fill = round / 100 % 2 ? 5 : 95;
		uint64_t seed = f->seed;
		static struct model before;
		int err = -1;

		before = f->m;
		for (unsigned n = 1; err; n++) {
			int64_t bytes = f->c.bytes;
			struct rtree_txn txn;

			f->seed = seed;
			counter_fail_at(&f->c, n);
			assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
			err = toggle(f, &txn, fill);
			err = err ? err : toggle(f, &txn, fill);
			err = err ? err : toggle(f, &txn, fill);
			if (!err) {
				rtree_txn_commit(&txn);
				break;
			}
			assert_int_equal(err, -DS_ENOMEM);
			rtree_txn_abort(&txn);
			f->m = before;
			assert_int_equal(f->c.bytes, bytes);
			expect_same(&f->tree, &f->m);
			failures++;
		}
		counter_fail_at(&f->c, 0);
	}
	assert_true(failures > 800);
}

/* ---- particular cases ------------------------------------------------------- */

static void put_range(struct fixture *f, uint64_t start, uint64_t end, void *ptr)
{
	struct rtree_txn txn;

	assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
	assert_int_equal(rtree_txn_insert(&txn, start, end, ptr), 0);
	rtree_txn_commit(&txn);
}

static void test_empty_tree(void **state)
{
	struct fixture *f = *state;
	struct rtree_txn txn;
	uint64_t out = 0;

	expect_same(&f->tree, &f->m);
	expect_lookups(&f->tree, &f->m, 5);
	assert_null(rtree_find(&f->tree, UINT64_MAX, NULL));
	assert_null(rtree_next(&f->tree, UINT64_MAX, NULL));
	assert_true(rtree_gap(&f->tree, 100, 1000, 900, 1, 0, false, &out));
	assert_int_equal(out, 100);
	assert_false(rtree_gap(&f->tree, 100, 1000, 901, 1, 0, true, &out));
	assert_false(rtree_gap(&f->tree, 1000, 100, 1, 1, 0, true, &out));
	assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
	rtree_txn_commit(&txn);
	rtree_clear(&f->tree, &f->env);
	assert_int_equal(f->c.calls, 0);
	assert_int_equal(f->c.retirements, 0);
}

static void test_edges_of_the_space(void **state)
{
	struct fixture *f = *state;
	struct rtree_range r;
	uint64_t out = 0;

	put_range(f, 0, 1, &target[0]);
	put_range(f, UINT64_MAX - 1, UINT64_MAX, &target[1]);
	assert_ptr_equal(rtree_find(&f->tree, 0, &r), &target[0]);
	assert_null(rtree_find(&f->tree, 1, NULL));
	assert_ptr_equal(rtree_find(&f->tree, UINT64_MAX - 1, NULL), &target[1]);
	assert_null(rtree_find(&f->tree, UINT64_MAX, NULL));
	assert_ptr_equal(rtree_next(&f->tree, 1, NULL), &target[1]);
	assert_null(rtree_next(&f->tree, UINT64_MAX, NULL));
	assert_ptr_equal(rtree_prev(&f->tree, UINT64_MAX, NULL), &target[1]);
	assert_null(rtree_prev(&f->tree, 0, NULL));
	assert_true(rtree_gap(&f->tree, 0, UINT64_MAX, UINT64_MAX - 2, 1, 0, false, &out));
	assert_int_equal(out, 1);
	assert_false(rtree_gap(&f->tree, 0, UINT64_MAX, UINT64_MAX - 1, 1, 0, true, &out));
	assert_true(rtree_gap(&f->tree, 0, UINT64_MAX, 1, 1ull << 63, 0, true, &out));
	assert_int_equal(out, 1ull << 63);
	assert_false(rtree_gap(&f->tree, 0, 1ull << 63, 1, 1ull << 63, 0, false, &out));
}

/* The leftmost leaf runs low beside a full one: it takes over half of the slots. */
static void test_balance_from_the_right(void **state)
{
	struct fixture *f = *state;
	struct rtree_txn txn;

	for (unsigned p = 0; p < 200; p += 4) {
		put_range(f, p * PAGE, (p + 1) * PAGE, &target[p]);
		model_put(&f->m, p, 1);
	}
	for (unsigned p = 49; p < 52; p++) {
		put_range(f, p * PAGE, (p + 1) * PAGE, &target[p]);
		model_put(&f->m, p, 1);
	}
	for (unsigned p = 0; p < 200; p++) {
		if (!f->m.ent[p])
			continue;
		assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
		assert_int_equal(rtree_txn_erase(&txn, p * PAGE), 0);
		rtree_txn_commit(&txn);
		model_take(&f->m, p);
		expect_same(&f->tree, &f->m);
	}
}

/* A fork: many entries in one transaction make no garbage at all. */
static void test_one_big_transaction(void **state)
{
	struct fixture *f = *state;
	struct rtree_txn txn;

	assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
	for (unsigned p = 0; p < PAGES; p += 2) {
		assert_int_equal(rtree_txn_insert(&txn, p * PAGE, (p + 1) * PAGE, &target[p]), 0);
		model_put(&f->m, p, 1);
	}
	assert_null(f->tree.root);
	rtree_txn_commit(&txn);
	assert_int_equal(f->c.retirements, 0);
	expect_same(&f->tree, &f->m);
	rtree_clear(&f->tree, &f->env);
	assert_int_equal(f->c.retirements, 1);
	assert_int_equal(f->c.bytes, 0);
}

/* One edit of a tree of thousands copies its path and no more. */
static void test_single_edit_is_cheap(void **state)
{
	struct fixture *f = *state;
	struct rtree_txn txn;

	test_one_big_transaction(state);
	assert_int_equal(rtree_txn_begin(&txn, &f->tree, &f->env), 0);
	for (unsigned p = 0; p < PAGES; p += 2)
		assert_int_equal(rtree_txn_insert(&txn, p * PAGE, (p + 1) * PAGE, &target[p]), 0);
	rtree_txn_commit(&txn);
	counter_fail_at(&f->c, 0);
	put_range(f, 501 * PAGE, 502 * PAGE, &target[501]);
	assert_in_range(f->c.calls, 1, 5);
	assert_int_equal(f->c.retirements, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	/* clang-format off */
	const struct CMUnitTest tests[] = {
	    T(test_empty_tree),
	    T(test_edges_of_the_space),
	    T(test_random),
	    T(test_fill_and_empty),
	    T(test_no_memory_and_go_on),
	    T(test_no_memory_and_abort),
	    T(test_balance_from_the_right),
	    T(test_one_big_transaction),
	    T(test_single_edit_is_cheap),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("ds_rtree", tests, NULL, NULL);
}
