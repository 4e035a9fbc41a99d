/* SPDX-License-Identifier: MIT */
/*
 * test_read_in.c: a page of a file that one thread has read in is used by another.  Run it under
 * ThreadSanitizer, too, which alone can say that content is seen because of how it is published:
 * the threads here have nothing else between them, not even the flag that says whose turn it is.
 */
#include "unit.h"

#include <pthread.h>
#include <sched.h>

/* Of each sort of use its own pages: what is seen by one must not help the next. */
enum use { READ_FILE, MAP_ONE, MAP_AROUND, COPY, NR_USES };

#define PAGES 16ull /* for each: as far as fault-around goes */
#define FILE_PAGES (NR_USES * PAGES)

struct shared {
	struct unit u;
	struct quire_file *file;
	uint64_t at, private_at;
	uint32_t turn; /* relaxed, so that it orders nothing */
};

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	for (uint64_t i = 0; i < UPAGE / sizeof(uint64_t); i++)
		((uint64_t *)mem)[i] = unit_word(pgoff, i);
	return 0;
}

static void await_turn(struct shared *s, uint32_t turn)
{
	while (__atomic_load_n(&s->turn, __ATOMIC_RELAXED) != turn)
		sched_yield();
}

static void give_turn(struct shared *s, uint32_t turn)
{
	__atomic_store_n(&s->turn, turn, __ATOMIC_RELAXED);
}

/* ---- the thread that uses the pages ------------------------------------------ */

static bool reads_file(struct shared *s, uint64_t page)
{
	uint64_t val;

	return quire_file_read(s->file, page * UPAGE, &val, sizeof(val)) == sizeof(val) &&
	       val == unit_word(page, 0);
}

static bool sees(struct shared *s, uint64_t addr, uint64_t page, enum quire_access access)
{
	struct quire_pin pin;
	bool ok;

	if (quire_pin(s->u.mm, addr, access, &pin))
		return false;
	ok = *(uint64_t *)pin.mem == unit_word(page, 0);
	quire_unpin(s->u.m, &pin);
	return ok;
}

static bool uses(struct shared *s, enum use use, uint64_t page)
{
	switch (use) {
	case READ_FILE:
		return reads_file(s, page);
	case MAP_ONE:
		return sees(s, s->at + page * UPAGE, page, QUIRE_WRITE);
	case COPY:
		return sees(s, s->private_at + page * UPAGE, page, QUIRE_WRITE);
	case MAP_AROUND:
	case NR_USES:
		break;
	}
	return sees(s, s->at + page * UPAGE, page, QUIRE_READ);
}

static void *user(void *arg)
{
	struct shared *s = arg;
	uintptr_t wrong = 0;

	unit_load(s->u.mm, s->at + FILE_PAGES * UPAGE); /* what a first use sets up */
	give_turn(s, 1);
	await_turn(s, 2);
	for (uint64_t page = 0; page < FILE_PAGES; page++)
		wrong += !uses(s, (enum use)(page / PAGES), page);
	return (void *)wrong;
}

/* ---- the one that reads them in ---------------------------------------------- */

static void test_read_in_by_another(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_page};
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = QUIRE_FILE_PAGECACHE,
				       .ops = &ops,
				       .bytes = (FILE_PAGES + 1) * UPAGE,
				       .writable = true};
	struct shared s = {.turn = 0};
	void *wrong;
	pthread_t t;
	char byte;

	(void)state;
	unit_up(&s.u, NULL, NULL);
	assert_int_equal(quire_file_create(s.u.m, &o, &s.file), 0);
	s.at = unit_map_file(s.u.mm, 0, o.bytes, URW, QMAP_SHARED, s.file, 0);
	s.private_at = unit_map_file(s.u.mm, 0, o.bytes, URW, QMAP_PRIVATE, s.file, 0);
	assert_int_equal(pthread_create(&t, NULL, user, &s), 0);
	await_turn(&s, 1);
	for (uint64_t page = 0; page < FILE_PAGES; page++)
		assert_int_equal(quire_file_read(s.file, page * UPAGE, &byte, 1), 1);
	give_turn(&s, 2);
	pthread_join(t, &wrong);
	assert_null(wrong);
	quire_mm_put(s.u.mm);
	s.u.mm = NULL;
	quire_file_put(s.file);
	unit_down(&s.u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read_in_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
