/* SPDX-License-Identifier: MIT */
/*
 * test_migrate_window.c: what happens to a page of a file between the look at it and its lock, of
 * whoever moves it to another frame.
 */
#include "gate.h"

#include "core/file/file.h"
#include "core/rmap/migrate.h"

#define PAGES 2u

/* One that moves a page, and stands where it has found its file. */
struct mover {
	struct actor actor;
	struct unit *u;
	struct folio *page;
	int err;
};

static int setup(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));

	gate_up(u, NULL);
	*state = u;
	return 0;
}

static void move(void *arg)
{
	struct mover *mv = arg;
	struct migrate mg;

	migrate_begin(&mg, mv->u->m, MIGRATE_WAIT);
	mv->err = migrate_to_node(&mg, mv->page, 0);
	migrate_end(&mg);
}

static void mover_start(struct mover *mv, struct unit *u, struct quire_file *file, uint64_t page)
{
	*mv = (struct mover){.actor = {.gate = GATE_RCU_UNLOCK, .run = move, .arg = mv},
			     .u = u,
			     .page = filecache_peek(file, page)};
	assert_true(folio_try_get(mv->page));
	actor_start(&mv->actor);
}

static struct quire_file *written_file(struct unit *u)
{
	struct quire_file *file = unit_shmem(u, PAGES * UPAGE, true);

	for (uint64_t i = 0, word; i < PAGES; i++) {
		word = unit_word(i, 1);
		assert_int_equal(quire_file_write(file, i * UPAGE, &word, sizeof(word)),
				 sizeof(word));
	}
	return file;
}

static uint64_t read_word(struct quire_file *file, uint64_t page)
{
	uint64_t word = 77;

	assert_int_equal(quire_file_read(file, page * UPAGE, &word, sizeof(word)), sizeof(word));
	return word;
}

/* It has left the file: that is told, and not that somebody has it for a moment. */
static void truncated(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = written_file(u);
	struct mover mv;

	mover_start(&mv, u, file, 1);
	assert_int_equal(quire_file_truncate(file, UPAGE), 0);
	actor_finish(&mv.actor);
	assert_null(filecache_peek(file, 1));
	unit_verify(u);
	quire_file_put(file);
	assert_int_equal(mv.err, -QENOENT);
}

/* Another page has its place by now, which is none of the mover's. */
static void replaced(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = written_file(u);
	struct folio *there;
	struct mover mv;

	mover_start(&mv, u, file, 1);
	assert_int_equal(quire_file_truncate(file, UPAGE), 0);
	assert_int_equal(quire_file_truncate(file, 2 * UPAGE), 0);
	assert_int_equal(read_word(file, 1), 0);
	there = filecache_peek(file, 1);
	assert_ptr_not_equal(there, mv.page);
	actor_finish(&mv.actor);
	assert_ptr_equal(filecache_peek(file, 1), there);
	unit_verify(u);
	quire_file_put(file);
	assert_int_equal(mv.err, -QENOENT);
}

/* The mover has a reference on the file: it ends when the page has been moved. */
static void last_put(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = written_file(u);
	struct mover mv;

	mover_start(&mv, u, file, 1);
	quire_file_put(file);
	actor_finish(&mv.actor);
	assert_int_equal(mv.err, 0);
}

/* Nothing has happened to it. */
static void still_there(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = written_file(u);
	struct mover mv;

	mover_start(&mv, u, file, 1);
	actor_finish(&mv.actor);
	assert_int_equal(mv.err, 0);
	assert_ptr_not_equal(filecache_peek(file, 1), mv.page);
	assert_int_equal(read_word(file, 1), unit_word(1, 1));
	unit_verify(u);
	quire_file_put(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(truncated, setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(replaced, setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(last_put, setup, unit_teardown),
	    cmocka_unit_test_setup_teardown(still_there, setup, unit_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
