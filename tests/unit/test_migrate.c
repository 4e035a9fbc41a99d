/* SPDX-License-Identifier: MIT */
/*
 * test_migrate.c: pages go to other frames: move_pages(2), migrate_pages(2), and what they rest on.
 */
#include "core/file/file.h"
#include "core/rmap/migrate.h"
#include "core/table/entry.h"
#include "core/vma/mm.h"
#include "entries.h"
#include "store.h"

#define BASE (1ull << 38)
#define OTHER (2ull << 38)
#define PAGES 8u
#define LEN (PAGES * UPAGE)
#define MOVE QMPOL_MF_MOVE
#define MOVE_ALL QMPOL_MF_MOVE_ALL

static void up(struct unit *u)
{
	const struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = UNIT_RAM, .nodes = 2};

	unit_up(u, &opts, NULL);
}

static int setup(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));

	up(u);
	*state = u;
	return 0;
}

static int blank(void **state)
{
	*state = calloc(1, sizeof(struct unit));
	return 0;
}

#define node_test(f) cmocka_unit_test_setup_teardown(f, setup, unit_teardown)

static int status_of(struct quire_mm *mm, uint64_t addr)
{
	int status = 77;

	assert_int_equal(quire_move_pages(mm, 1, &addr, NULL, &status, MOVE), 0);
	return status;
}

static int move_one(struct quire_mm *mm, uint64_t addr, int node, int flags)
{
	int status = 77;
	int64_t left = quire_move_pages(mm, 1, &addr, &node, &status, flags);

	assert_int_equal(left, status == -QEBUSY || status == -QENOMEM);
	return status;
}

static int other_node(struct quire_mm *mm, uint64_t addr)
{
	int node = status_of(mm, addr);

	assert_true(node == 0 || node == 1);
	return !node;
}

/* Those that wait for readers, too. */
static uint64_t free_in_the_end(struct unit *u)
{
	u->port.rcu_barrier(u->port.ctx);
	return unit_free_frames(u->m);
}

/* ---- private pages ------------------------------------------------------------------ */

static void private_pages(void **state)
{
	struct unit *u = *state;
	uint64_t addrs[PAGES], frames;
	int nodes[PAGES], status[PAGES];

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	frames = free_in_the_end(u);
	for (unsigned i = 0; i < PAGES; i++) {
		addrs[i] = BASE + i * UPAGE + i * 8;
		nodes[i] = other_node(u->mm, BASE + i * UPAGE);
	}
	assert_int_equal(quire_move_pages(u->mm, PAGES, addrs, nodes, status, MOVE), 0);
	for (unsigned i = 0; i < PAGES; i++) {
		pte_t e = quire_pte(u->mm, addrs[i]);

		assert_int_equal(status[i], nodes[i]);
		assert_int_equal(status_of(u->mm, addrs[i]), nodes[i]);
		assert_true((e & PTE_WRITE) && (e & PTE_DIRTY));
	}
	assert_int_equal(free_in_the_end(u), frames);
	assert_int_equal(unit_rss(u->mm), PAGES);
	unit_verify(u);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_fill(u->mm, BASE, LEN, 2);
	unit_expect_fill(u->mm, BASE, LEN, 2);
	assert_int_equal(move_one(u->mm, BASE, nodes[0], MOVE), nodes[0]); /* it is there */
}

/* Each of its users sees what the others have of it, and a write makes a copy as ever. */
static void forked_page(void **state)
{
	struct unit *u = *state;
	struct quire_mm *child;
	int to;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	to = other_node(child, BASE);
	assert_int_equal(move_one(child, BASE, to, MOVE), -QEACCES);
	assert_int_equal(move_one(child, BASE, to, MOVE_ALL), to);
	assert_int_equal(status_of(u->mm, BASE), to);
	assert_ptr_equal(folio_at(u->mm, BASE), folio_at(child, BASE));
	assert_int_equal(folio_at(child, BASE)->mapcount, 2);
	assert_false(folio_test(folio_at(child, BASE), FOLIO_EXCLUSIVE));
	unit_verify(u);
	unit_store(child, BASE, 9);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(unit_load(child, BASE), 9);
	quire_mm_put(child);
	unit_fill(u->mm, BASE, LEN, 3);
}

static void protected_page(void **state)
{
	struct unit *u = *state;
	int to;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, QPROT_NONE), 0);
	to = other_node(u->mm, BASE);
	assert_int_equal(move_one(u->mm, BASE, to, MOVE), to);
	unit_verify(u);
	assert_int_equal(unit_fault(u->mm, BASE, QUIRE_READ, NULL), QUIRE_FAULT_SEGV);
	assert_int_equal(quire_mprotect(u->mm, BASE, LEN, URW), 0);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_store(u->mm, BASE, 5);
}

/* What MADV_FREE has said of it goes along. */
static void lazyfree_page(void **state)
{
	struct unit *u = *state;
	int to;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_madvise(u->mm, BASE, LEN, QMADV_FREE), 0);
	to = other_node(u->mm, BASE);
	assert_int_equal(move_one(u->mm, BASE, to, MOVE), to);
	assert_true(folio_test(folio_at(u->mm, BASE), FOLIO_LAZYFREE));
	assert_false(quire_pte(u->mm, BASE) & PTE_DIRTY);
	unit_store(u->mm, BASE, 5);
	assert_false(folio_test(folio_at(u->mm, BASE), FOLIO_LAZYFREE));
}

/* ---- pages of files ------------------------------------------------------------------ */

static void shared_page(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct quire_mm *child;
	struct folio *folio;
	uint64_t frames, word;
	int to;

	unit_map_file(u->mm, BASE, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_map_file(u->mm, OTHER, LEN, URW, QMAP_PRIVATE | QMAP_FIXED, file, 0);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_expect_fill(child, BASE, LEN, 1);
	unit_expect_fill(u->mm, OTHER, LEN, 1);
	frames = free_in_the_end(u);
	to = other_node(child, BASE);
	assert_int_equal(move_one(child, BASE, to, MOVE), -QEACCES);
	assert_int_equal(move_one(child, BASE, to, MOVE_ALL), to);
	folio = folio_at(u->mm, BASE);
	assert_ptr_equal(folio, filecache_peek(file, 0));
	assert_ptr_equal(folio, folio_at(u->mm, OTHER));
	assert_ptr_equal(folio, folio_at(child, BASE));
	assert_int_equal(folio->refs, 4);
	assert_int_equal(free_in_the_end(u), frames);
	unit_verify(u);
	unit_store(child, BASE, 5);
	assert_int_equal(unit_load(u->mm, BASE), 5);
	assert_int_equal(quire_file_read(file, 0, &word, sizeof(word)), sizeof(word));
	assert_int_equal(word, 5);
	quire_mm_put(child);
	quire_file_put(file);
}

/* A page that was written is written back from where it is; one that was not is not. */
static void written_page(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED), word;
	int to;

	unit_store(u->mm, a, 5);
	assert_int_equal(unit_load(u->mm, a + UPAGE), unit_word(1, 77));
	to = other_node(u->mm, a);
	assert_int_equal(move_one(u->mm, a, to, MOVE), to);
	to = other_node(u->mm, a + UPAGE);
	assert_int_equal(move_one(u->mm, a + UPAGE, to, MOVE), to);
	unit_verify(u);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 1);
	assert_int_equal(s->reads, 2);
	memcpy(&word, s->bytes, sizeof(word));
	assert_int_equal(word, 5);
	unit_store(u->mm, a, 6); /* is noted as ever */
	unit_store(u->mm, a + UPAGE, 7);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 3);
	finish(u, file, s, a);
}

/* A page that is just being written to the disk: it is written, and then it moves. */
static void page_in_writeback(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct migrate mg;
	struct folio *folio, *to;

	unit_store(u->mm, a, 5);
	folio = folio_at(u->mm, a);
	folio_set(folio, FOLIO_WRITEBACK); /* as between the two steps of writeback.c */
	migrate_begin(&mg, u->m, MIGRATE_NOWAIT);
	to = folio_alloc(u->m, 0, 0);
	folio_get(folio);
	assert_int_equal(migrate_folio(&mg, folio, to), -QEBUSY);
	migrate_end(&mg);
	migrate_begin(&mg, u->m, MIGRATE_WAIT);
	folio_get(folio);
	assert_int_equal(migrate_folio(&mg, folio, to), 0);
	migrate_end(&mg);
	assert_ptr_equal(folio_at(u->mm, a), to);
	assert_int_equal(s->writes, 1);
	finish(u, file, s, a);
}

/* ---- what stays where it is ------------------------------------------------------------ */

/* All is as it was: the same frame, the same entry. */
static void expect_stays(struct unit *u, uint64_t addr, int flags, int want)
{
	pte_t e = quire_pte(u->mm, addr);
	const struct folio *f = entry_names_ram(e) ? entry_folio(u->m, e) : NULL;
	uint32_t refs = f ? f->refs : 0, bits = f ? f->flags : 0;
	uint64_t frames = free_in_the_end(u);
	int node = f ? !folio_zone(f) : 1;

	assert_int_equal(move_one(u->mm, addr, node, flags), want);
	assert_int_equal(quire_pte(u->mm, addr), e);
	assert_int_equal(f ? f->refs : 0, refs);
	assert_int_equal(f ? f->flags : 0, bits);
	assert_int_equal(free_in_the_end(u), frames);
	unit_verify(u);
}

static void stays(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct quire_pin pin;
	struct folio *f;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	expect_stays(u, BASE, MOVE, -QENOENT);
	expect_stays(u, OTHER, MOVE, -QEFAULT);
	expect_stays(u, UINT64_MAX - 8, MOVE, -QEFAULT);
	assert_int_equal(unit_load(u->mm, BASE), 0);
	expect_stays(u, BASE, MOVE_ALL, -QEFAULT); /* the zero page */
	unit_store(u->mm, BASE, 5);
	assert_int_equal(quire_pin(u->mm, BASE, QUIRE_WRITE, &pin), 0);
	expect_stays(u, BASE, MOVE, -QEBUSY);
	quire_unpin(u->m, &pin);
	f = folio_at(u->mm, BASE);
	folio_get(f);
	assert_int_equal(move_one(u->mm, BASE, !folio_zone(f), MOVE), -QEBUSY);
	folio_put(u->m, f);
	assert_ptr_equal(folio_at(u->mm, BASE), f);
	unit_verify(u);
	assert_int_equal(unit_fault(u->mm, a, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	expect_stays(u, a, MOVE, -QEBUSY); /* to node 1 */
	assert_int_equal(status_of(u->mm, a), 0);
	assert_int_equal(move_one(u->mm, a, 0, MOVE), 0);
	finish(u, file, s, a);
}

static bool discard(void *ctx, uint64_t frame, uint64_t n)
{
	(void)ctx;
	(void)frame;
	(void)n;
	return false;
}

/* The host may go on storing to the frame that it was lent. */
static void lent_page(void **state)
{
	struct unit *u = *state;
	int to;

	unit_port(u);
	u->port.tlb_lent = unit_lent;
	u->port.ram_discard = discard;
	unit_machine_mm(
	    u,
	    &(const struct quire_machine_options){
		.size = sizeof(struct quire_machine_options), .ram_bytes = UNIT_RAM, .nodes = 2},
	    NULL);
	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	u->lent = true;
	expect_stays(u, BASE, MOVE, -QEBUSY);
	u->lent = false;
	to = other_node(u->mm, BASE);
	assert_int_equal(move_one(u->mm, BASE, to, MOVE), to);
	folio_set(folio_at(u->mm, BASE), FOLIO_LENT);
	expect_stays(u, BASE, MOVE, -QEBUSY);
	folio_clear(folio_at(u->mm, BASE), FOLIO_LENT);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_down(u);
	free(u);
}

/* Each allocation fails once: a page that finds no frame stays. */
static void no_frame(void **state)
{
	struct unit *u = *state;
	struct quire_machine_stats st;
	struct quire_file *file = unit_shmem(u, LEN, true);
	uint64_t point = 1;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_map_file(u->mm, OTHER, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_fill(u->mm, BASE, LEN, 1);
	unit_fill(u->mm, OTHER, LEN, 2);
	for (unsigned i = 0; i < 2; i++) {
		uint64_t addr = i ? OTHER : BASE;

		quire_machine_restart_points(u->m);
		assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
		expect_stays(u, addr, MOVE, -QENOMEM);
		assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
	}
	/* The frame's is the first point; the second is the old frame's way through RCU. */
	point = 2;
	quire_machine_restart_points(u->m);
	assert_int_equal(quire_machine_fail(u->m, &point, 1), 0);
	assert_true(move_one(u->mm, OTHER, other_node(u->mm, OTHER), MOVE) >= 0);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.failed_points, 3);
	assert_int_equal(quire_machine_fail(u->m, NULL, 0), 0);
	unit_verify(u);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_expect_fill(u->mm, OTHER, LEN, 2);
	quire_file_put(file);
}

/* ---- the calls -------------------------------------------------------------------------- */

static void errors(void **state)
{
	struct unit *u = *state;
	uint64_t addrs[] = {BASE, BASE + UPAGE, BASE + 2 * UPAGE};
	int nodes[] = {1, 2, 1}, status[] = {77, 78, 79};

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_fill(u->mm, BASE, LEN, 1);
	assert_int_equal(quire_move_pages(u->mm, 0, NULL, NULL, NULL, MOVE), 0);
	assert_int_equal(quire_move_pages(u->mm, 3, addrs, nodes, status, QMPOL_MF_STRICT),
			 -QEINVAL);
	assert_int_equal(quire_move_pages(u->mm, 3, addrs, nodes, status, 8 | MOVE), -QEINVAL);
	assert_int_equal(quire_move_pages(u->mm, 3, addrs, nodes, status, MOVE), -QENODEV);
	assert_int_equal(status[0], 1);
	assert_int_equal(status[1], 78);
	assert_int_equal(status[2], 79);
	nodes[1] = -1;
	assert_int_equal(quire_move_pages(u->mm, 3, addrs, nodes, status, 0), -QENODEV);
	assert_int_equal(quire_migrate_pages(u->mm, 1, 4, MOVE), -QEINVAL);
	assert_int_equal(quire_migrate_pages(u->mm, 1, 0, MOVE), -QEINVAL);
	assert_int_equal(quire_migrate_pages(u->mm, 4, 1, MOVE), 0);
}

static unsigned count_on(struct quire_mm *mm, uint64_t addr, int node)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PAGES; i++)
		n += status_of(mm, addr + i * UPAGE) == node;
	return n;
}

static void all_pages(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, LEN, true);
	struct quire_mm *child;
	struct quire_pin pin;

	unit_map(u->mm, BASE, LEN, URW, UANON | QMAP_FIXED);
	unit_map_file(u->mm, OTHER, LEN, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_fill(u->mm, BASE, LEN, 1);
	unit_fill(u->mm, OTHER, LEN, 2);
	assert_int_equal(quire_migrate_pages(u->mm, 1, 2, MOVE), 0);
	assert_int_equal(count_on(u->mm, BASE, 1) + count_on(u->mm, OTHER, 1), 2 * PAGES);
	assert_int_equal(quire_migrate_pages(u->mm, 3, 1, MOVE), 0);
	assert_int_equal(count_on(u->mm, BASE, 0) + count_on(u->mm, OTHER, 0), 2 * PAGES);
	assert_int_equal(quire_migrate_pages(u->mm, 3, 3, MOVE), 0); /* each to itself */
	assert_int_equal(count_on(u->mm, BASE, 0) + count_on(u->mm, OTHER, 0), 2 * PAGES);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_store(u->mm, BASE, unit_word(0, 1));
	assert_int_equal(quire_migrate_pages(u->mm, 1, 2, MOVE), 0);
	assert_int_equal(count_on(u->mm, BASE, 1), 1); /* the others are the child's, too */
	assert_int_equal(quire_pin(u->mm, BASE + UPAGE, QUIRE_WRITE, &pin), 0);
	assert_int_equal(quire_migrate_pages(u->mm, 1, 2, MOVE_ALL), 1);
	assert_int_equal(count_on(u->mm, BASE, 1), PAGES - 1);
	assert_int_equal(count_on(child, BASE, 1), PAGES - 2);
	quire_unpin(u->m, &pin);
	unit_verify(u);
	unit_expect_fill(u->mm, BASE, LEN, 1);
	unit_expect_fill(child, BASE, LEN, 1);
	unit_expect_fill(child, OTHER, LEN, 2);
	quire_mm_put(child);
	quire_file_put(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    node_test(private_pages),     node_test(forked_page),
	    node_test(protected_page),    node_test(lazyfree_page),
	    node_test(shared_page),       node_test(written_page),
	    node_test(page_in_writeback), node_test(stays),
	    node_test(no_frame),          node_test(errors),
	    node_test(all_pages),         cmocka_unit_test_setup(lent_page, blank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
