/* SPDX-License-Identifier: MIT */
/*
 * test_hold.c: a block of frames that is kept out of the free lists until all of it is free.
 */
#include "unit.h"

#include "core/frame/block.h"
#include "core/frame/hold.h"

#define ORDER 4u
#define SIZE (1u << ORDER)
#define RAM (4ull << 20)
#define MOST (RAM / UPAGE)

/* All of RAM in use, of which two blocks side by side are looked at. */
struct full {
	struct unit u;
	struct folio *v[MOST];
	unsigned n;
	pfn_t lower, upper;
};

static void use_all(struct full *s)
{
	struct folio *f;

	while ((f = folio_alloc(s->u.m, 0, 0)) != NULL)
		s->v[s->n++] = f;
}

static int setup(void **state)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = RAM, .table_bytes = RAM / 16};
	struct full *s = calloc(1, sizeof(*s));
	pfn_t end;

	unit_up(&s->u, &opts, NULL);
	use_all(s);
	frames_keep_lists_empty(s->u.m);
	zone_span(s->u.m, 0, &s->lower, &end);
	s->lower += 4 * SIZE; /* the zero page is not among them */
	s->upper = s->lower + SIZE;
	assert_true(s->upper + SIZE <= end);
	*state = s;
	return 0;
}

static void put_block(struct full *s, pfn_t first)
{
	unsigned kept = 0, n = s->n;

	for (unsigned i = 0; i < n; i++) {
		if (folio_pfn(s->u.m, s->v[i]) - first < SIZE)
			folio_put(s->u.m, s->v[i]);
		else
			s->v[kept++] = s->v[i];
	}
	assert_int_equal(kept, n - SIZE);
	s->n = kept;
}

static int teardown(void **state)
{
	struct full *s = *state;

	while (s->n)
		folio_put(s->u.m, s->v[--s->n]);
	frames_use_lists(s->u.m);
	unit_down(&s->u);
	free(s);
	return 0;
}

/* What becomes free in it stays in it, and is the caller's as a whole. */
static void becomes_free(void **state)
{
	struct full *s = *state;
	struct quire_machine *m = s->u.m;

	assert_true(zone_hold(m, 0, s->upper, ORDER));
	assert_false(zone_take_held(m, 0, s->upper));
	put_block(s, s->upper);
	assert_true(zone_take_held(m, 0, s->upper));
	assert_false(zone_holds(m, 0, s->upper));
	assert_null(folio_alloc(m, 0, 0));
	block_free(m, s->upper, ORDER, false);
	use_all(s);
	assert_in_range(folio_pfn(m, s->v[s->n - 1]), s->upper, s->upper + SIZE - 1);
}

/*
 * An allocation that found nothing else has had the held frames, and another thread has begun to
 * empty the block before: what is held now ends where the caller's block begins.
 */
static void another_is_held(void **state)
{
	struct full *s = *state;
	struct quire_machine *m = s->u.m;

	assert_true(zone_hold(m, 0, s->upper, ORDER));
	put_block(s, s->upper);
	use_all(s);
	assert_false(zone_holds(m, 0, s->upper));
	assert_true(zone_hold(m, 0, s->lower, ORDER));
	assert_false(zone_holds(m, 0, s->upper));
	assert_false(zone_take_held(m, 0, s->upper));
	assert_true(zone_holds(m, 0, s->lower));
	zone_release(m, 0, s->upper); /* that one is not the caller's either */
	assert_true(zone_holds(m, 0, s->lower));
	put_block(s, s->lower);
	assert_true(zone_take_held(m, 0, s->lower));
	block_free(m, s->lower, ORDER, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(becomes_free, setup, teardown),
	    cmocka_unit_test_setup_teardown(another_is_held, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
