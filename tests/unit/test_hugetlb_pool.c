/* SPDX-License-Identifier: MIT */
/*
 * test_hugetlb_pool.c: pools of huge pages count as the host's do.
 *
 * A row of `told` is what a Linux 6.18 kernel said, step by step: an operation, "!" if it was
 * refused, and total, free, reserved and surplus pages of 2 MiB afterwards; in brackets total and
 * free ones of 1 GiB.
 *
 *     N n   nr_hugepages of 2 MiB        g n   of 1 GiB        d n   1 GiB: demote
 *     O n   nr_overcommit_hugepages
 *     r n   mmap of n pages, private     s n   the same with MAP_NORESERVE
 *     t     a store to the next page of the last mapping that has one ("-": none has)
 *     u     munmap of the last mapping   U     of the first ("-": there is none)
 */
#include "hugetlb.h"

#include <errno.h>

#define MAPS 64
#define PAGES 16

struct map {
	uint64_t pages, touched;
	bool reserved;
	struct folio *page[PAGES];
};

struct told {
	struct unit u;
	struct map maps[MAPS];
	unsigned n;
};

static const char *const told[] = {
    "N8:8,8,0,0 r4:8,8,4,0 t:8,7,3,0 t:8,6,2,0 N3:4,2,2,1 N0:4,2,2,4 t:4,1,1,4 u:0,0,0,0",
    "N0:0,0,0,0 O4:0,0,0,0 r4:4,4,4,4 t:4,3,3,4 O0:4,3,3,4 N2:4,3,3,2 u:2,2,0,0",
    "N0:0,0,0,0 O4:0,0,0,0 s4:0,0,0,0 t:1,0,0,1 t:2,0,0,2 t:3,0,0,3 t:4,0,0,4 s1:4,0,0,4 "
    "t!:4,0,0,4 u:4,0,0,4 u:0,0,0,0",
    "N8:8,8,0,0 r4:8,8,4,0 t:8,7,3,0 t:8,6,2,0 N3:4,2,2,1 N5:5,3,2,0 N2:4,2,2,2 t:4,1,1,2 "
    "t:4,0,0,2 U:2,2,0,0 N1:1,1,0,0",
    "N4:4,4,0,0 O2:4,4,0,0 r5:5,5,5,1 r1:6,6,6,2 r1!:6,6,6,2 t:6,5,5,2 t:6,4,4,2 t:6,3,3,2 "
    "u:6,3,3,2 u:5,3,3,1 u:4,4,0,0",
    "N4:4,4,0,0 s4:4,4,0,0 t:4,3,0,0 t:4,2,0,0 t:4,1,0,0 t:4,0,0,0 t-:4,0,0,0 r1!:4,0,0,0 "
    "N6:6,2,0,0 r1:6,2,1,0 N0:5,1,1,5 u:4,0,0,4 t-:4,0,0,4 u:4,0,0,4 u:0,0,0,0",
    "N2:2,2,0,0 O2:2,2,0,0 r3:3,3,3,1 r1:4,4,4,2 N3:4,4,4,1 N4:4,4,4,0 N1:4,4,4,3 u:3,3,3,2 "
    "u:1,1,0,0",
    "O3:0,0,0,0 r2:2,2,2,2 N1:2,2,2,1 t:2,1,1,1 N0:2,1,1,2 N3:3,2,1,0 u:3,3,0,0",
    "O3:0,0,0,0 s3:0,0,0,0 t:1,0,0,1 t:2,0,0,2 N1:2,0,0,1 t:3,0,0,2 u:1,1,0,0 N0:0,0,0,0",
    "N6:6,6,0,0 r2:6,6,2,0 t:6,5,1,0 t:6,4,0,0 N0:2,0,0,2 r1!:2,0,0,2 s1:2,0,0,2 t!:2,0,0,2 "
    "N1:2,0,0,1 u:2,0,0,1 u:2,0,0,1 u:1,1,0,0",
};

static const char *const told_1g[] = {
    "g1:0,0,0,0[1,1] N3:3,3,0,0 d1:515,515,0,0[0,0] N0:0,0,0,0",
    "g2:0,0,0,0[2,2] d1:512,512,0,0[1,1] N0:0,0,0,0 d1:512,512,0,0[0,0] N0:0,0,0,0",
    "g1:0,0,0,0[1,1] d0:0,0,0,0[1,1] d2:512,512,0,0[0,0] d1:512,512,0,0[0,0] N0:0,0,0,0",
};

/* ---- what a script does ----------------------------------------------------------- */

/* As mmap does. */
static char map(struct told *t, uint64_t pages, bool reserved)
{
	struct map *map = &t->maps[t->n++];
	bool ok = !reserved || !reserve(&t->u, pages);

	assert_in_range(pages, 1, PAGES);
	*map = (struct map){.pages = ok ? pages : 0, .reserved = reserved};
	return ok ? 0 : '!';
}

static char touch(struct told *t)
{
	struct map *map = t->maps + t->n;

	while (map-- > t->maps) {
		if (map->touched == map->pages)
			continue;
		map->page[map->touched] = take(&t->u, map->reserved ? HUGE_RESERVED : 0);
		if (!map->page[map->touched])
			return '!';
		map->touched++;
		return 0;
	}
	return '-';
}

/* Pages first, then what is left of the reservation. */
static char unmap(struct told *t, unsigned i)
{
	struct map map;

	if (!t->n)
		return '-';
	map = t->maps[i];
	for (uint64_t k = 0; k < map.touched; k++)
		let_go(&t->u, map.page[k]);
	if (map.reserved)
		unreserve(&t->u, map.pages - map.touched);
	t->n--;
	memmove(&t->maps[i], &t->maps[i + 1], (t->n - i) * sizeof(map));
	return 0;
}

static char step(struct told *t, char op, uint64_t n)
{
	switch (op) {
	case 'N':
		resize(&t->u, QUIRE_HUGE_2M, n);
		return 0;
	case 'g':
		resize(&t->u, QUIRE_HUGE_1G, n);
		return 0;
	case 'd':
		assert_int_equal(quire_hugetlb_demote(t->u.m, QUIRE_HUGE_1G, QUIRE_ALL_NODES, n),
				 0);
		return 0;
	case 'O':
		overcommit(&t->u, n);
		return 0;
	case 'r':
	case 's':
		return map(t, n, op == 'r');
	case 't':
		return touch(t);
	case 'u':
		return unmap(t, t->n ? t->n - 1 : 0);
	default:
		assert_int_equal(op, 'U');
		return unmap(t, 0);
	}
}

/* ---- what is said of it ----------------------------------------------------------- */

static void expect_step(struct told *t, const char *script, const char *at, char answer,
			const char *said)
{
	struct quire_hugetlb_info i = pool_info(&t->u, QUIRE_HUGE_2M, QUIRE_ALL_NODES);
	struct quire_hugetlb_info g = pool_info(&t->u, QUIRE_HUGE_1G, QUIRE_ALL_NODES);
	char got[100];
	int len = snprintf(got, sizeof(got), "%.*s:%lu,%lu,%lu,%lu", answer ? 1 : 0, &answer,
			   i.total, i.free, i.reserved, i.surplus);

	if (strchr(said, '['))
		snprintf(got + len, sizeof(got) - (size_t)len, "[%lu,%lu]", g.total, g.free);
	if (strcmp(got, said))
		fail_msg("%s\n  at %s: %s, the host says %s", script, at, got, said);
	unit_verify(&t->u);
}

static void run_script(const char *script, uint64_t ram)
{
	const struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = ram};
	struct told *t = calloc(1, sizeof(*t));
	char *copy = strdup(script), *save;

	assert_non_null(t);
	unit_up_machine(&t->u, &opts);
	own_promises(&t->u);
	for (char *at = strtok_r(copy, " \n", &save); at; at = strtok_r(NULL, " \n", &save)) {
		char *end;
		uint64_t n = strtoull(at + 1, &end, 10);

		expect_step(t, script, at, step(t, *at, n), end);
	}
	while (t->n)
		unmap(t, 0);
	pools_down(&t->u);
	free(copy);
	free(t);
}

static void test_as_the_host(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(told) / sizeof(*told); i++)
		run_script(told[i], 64 * MIB);
}

static void test_as_the_host_1g(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(told_1g) / sizeof(*told_1g); i++)
		run_script(told_1g[i], 3072 * MIB); /* the zero page is in the first */
}

/* ---- pages ------------------------------------------------------------------------ */

static void expect_fresh(struct unit *u, struct folio *f)
{
	const struct huge_charge none = {0};

	assert_int_equal(f->refs, 1);
	assert_int_equal(f->mapcount, 0);
	assert_int_equal(f->flags, FOLIO_LARGE | FOLIO_HUGETLB);
	assert_int_equal(folio_pages(f), 512);
	assert_int_equal(folio_pfn(u->m, f) % 512, 0);
	assert_memory_equal(huge_charge(f), &none, sizeof(none));
	for (unsigned i = 1; i < 512; i++)
		assert_ptr_equal(frame_folio(u->m, folio_pfn(u->m, f) + i), f);
}

/* A page is as new, whatever was done with it; it is said to be zero only if it is. */
static void test_page(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 64 * MIB, .huge_pages = {1}};
	struct huge_want w = {.nodes = ~0ull};
	struct unit u;
	struct folio *f, *again;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	expect_pool(&u, 1, 1, 0, 0);
	f = hugetlb_take(u.m, pool_2m(&u), &w);
	expect_fresh(&u, f);
	assert_false(w.zeroed);
	assert_int_equal(w.lack, HUGE_LACK_NONE);
	hugetlb_clear(u.m, f);
	memset(folio_addr(u.m, f), 7, 2 * MIB);
	folio_set(f, FOLIO_ANON | FOLIO_EXCLUSIVE | FOLIO_UPTODATE);
	f->index = 77;
	*huge_charge(f) = (struct huge_charge){&u};
	folio_get(f);
	folio_put(u.m, f);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_2M, 0).free, 0);
	folio_put(u.m, f);
	expect_pool(&u, 1, 1, 1, 0);
	unreserve(&u, 1);
	again = hugetlb_take(u.m, pool_2m(&u), &w);
	assert_ptr_equal(again, f);
	expect_fresh(&u, again);
	assert_false(w.zeroed);
	folio_put_many(u.m, &again, 1);
	pools_down(&u);
}

static bool is_zero(struct unit *u, struct folio *f)
{
	const uint64_t *words = folio_addr(u->m, f);
	uint64_t any = 0;

	for (uint64_t i = 0; i < 2 * MIB / 8; i++)
		any |= words[i];
	return !any;
}

static void test_zeroed(void **state)
{
	const struct quire_machine_options opts = {.size = sizeof(opts),
						   .ram_bytes = 16 * MIB,
						   .ram = aligned_alloc(4096, 16 * MIB),
						   .ram_is_zero = true};
	struct huge_want w = {.nodes = ~0ull};
	struct unit u;
	struct folio *f;

	(void)state;
	memset(opts.ram, 0, 16 * MIB);
	unit_up_machine(&u, &opts);
	own_promises(&u);
	resize(&u, QUIRE_HUGE_2M, 2);
	for (unsigned i = 0; i < 2; i++) { /* the second time it has been written to */
		f = hugetlb_take(u.m, pool_2m(&u), &w);
		assert_int_equal(w.zeroed, i == 0);
		assert_int_equal(is_zero(&u, f), i == 0);
		memset(folio_addr(u.m, f), 1, 2 * MIB);
		folio_put(u.m, f);
	}
	pools_down(&u);
	free(opts.ram);
}

/* ---- promises --------------------------------------------------------------------- */

static void test_lack(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 16 * MIB, .huge_pages = {2}};
	enum huge_lack lack;
	struct folio *f;
	struct unit u;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	assert_int_equal(reserve(&u, 2), 0);
	assert_null(take_as(&u, QUIRE_HUGE_2M, ~0ull, 0, &lack));
	assert_int_equal(lack, HUGE_LACK_POOL);
	assert_int_equal(hugetlb_reserve(u.m, pool_2m(&u), 1, ~0ull, &lack), -ENOMEM);
	assert_int_equal(lack, HUGE_LACK_POOL);
	overcommit(&u, 100);
	assert_null(take_as(&u, QUIRE_HUGE_2M, ~0ull, HUGE_POOL_ONLY, &lack));
	assert_int_equal(lack, HUGE_LACK_POOL);
	assert_int_equal(hugetlb_reserve(u.m, pool_2m(&u), 99, ~0ull, &lack), -ENOMEM);
	assert_int_equal(lack, HUGE_LACK_RAM);
	expect_pool(&u, 2, 2, 2, 0); /* what was made for it is gone */
	assert_int_equal(hugetlb_reserve(u.m, pool_2m(&u), 0, ~0ull, &lack), 0);
	assert_non_null(f = take_as(&u, QUIRE_HUGE_2M, ~0ull, HUGE_RESERVED, &lack));
	expect_pool(&u, 2, 1, 1, 0);
	let_go(&u, f);
	unreserve(&u, 1);
	assert_null(take_as(&u, QUIRE_HUGE_1G, ~0ull, 0, &lack));
	assert_int_equal(lack, HUGE_LACK_POOL);
	pools_down(&u);
}

/* A page that is given back with its reservation; a surplus one that is needed for it stays. */
static void test_restore(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 64 * MIB, .huge_pages = {1}, .huge_overcommit = 1};
	struct folio *a, *b;
	struct unit u;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	assert_int_equal(reserve(&u, 2), 0);
	expect_pool(&u, 2, 2, 2, 1);
	a = take(&u, HUGE_RESERVED);
	b = take(&u, HUGE_RESERVED);
	promise_again(a);
	let_go(&u, a);
	promise_again(b);
	let_go(&u, b);
	expect_pool(&u, 2, 2, 2, 1);
	a = take(&u, HUGE_RESERVED);
	let_go(&u, a); /* without it: the surplus page is the one that goes */
	expect_pool(&u, 1, 1, 1, 0);
	unreserve(&u, 1);
	expect_pool(&u, 1, 1, 0, 0);
	pools_down(&u);
}

static uint64_t freed_pages;

static bool note_freed(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	(void)m;
	assert_ptr_equal(h, hstate_of_folio(m, f));
	assert_int_equal(f->refs, 0);
	freed_pages++;
	return huge_charge(f)->account == &freed_pages;
}

/* Whoever charges hears of each page's end, and may have it promised again. */
static void test_accounts(void **state)
{
	static const struct huge_accounts accounts = {.freed = note_freed};
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 64 * MIB, .huge_pages = {2}};
	struct folio *f;
	struct unit u;

	(void)state;
	freed_pages = 0;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	u.m->huge.accounts = &accounts;
	for (unsigned again = 0; again < 2; again++) {
		f = take(&u, 0);
		huge_charge(f)->account = again ? &freed_pages : NULL;
		let_go(&u, f);
		expect_pool(&u, 2, 2, again, 0);
	}
	assert_int_equal(freed_pages, 2);
	unreserve(&u, 1);
	pools_down(&u);
}

/* ---- bad input -------------------------------------------------------------------- */

static void test_bad_input(void **state)
{
	struct unit *u = *state;
	struct quire_hugetlb_info i;
	const enum quire_huge none = QUIRE_NR_HUGE;

	assert_int_equal(quire_hugetlb_info(u->m, none, 0, &i), -EINVAL);
	assert_int_equal(quire_hugetlb_info(u->m, QUIRE_HUGE_2M, 1, &i), -EINVAL);
	assert_int_equal(quire_hugetlb_resize(u->m, none, 1, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_resize(u->m, QUIRE_HUGE_2M, 0, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_resize(u->m, QUIRE_HUGE_2M, 2, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_resize(u->m, QUIRE_HUGE_2M, 3, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_resize_node(u->m, QUIRE_HUGE_2M, 1, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_resize_node(u->m, none, 0, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_set_overcommit(u->m, QUIRE_HUGE_1G, 0), -EINVAL);
	assert_int_equal(quire_hugetlb_set_overcommit(u->m, none, 0), -EINVAL);
	assert_int_equal(quire_hugetlb_demote(u->m, QUIRE_HUGE_2M, 0, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_demote(u->m, QUIRE_HUGE_1G, 1, 1), -EINVAL);
	assert_int_equal(quire_hugetlb_demote(u->m, none, 0, 1), -EINVAL);
	assert_ptr_equal(hstate_of_shift(u->m, 21), pool_2m(u));
	assert_ptr_equal(hstate_of_shift(u->m, 30), hstate_of(u->m, QUIRE_HUGE_1G));
	assert_null(hstate_of_shift(u->m, 16));
	expect_pool(u, 0, 0, 0, 0);
}

/* A machine has all that its options say, or is not made. */
static void test_options(void **state)
{
	struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = 16 * MIB, .huge_pages = {7}, .huge_overcommit = 9};
	struct quire_machine *m;
	struct unit u;

	(void)state;
	unit_up_machine(&u, &opts);
	own_promises(&u);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_2M, 0).total, 7);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_2M, QUIRE_ALL_NODES).overcommit, 9);
	assert_int_equal(pool_info(&u, QUIRE_HUGE_2M, QUIRE_ALL_NODES).made, 7);
	pools_down(&u);
	unit_port(&u);
	opts.huge_pages[0] = 9;
	assert_int_equal(quire_machine_create(&u.port, &opts, &m), -ENOMEM);
	opts.huge_pages[0] = 0;
	opts.huge_pages[1] = 1;
	assert_int_equal(quire_machine_create(&u.port, &opts, &m), -ENOMEM);
	assert_int_equal(u.outstanding, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_the_host), cmocka_unit_test(test_as_the_host_1g),
	    cmocka_unit_test(test_page),        cmocka_unit_test(test_zeroed),
	    cmocka_unit_test(test_lack),        cmocka_unit_test(test_restore),
	    cmocka_unit_test(test_accounts),    unit_test(test_bad_input),
	    cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
