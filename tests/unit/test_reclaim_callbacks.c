/* SPDX-License-Identifier: MIT */
/*
 * test_reclaim_callbacks.c: memory that is out while a callback of a file runs.
 */
#include "reclaim.h"

static struct unit *unit;
static struct quire_mm *other;
static unsigned asked;

/* ---- in the midst of another file's read_page and write_page */

static uint64_t scratch, scratch_end; /* of an embedder that needs memory to read or write */
static uint64_t victim;

static int touch_scratch(void)
{
	if (scratch == scratch_end)
		return 0;
	unit_store(unit->mm, scratch, 1);
	scratch += UPAGE;
	return 0;
}

static int read_with_scratch(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	memset(mem, (int)pgoff + 1, UPAGE);
	return touch_scratch();
}

static int write_with_scratch(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return touch_scratch();
}

static bool unmap_victim(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	(void)what;
	asked++;
	return victim && !quire_munmap(mm, victim, 64 * UPAGE) && !(victim = 0);
}

/* After the machine: a file whose callbacks need scratch memory, which has its tables already. */
static struct quire_file *begin(struct unit *u, const struct quire_file_ops *ops)
{
	struct quire_file_options fo = {.size = sizeof(fo),
					.kind = QUIRE_FILE_PAGECACHE,
					.ops = ops,
					.writable = true,
					.bytes = 32 * UPAGE};
	struct quire_file *file;

	unit = u;
	asked = 0;
	assert_int_equal(quire_file_create(u->m, &fo, &file), 0);
	scratch = unit_map(u->mm, SOURCE, 64 * UPAGE, URW, UANON | QMAP_FIXED);
	scratch_end = scratch + 64 * UPAGE;
	unit_load(u->mm, scratch);
	return file;
}

static void end(struct unit *u, struct quire_file *file)
{
	scratch = scratch_end;
	quire_file_put(file);
	unit_down(u);
}

/* The page is held, by a write the file, too: frames are waited for, and room is asked for. */
static void in_callbacks(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_with_scratch,
						  .write_page = write_with_scratch};
	struct quire_file *file;
	char c = 1;
	struct unit u;

	(void)state;
	up(&u);
	file = begin(&u, &ops);
	fill_with_deferred_tables(&u, 1);
	for (uint64_t i = 0; i < 8; i++) {
		assert_int_equal(quire_file_read(file, 2 * i * UPAGE, &c, 1), 1);
		assert_int_equal(quire_file_write(file, (2 * i + 1) * UPAGE, &c, 1), 1);
	}
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(asked, 0);
	assert_int_equal(scratch_end - scratch, (64 - 24) * UPAGE);
	end(&u, file);
}

static void room_asked_for_in_callbacks(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_with_scratch};
	struct quire_file *file;
	char c = 1;
	struct unit u;

	(void)state;
	unit_port(&u);
	u.port.oom = unmap_victim;
	unit_machine_mm(
	    &u,
	    &(struct quire_machine_options){.size = sizeof(struct quire_machine_options),
					    .ram_bytes = RAM_PAGES * UPAGE},
	    NULL);
	file = begin(&u, &ops);
	victim = unit_map(u.mm, TARGET, 64 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_fill(u.mm, victim, 64 * UPAGE, 1);
	fill_but(&u, 1);
	assert_int_equal(quire_file_write(file, 0, &c, 1), 1); /* its page is the last */
	assert_int_equal(asked, 1);
	end(&u, file);
}

/* ---- of what: what the fault missed, whatever others miss beside it */

#define LAST_PAGE (100000 * UPAGE) /* of a file: nothing is cached before it */
static uint64_t far_page;          /* of other's, whose table there is no frame for */
static bool fail_alloc;            /* of metadata */
static bool missed_beside;
static enum quire_memory told;

static void *alloc_or_fail(void *ctx, size_t bytes)
{
	return fail_alloc ? NULL : unit_alloc(ctx, bytes);
}

static bool note_what(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	if (mm != other) {
		asked++;
		told = what;
	}
	return false;
}

/* Others miss a table while the fault asks how long its file is. */
static uint64_t size_beside_a_miss(void *priv)
{
	if (!far_page)
		return UPAGE; /* grows before the fault, which therefore asks */
	assert_int_equal(unit_fault(other, far_page, QUIRE_READ, NULL), QUIRE_FAULT_OOM);
	missed_beside = true;
	fail_alloc = *(bool *)priv;
	return LAST_PAGE + UPAGE;
}

static int no_content(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return 0;
}

static enum quire_memory told_of(bool metadata)
{
	static const struct quire_file_ops ops = {.read_page = no_content,
						  .file_size = size_beside_a_miss};
	struct quire_file_options fo = {
	    .size = sizeof(fo), .kind = QUIRE_FILE_PAGECACHE, .ops = &ops, .priv = &metadata};
	struct quire_machine_options o = {
	    .size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE, .table_bytes = 16 * UPAGE};
	struct quire_file *file;
	struct quire_fault f;
	struct unit u;
	uint64_t a;

	asked = 0;
	far_page = 0;
	missed_beside = false;
	unit_port(&u);
	u.port.alloc = alloc_or_fail;
	u.port.oom = note_what;
	unit_machine_mm(&u, &o, NULL);
	assert_int_equal(quire_mm_create(u.m, NULL, &other), 0);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	a = unit_map_file(u.mm, SOURCE + 8 * UPAGE, UPAGE, QPROT_READ, QMAP_SHARED | QMAP_FIXED,
			  file, LAST_PAGE);
	unit_store(u.mm, unit_map(u.mm, SOURCE, UPAGE, URW, UANON | QMAP_FIXED), 1);
	far_page = unit_map(other, FILLER, 64ull << 21, URW, UANON | QMAP_NORESERVE | QMAP_FIXED);
	if (!metadata)
		fill_but(&u, 0);
	while (unit_fault(other, far_page, QUIRE_READ, NULL) == QUIRE_FAULT_OK)
		far_page += 2ull << 20;
	assert_int_equal(unit_fault(u.mm, a, QUIRE_READ, &f), QUIRE_FAULT_OOM);
	fail_alloc = false;
	far_page = 0;
	assert_int_equal(asked, 1);
	assert_true(missed_beside);
	quire_file_put(file);
	quire_mm_put(other);
	unit_down(&u);
	return told;
}

static void what_the_fault_missed(void **state)
{
	(void)state;
	assert_int_equal(told_of(false), QUIRE_MEMORY_RAM);
	assert_int_equal(told_of(true), QUIRE_MEMORY_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(in_callbacks),
	    cmocka_unit_test(room_asked_for_in_callbacks),
	    cmocka_unit_test(what_the_fault_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
