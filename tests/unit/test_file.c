/* SPDX-License-Identifier: MIT */
/*
 * test_file.c: mapped files of the three kinds: faults, fault-around, write-notify, writeback,
 * truncation, holes, read and write, msync and mincore.
 *
 * Files under test are arrays in this process (struct store) behind the callbacks of quire.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STORE_PAGES 32

/* What an embedder keeps of a file. */
struct store {
	unsigned char bytes[STORE_PAGES * UPAGE];
	uint64_t size;
	unsigned reads, writes, frames, copies, punches, releases;
	pthread_t writer, releaser; /* who called last */
	uint64_t last_written;      /* page */
	int read_err, write_err;
};

static int store_read(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->reads++;
	if (s->read_err)
		return s->read_err;
	memcpy(mem, s->bytes + pgoff * UPAGE, UPAGE);
	return 0;
}

static int store_write(void *priv, uint64_t pgoff, const void *mem)
{
	struct store *s = priv;

	s->writes++;
	s->writer = pthread_self();
	s->last_written = pgoff;
	if (s->write_err)
		return s->write_err;
	memcpy(s->bytes + pgoff * UPAGE, mem, UPAGE);
	return 0;
}

static int store_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	struct store *s = priv;

	s->frames++;
	*frame = 0x100000 + pgoff;
	return pgoff < STORE_PAGES ? s->read_err : -ENXIO;
}

static int store_copy(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->copies++;
	memcpy(mem, s->bytes + pgoff * UPAGE, UPAGE);
	return 0;
}

static int store_punch(void *priv, uint64_t off, uint64_t len)
{
	struct store *s = priv;

	s->punches++;
	if (s->write_err)
		return s->write_err;
	memset(s->bytes + off, 0, len);
	return 0;
}

static uint64_t store_size(void *priv)
{
	return ((struct store *)priv)->size;
}

static void store_release(void *priv)
{
	struct store *s = priv;

	s->releases++;
	s->releaser = pthread_self();
}

static const struct quire_file_ops cache_ops = {.read_page = store_read,
						.write_page = store_write,
						.release = store_release,
						.punch_hole = store_punch};
static const struct quire_file_ops ext_ops = {.frame = store_frame,
					      .copy_page = store_copy,
					      .file_size = store_size,
					      .release = store_release,
					      .punch_hole = store_punch};

static struct store *new_store(void)
{
	struct store *s = calloc(1, sizeof(*s));

	s->size = sizeof(s->bytes);
	for (uint64_t i = 0; i < STORE_PAGES; i++)
		memcpy(s->bytes + i * UPAGE, &(uint64_t){unit_word(i, 77)}, 8);
	return s;
}

static struct quire_file *new_file(struct unit *u, enum quire_file_kind kind, struct store *s)
{
	struct quire_file_options opts = {
	    .size = sizeof(opts),
	    .kind = kind,
	    .ops = kind == QUIRE_FILE_EXTERNAL ? &ext_ops
		   : kind == QUIRE_FILE_SHMEM  ? NULL
					       : &cache_ops,
	    .priv = s,
	    .bytes = STORE_PAGES * UPAGE,
	    .writable = true,
	    .name = "/a/file",
	    .dev = 8,
	    .ino = 4711,
	};
	struct quire_file *file;

	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	return file;
}

static struct quire_fault expect(struct unit *u, uint64_t addr, enum quire_access access,
				 enum quire_fault_result result, int kind)
{
	struct quire_fault f;

	assert_int_equal(unit_fault(u->mm, addr, access, &f), result);
	if (kind >= 0)
		assert_int_equal((int)f.kind, kind);
	return f;
}

static void expect_bus(struct unit *u, uint64_t addr, enum quire_access access,
		       enum quire_fault_reason reason)
{
	struct quire_fault f = expect(u, addr, access, QUIRE_FAULT_BUS, -1);

	assert_int_equal(f.si_code, QBUS_ADRERR);
	assert_int_equal(f.reason, reason);
	assert_true(f.has_vma);
}

static uint64_t map_all(struct unit *u, struct quire_file *file, int flags)
{
	return unit_map_file(u->mm, 0, STORE_PAGES * UPAGE, URW, flags, file, 0);
}

/* Drops the test's reference and what is mapped; the file must be gone then. */
static void finish(struct unit *u, struct quire_file *file, struct store *s, uint64_t a)
{
	unit_verify(u);
	if (a)
		assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	u->port.rcu_barrier(u->port.ctx);
	unit_verify(u);
	quire_file_put(file);
	if (s)
		assert_int_equal(s->releases, 1);
	free(s);
	unit_verify(u);
}

/* ---- making ------------------------------------------------------------------ */

static void test_create(void **state)
{
	struct unit *u = *state;
	struct quire_file_options opts = {.size = sizeof(opts), .kind = QUIRE_FILE_EXTERNAL};
	struct store *s = new_store();
	struct quire_file *file = NULL;
	uint64_t dev, ino;

	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL); /* no frame callback */
	opts.kind = 9;
	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL);
	opts.size = 8;
	assert_int_equal(quire_file_create(u->m, &opts, &file), -EINVAL);
	file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	assert_string_equal(quire_file_name(file), "/a/file");
	quire_file_id(file, &dev, &ino);
	assert_int_equal(dev, 8);
	assert_int_equal(ino, 4711);
	assert_ptr_equal(quire_file_priv(file), s);
	assert_int_equal(quire_file_size(file), STORE_PAGES * UPAGE);
	finish(u, file, s, 0);
}

/* By which address space, from the first mapping to the last. */
static void test_mapped_by(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	struct quire_mm *child;
	uint64_t at;

	assert_false(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_mmap(u->mm, 0, 3 * UPAGE, QPROT_READ, QMAP_SHARED, file, 0, &at), 0);
	assert_true(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_munmap(u->mm, at + UPAGE, UPAGE), 0);
	assert_true(quire_file_mapped_by(file, u->mm));
	assert_int_equal(quire_munmap(u->mm, at, 3 * UPAGE), 0);
	assert_false(quire_file_mapped_by(file, u->mm));
	assert_true(quire_file_mapped_by(file, child));
	quire_mm_put(child);
	assert_false(quire_file_mapped_by(file, child));
	finish(u, file, s, 0);
}

/* ---- page cache -------------------------------------------------------------- */

static void test_cache_reads_once(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED), b = map_all(u, file, QMAP_PRIVATE);
	struct quire_fault f;

	expect(u, a + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(s->reads, 1);
	f = expect(u, b + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(s->reads, 1);
	assert_int_equal(f.pte & QUIRE_PTE_FRAME_MASK,
			 quire_pte(u->mm, a + 3 * UPAGE) & QUIRE_PTE_FRAME_MASK);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	assert_int_equal(s->reads, STORE_PAGES);
	assert_int_equal(quire_munmap(u->mm, b, STORE_PAGES * UPAGE), 0);
	finish(u, file, s, a);
}

static void test_fault_around(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	/* In the VMA from page 2 on; window of 16 pages. */
	uint64_t base = 0x10000000, a;
	struct quire_mm_stats st;
	struct quire_fault f;

	a = unit_map_file(u->mm, base, STORE_PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	unit_map_file(u->mm, base + 2 * UPAGE, 20 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file,
		      2 * UPAGE);
	f = expect(u, base + 5 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 15); /* 2 .. 17 but itself: 16 pages from where the VMA begins */
	assert_int_equal(quire_pte(u->mm, base + UPAGE), 0);
	assert_int_equal(quire_pte(u->mm, base + 18 * UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, base + 2 * UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, base + 17 * UPAGE), 0);
	/* A write maps nothing else. */
	f = expect(u, base + 20 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 0);
	f = expect(u, base + 21 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 2); /* 18, 19: 16 and 17 are there */
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 20);
	finish(u, file, s, a);
}

static void test_write_notify(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct quire_fault f;

	f = expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_SPURIOUS);
	unit_store(u->mm, a + 8, 123);
	unit_store(u->mm, a + 9 * UPAGE + 8, 124);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_ASYNC), 0);
	assert_int_equal(s->writes, 0);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 9 * UPAGE + 8), 124);
	/* Clean again: nothing to write, and the next write is noted. */
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	unit_verify(u);
	finish(u, file, s, a);
}

static void test_writeback_errors(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + UPAGE, 1);
	s->write_err = -EIO;
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), -EIO);
	s->write_err = 0;
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), 0);
	assert_int_equal(s->writes, 2);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + UPAGE), 1);
	finish(u, file, s, a);
}

/* ---- pages that the host may still store to */

#define LENT_PAGES 600ull /* more than are gathered at once */

static unsigned written;

static bool discard(void *ctx, uint64_t first, uint64_t count)
{
	(void)ctx;
	(void)first;
	(void)count;
	return false;
}

static void drop_line(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static int count_write(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	written++;
	return 0;
}

static unsigned pages_written(struct quire_file *file)
{
	written = 0;
	assert_int_equal(quire_file_sync(file), 0);
	return written;
}

static void test_lent_pages_stay_dirty(void **state)
{
	static const struct quire_file_ops ops = {.write_page = count_write};
	struct quire_file_options fo = {.size = sizeof(fo),
					.kind = QUIRE_FILE_PAGECACHE,
					.ops = &ops,
					.writable = true,
					.bytes = LENT_PAGES * UPAGE};
	struct quire_file *file;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_port(&u);
	u.port.tlb_lent = unit_lent;
	u.port.ram_discard = discard;
	u.port.log = drop_line;
	unit_machine_mm(&u, NULL, NULL);
	assert_int_equal(quire_file_create(u.m, &fo, &file), 0);
	a = unit_map_file(u.mm, 0, LENT_PAGES * UPAGE, URW, QMAP_SHARED, file, 0);
	unit_fill(u.mm, a, LENT_PAGES * UPAGE, 1);
	assert_int_equal(pages_written(file), LENT_PAGES);
	assert_int_equal(pages_written(file), 0);
	unit_fill(u.mm, a, LENT_PAGES * UPAGE, 2);
	u.lent = true;
	assert_int_equal(pages_written(file), LENT_PAGES);
	u.lent = false;
	assert_int_equal(pages_written(file), LENT_PAGES);
	unit_verify(&u);
	quire_file_put(file);
	unit_down(&u);
}

/* What was written through a mapping that is gone reaches the file with the last reference. */
static void test_last_put_writes_back(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + 4 * UPAGE, 99);
	quire_file_put(file);
	assert_int_equal(s->releases, 0);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	assert_int_equal(s->releases, 1); /* at once, and by who has unmapped it */
	assert_true(pthread_equal(s->releaser, pthread_self()));
	assert_true(pthread_equal(s->writer, pthread_self()));
	assert_int_equal(s->writes, 1);
	assert_int_equal(s->last_written, 4);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 4 * UPAGE), 99);
	unit_verify(u);
	free(s);
}

static void test_sync(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + UPAGE, 1);
	unit_store(u->mm, a + 9 * UPAGE, 2);
	s->write_err = -ENOSPC;
	assert_int_equal(quire_file_sync(file), -ENOSPC);
	assert_int_equal(s->writes, 2);
	s->write_err = 0;
	assert_int_equal(quire_file_sync(file), 0); /* what was refused has stayed dirty */
	assert_int_equal(s->writes, 4);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 9 * UPAGE), 2);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 4);
	unit_store(u->mm, a + UPAGE, 3); /* and a later store is seen */
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + UPAGE), 3);
	finish(u, file, s, a);
}

static char last_line[256];

static void note_line(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	if (level == QUIRE_LOG_WARN)
		snprintf(last_line, sizeof(last_line), "%s", line);
}

/* Nobody is left to be told of an error: it is said, and counted. */
static void test_last_put_loses_nothing_silently(void **state)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = UNIT_RAM};
	struct store *s = new_store();
	struct quire_machine_stats st;
	struct quire_file *file;
	struct unit u;
	uint64_t a;

	(void)state;
	unit_port(&u);
	u.port.log = note_line;
	unit_machine_mm(&u, &o, NULL);
	file = new_file(&u, QUIRE_FILE_PAGECACHE, s);
	a = map_all(&u, file, QMAP_SHARED);
	unit_store(u.mm, a, 1);
	unit_store(u.mm, a + 3 * UPAGE, 1);
	s->write_err = -EIO;
	quire_file_put(file);
	quire_mm_exit(u.mm);
	assert_int_equal(s->releases, 1);
	quire_machine_stats(u.m, &st);
	assert_int_equal(st.lost_pages, 2);
	assert_string_equal(last_line,
			    "/a/file: 2 dirty pages could not be written (error 5) and are lost");
	free(s);
	unit_down(&u);
}

static void test_private_copies(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm_stats st;

	/* Copied at once where nothing was mapped, replaced where something was. */
	expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	expect(u, a + UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	expect(u, a + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_int_equal(unit_load(u->mm, a + UPAGE), unit_word(1, 77));
	unit_store(u->mm, a, 5);
	unit_store(u->mm, a + UPAGE, 6);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_anon, 2);
	assert_int_equal(st.rss_file, 0);
	assert_int_equal(st.faults[QUIRE_KIND_FILE_MAJOR], 2);
	assert_int_equal(quire_msync(u->mm, a, 2 * UPAGE, QMS_SYNC), 0);
	finish(u, file, NULL, a);
	assert_int_equal(s->writes, 0);
	free(s);
}

static void test_read_errors(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	char buf[8];

	s->read_err = -EIO;
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_IO);
	expect_bus(u, a, QUIRE_WRITE, QUIRE_REASON_IO);
	assert_int_equal(quire_file_read(file, 0, buf, 8), -EIO);
	s->read_err = -ENOMEM; /* the callback's, not ours: the embedder has failed */
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_IO);
	s->read_err = 0;
	expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(s->reads, 5);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 77));
	finish(u, file, s, a);
}

/* ---- the end of the file ----------------------------------------------------- */

static void test_truncate(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED), b = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm_stats st;

	unit_expect_fill(u->mm, a, STORE_PAGES * UPAGE, 77);
	unit_fill(u->mm, b, STORE_PAGES * UPAGE, 5);
	assert_int_equal(quire_file_truncate(file, 10 * UPAGE + 100), 0);
	unit_verify(u);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 11);
	assert_int_equal(st.rss_anon, 11); /* private copies beyond the end are gone, too */
	unit_expect_fill(u->mm, b, 11 * UPAGE, 5);
	expect_bus(u, a + 11 * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	expect_bus(u, b + 11 * UPAGE, QUIRE_WRITE, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(unit_load(u->mm, a + 10 * UPAGE), unit_word(10, 77));
	assert_int_equal(unit_load(u->mm, a + 10 * UPAGE + 104), 0);
	assert_int_equal(quire_munmap(u->mm, b, STORE_PAGES * UPAGE), 0);
	finish(u, file, s, a);
}

static void test_truncated_tail_is_zero(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + 96, 1);
	unit_store(u->mm, a + 104, 2);
	unit_store(u->mm, a + UPAGE, 3);
	assert_int_equal(quire_file_truncate(file, 100), 0);
	assert_int_equal(quire_file_truncate(file, 2 * UPAGE), 0);
	assert_int_equal(unit_load(u->mm, a + 96), 1);
	assert_int_equal(unit_load(u->mm, a + 104), 0);
	assert_int_equal(unit_load(u->mm, a + UPAGE), 0);
	finish(u, file, NULL, a);
}

/* What a sync beside has written since the embedder changed his file is written once more. */
static void test_zeroed_part_is_written(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	unit_store(u->mm, a + 104, 2);
	unit_store(u->mm, a + UPAGE + 104, 3);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(quire_file_punch(file, 100, 100), 0);
	assert_int_equal(quire_file_truncate(file, UPAGE + 100), 0);
	assert_int_equal(quire_file_sync(file), 0);
	assert_int_equal(s->writes, 4);
	assert_int_equal(s->bytes[104], 0);
	assert_int_equal(s->bytes[UPAGE + 104], 0);
	finish(u, file, s, a);
}

/* The host's answers beyond the end: SIGBUS with BUS_ADRERR; inside the last page all is well. */
static void test_unaligned_end(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);

	assert_int_equal(quire_file_truncate(file, 1), 0);
	expect(u, a + 4000, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	expect_bus(u, a + UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(quire_file_truncate(file, 0), 0);
	expect_bus(u, a, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	finish(u, file, NULL, a);
}

/* ---- shmem ------------------------------------------------------------------- */

static void test_shmem_is_shared_by_fork(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, USHARED);
	struct quire_machine_stats st;
	struct quire_mm_stats mst;
	struct quire_mm *child;
	struct quire_fault f;

	f = expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_true(f.pte & QUIRE_PTE_WRITE); /* no write to note */
	assert_false(f.pte & QUIRE_PTE_DIRTY);
	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(unit_load(child, a), 1);
	unit_store(child, a + UPAGE, 2);
	assert_int_equal(unit_load(u->mm, a + UPAGE), 2);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.shmem_frames, 2);
	quire_mm_stats(u->mm, &mst);
	assert_int_equal(mst.rss_shmem, 2);
	assert_int_equal(mst.rss_file, 0);
	unit_verify(u);
	quire_mm_put(child);
	unit_verify(u);
}

static void test_shared_anon_name(void **state)
{
	struct quire_file *file;
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, USHARED);
	struct quire_vma_info vi;

	assert_int_equal(quire_vma_next(u->mm, a, &vi), 0);
	assert_true(vi.has_file);
	assert_string_equal(vi.file_name, "/dev/zero (deleted)");
	assert_int_equal(quire_vma_next_file(u->mm, a, &vi, &file), 0);
	assert_string_equal(quire_file_name(file), "/dev/zero (deleted)");
	assert_int_equal(quire_file_size(file), UPAGE);
	quire_file_put(file);
}

static int64_t committed(struct unit *u)
{
	struct quire_machine_stats st;

	u->port.rcu_barrier(u->port.ctx); /* a file goes with its last VMA */
	u->port.rcu_barrier(u->port.ctx);
	quire_machine_stats(u->m, &st);
	return (int64_t)st.committed_pages;
}

/* As Committed_AS of the host: whole until the last piece goes, with NORESERVE by the page. */
static void test_shared_anon_is_committed(void **state)
{
	struct unit *u = *state;
	int64_t none = committed(u);
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, USHARED);
	uint64_t b = unit_map(u->mm, 0, 8 * UPAGE, QPROT_READ, USHARED), out;
	struct quire_mm *child;

	assert_int_equal(committed(u), none + 16);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_munmap(u->mm, a, 4 * UPAGE), 0);
	assert_int_equal(quire_munmap(u->mm, b, 8 * UPAGE), 0);
	assert_int_equal(committed(u), none + 16);
	quire_mm_put(child);
	assert_int_equal(committed(u), none + 8);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, a + 4 * UPAGE, 4 * UPAGE), 0);
	assert_int_equal(committed(u), none);
	a = unit_map(u->mm, 0, 8 * UPAGE, URW, USHARED | QMAP_NORESERVE);
	assert_int_equal(committed(u), none);
	unit_fill(u->mm, a, 3 * UPAGE, 1);
	assert_int_equal(committed(u), none + 3);
	assert_int_equal(quire_madvise(u->mm, a, 2 * UPAGE, QMADV_REMOVE), 0);
	assert_int_equal(committed(u), none + 1);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, a, 8 * UPAGE), 0);
	assert_int_equal(committed(u), none);
	assert_int_equal(quire_mmap(u->mm, 0, UNIT_RAM + UPAGE, URW, USHARED, NULL, 0, &out),
			 -ENOMEM);
	unit_map(u->mm, 0, UNIT_RAM + UPAGE, URW, USHARED | QMAP_NORESERVE);
}

static void test_shmem_file_is_committed(void **state)
{
	struct unit *u = *state;
	int64_t none = committed(u);
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);

	assert_int_equal(committed(u), none + STORE_PAGES);
	assert_int_equal(quire_file_truncate(file, 3 * UPAGE + 1), 0);
	assert_int_equal(committed(u), none + 4);
	assert_int_equal(quire_file_truncate(file, UNIT_RAM + 5 * UPAGE), -ENOMEM);
	assert_int_equal(quire_file_size(file), 3 * UPAGE + 1);
	assert_int_equal(quire_file_write(file, 7 * UPAGE, "x", 1), 1);
	assert_int_equal(committed(u), none + 8);
	assert_int_equal(quire_file_write(file, UNIT_RAM + 8 * UPAGE, "x", 1), -ENOMEM);
	assert_int_equal(quire_file_size(file), 7 * UPAGE + 1);
	assert_int_equal(committed(u), none + 8);
	unit_verify(u);
	quire_file_put(file);
	assert_int_equal(committed(u), none);
}

static void test_punch_hole(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED), b = map_all(u, file, QMAP_PRIVATE);
	struct quire_machine_stats st;

	unit_fill(u->mm, a, 8 * UPAGE, 1);
	unit_fill(u->mm, b, 8 * UPAGE, 2);
	assert_int_equal(quire_madvise(u->mm, a + 2 * UPAGE, 3 * UPAGE, QMADV_REMOVE), 0);
	unit_verify(u);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.shmem_frames, 5);
	unit_expect_zero(u->mm, a + 2 * UPAGE, 3 * UPAGE);
	assert_int_equal(unit_load(u->mm, a + 5 * UPAGE), unit_word(5, 1));
	unit_expect_fill(u->mm, b, 8 * UPAGE, 2); /* private copies stay */
	assert_int_equal(quire_munmap(u->mm, b, STORE_PAGES * UPAGE), 0);
	finish(u, file, NULL, a);
}

/* ---- read and write ---------------------------------------------------------- */

/* The embedder makes the hole; the core forgets what it had of it, but for private copies. */
static void test_punch_embedders_file(void **state)
{
	const enum quire_file_kind kinds[] = {QUIRE_FILE_PAGECACHE, QUIRE_FILE_EXTERNAL};
	struct unit *u = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct store *s = new_store();
		struct quire_file *f = new_file(u, kinds[i], s);
		uint64_t a = 0x100000, p = 0x200000;

		assert_int_equal(quire_mmap(u->mm, a, 8 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, f,
					    2 * UPAGE, &a),
				 0);
		assert_int_equal(quire_mmap(u->mm, p, 8 * UPAGE, URW, QMAP_PRIVATE | QMAP_FIXED, f,
					    2 * UPAGE, &p),
				 0);
		expect(u, a + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		expect(u, a + 5 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		expect(u, p + UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, -1);
		s->write_err = -EIO;
		assert_int_equal(quire_madvise(u->mm, a, 2 * UPAGE, QMADV_REMOVE), -EIO);
		assert_true(quire_pte(u->mm, a + UPAGE));
		s->write_err = 0;
		assert_int_equal(quire_madvise(u->mm, a, 2 * UPAGE, QMADV_REMOVE), 0);
		assert_int_equal(s->punches, 2);
		assert_false(quire_pte(u->mm, a + UPAGE));
		assert_true(quire_pte(u->mm, a + 5 * UPAGE));
		assert_true(quire_pte(u->mm, p + UPAGE));
		assert_int_equal(s->bytes[3 * UPAGE], 0);
		assert_int_not_equal(s->bytes[4 * UPAGE], 0);
		unit_verify(u);
		quire_munmap(u->mm, a, 8 * UPAGE);
		quire_munmap(u->mm, p, 8 * UPAGE);
		quire_file_put(f);
		u->port.rcu_barrier(u->port.ctx);
		free(s);
	}
}

/* Another thread's sync meanwhile, and so the old content, if it could, after the zeros. */
static struct quire_file *synced_in_punch;

static int punch_and_sync(void *priv, uint64_t off, uint64_t len)
{
	int err = store_punch(priv, off, len);

	assert_int_equal(quire_file_sync(synced_in_punch), 0);
	return err;
}

static void test_sync_beside_a_hole(void **state)
{
	static const struct quire_file_ops ops = {
	    .read_page = store_read, .write_page = store_write, .punch_hole = punch_and_sync};
	struct store *s = new_store();
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = s, .writable = true};
	struct unit *u = *state;
	uint64_t a;

	o.kind = QUIRE_FILE_PAGECACHE;
	o.bytes = STORE_PAGES * UPAGE;
	assert_int_equal(quire_file_create(u->m, &o, &synced_in_punch), 0);
	a = map_all(u, synced_in_punch, QMAP_SHARED);
	for (uint64_t i = 0; i < 4; i++)
		unit_store(u->mm, a + i * UPAGE, 5);
	assert_int_equal(quire_madvise(u->mm, a + UPAGE, UPAGE, QMADV_REMOVE), 0);
	assert_int_equal(s->writes, 3); /* the others are written */
	assert_int_equal(quire_file_remove(synced_in_punch, 2 * UPAGE, UPAGE), 0);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(unit_load(u->mm, a + i * UPAGE), i == 1 || i == 2 ? 0 : 5);
	/* No hole was made: what was passed over is written later. */
	s->write_err = -EIO;
	unit_store(u->mm, a, 6);
	assert_int_equal(quire_file_remove(synced_in_punch, 0, UPAGE), -EIO);
	s->write_err = 0;
	assert_int_equal(quire_file_sync(synced_in_punch), 0);
	assert_int_equal(s->bytes[0], 6);
	assert_int_equal(quire_file_remove(synced_in_punch, 8, UPAGE), -EINVAL);
	assert_int_equal(quire_file_remove(synced_in_punch, 0, 0), -EINVAL);
	finish(u, synced_in_punch, NULL, a);
	free(s);
}

static void test_read_write_shmem(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = new_file(u, QUIRE_FILE_SHMEM, NULL);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	struct quire_machine_stats st;
	char out[6000], in[6000];

	memset(in, 'x', sizeof(in));
	assert_int_equal(quire_file_read(file, 0, out, 100), 100);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.shmem_frames, 0); /* reading a hole makes no page */
	assert_int_equal(quire_file_write(file, 1000, in, sizeof(in)), sizeof(in));
	assert_int_equal(unit_load(u->mm, a + 1000), 0x7878787878787878);
	assert_int_equal(quire_file_read(file, 500, out, 1000), 1000);
	assert_int_equal(out[499], 0);
	assert_int_equal(out[500], 'x');
	/* Beyond the end: grows on write, ends on read. */
	assert_int_equal(quire_file_read(file, STORE_PAGES * UPAGE, out, 1), 0);
	assert_int_equal(quire_file_read(file, STORE_PAGES * UPAGE - 3, out, 10), 3);
	assert_int_equal(quire_file_write(file, STORE_PAGES * UPAGE + 5, in, 10), 10);
	assert_int_equal(quire_file_size(file), STORE_PAGES * UPAGE + 15);
	finish(u, file, NULL, a);
}

static void test_read_write_cached(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t word = 0;

	assert_int_equal(quire_file_read(file, 2 * UPAGE, &word, 8), 8);
	assert_int_equal(word, unit_word(2, 77));
	assert_int_equal(s->reads, 1);
	/* The rest of a page that is written in part comes from the file. */
	assert_int_equal(quire_file_write(file, 3 * UPAGE + 8, &word, 8), 8);
	assert_int_equal(s->reads, 2);
	assert_int_equal(quire_file_read(file, 3 * UPAGE, &word, 8), 8);
	assert_int_equal(word, unit_word(3, 77));
	finish(u, file, NULL, 0);
	assert_int_equal(s->writes, 1);
	assert_int_equal(*(uint64_t *)(void *)(s->bytes + 3 * UPAGE + 8), unit_word(2, 77));
	free(s);
}

/* How long the file is may be asked for while a page is read for a write: it has grown since. */
static struct quire_file *asked_in_read;

static int read_and_ask(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->size = STORE_PAGES * UPAGE;
	assert_int_equal(quire_file_size(asked_in_read), STORE_PAGES * UPAGE);
	return store_read(priv, pgoff, mem);
}

static void test_size_asked_in_read(void **state)
{
	static const struct quire_file_ops ops = {.read_page = read_and_ask,
						  .file_size = store_size};
	struct store *s = new_store();
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = s, .writable = true};
	struct unit *u = *state;
	uint64_t word = 5;

	o.kind = QUIRE_FILE_PAGECACHE;
	s->size = 2 * UPAGE;
	assert_int_equal(quire_file_create(u->m, &o, &asked_in_read), 0);
	assert_int_equal(quire_file_write(asked_in_read, 8, &word, 8), 8);
	assert_int_equal(quire_file_read(asked_in_read, 0, &word, 8), 8);
	assert_int_equal(word, unit_word(0, 77));
	finish(u, asked_in_read, NULL, 0);
	free(s);
}

/* Where the file ends the embedder knows alone: what it has got since the core asked stays. */
static void test_truncate_beyond_old_size(void **state)
{
	static const struct quire_file_ops ops = {.read_page = store_read,
						  .write_page = store_write,
						  .file_size = store_size,
						  .release = store_release};
	struct store *s = new_store();
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = s, .writable = true};
	struct unit *u = *state;
	struct quire_file *file;
	uint64_t word = 5, a;

	o.kind = QUIRE_FILE_PAGECACHE;
	s->size = 100;
	assert_int_equal(quire_file_create(u->m, &o, &file), 0);
	a = map_all(u, file, QMAP_SHARED);
	s->size = 3000;
	memcpy(s->bytes + 200, &word, sizeof(word));
	assert_int_equal(unit_fault(u->mm, a, QUIRE_READ, NULL), QUIRE_FAULT_OK);
	s->size = 2 * UPAGE;
	assert_int_equal(quire_file_truncate(file, 2 * UPAGE), 0);
	assert_int_equal(unit_load(u->mm, a + 200), 5);
	assert_int_equal(quire_file_sync(file), 0);
	assert_memory_equal(s->bytes + 200, &word, sizeof(word));
	finish(u, file, NULL, a);
	assert_int_equal(s->releases, 1);
	free(s);
}

/* ---- external files ---------------------------------------------------------- */

static void test_external_frames(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t base = 0x10000000, a;
	struct quire_mm_stats st;
	struct quire_fault f;

	a = unit_map_file(u->mm, base, STORE_PAGES * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, file, 0);
	f = expect(u, a + 3 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 15);
	assert_true(f.pte & QUIRE_PTE_EXTERNAL);
	assert_false(f.pte & QUIRE_PTE_WRITE);
	assert_int_equal((f.pte & QUIRE_PTE_FRAME_MASK) / UPAGE, 0x100003);
	f = expect(u, a + 3 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_WRITE_NOTIFY);
	assert_true(f.pte & QUIRE_PTE_WRITE && f.pte & QUIRE_PTE_DIRTY);
	f = expect(u, a + 20 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(f.around, 0);
	assert_true(f.pte & QUIRE_PTE_WRITE);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_file, 17);
	assert_int_equal(unit_load(u->mm, a + 3 * UPAGE), unit_word(3, 77)); /* by copy_page */
	assert_false(unit_try_store(u->mm, a, 1));
	finish(u, file, s, a);
}

/* Callbacks of the other kind are not called: no entry of an external file names a page of RAM. */
static void test_external_is_not_written_back(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file_ops ops = ext_ops;
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = QUIRE_FILE_EXTERNAL,
					  .ops = &ops,
					  .priv = s,
					  .writable = true};
	struct quire_file *file;
	struct quire_fault f;
	uint64_t a;

	ops.read_page = store_read;
	ops.write_page = store_write;
	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	a = map_all(u, file, QMAP_SHARED);
	f = expect(u, a + 3 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(quire_msync(u->mm, a, STORE_PAGES * UPAGE, QMS_SYNC), 0);
	assert_int_equal(quire_pte(u->mm, a + 3 * UPAGE), f.pte);
	assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	u->port.rcu_barrier(u->port.ctx);
	quire_file_put(file);
	assert_int_equal(s->releases, 1);
	assert_int_equal(s->writes + s->reads, 0);
	free(s);
}

static void test_external_private(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t a = map_all(u, file, QMAP_PRIVATE);
	struct quire_mm *child;
	struct quire_mm_stats st;
	struct quire_fault f;

	expect(u, a, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	f = expect(u, a, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_false(f.pte & QUIRE_PTE_EXTERNAL);
	expect(u, a + 30 * UPAGE, QUIRE_WRITE, QUIRE_FAULT_OK, QUIRE_KIND_COW_COPY);
	assert_int_equal(s->copies, 2);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.rss_anon, 2);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 77));
	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_store(child, a, 2);
	unit_store(u->mm, a, 3);
	assert_int_equal(unit_load(child, a), 2);
	assert_int_equal(unit_load(child, a + 30 * UPAGE), unit_word(30, 77));
	unit_verify(u);
	quire_mm_put(child);
	finish(u, file, s, a);
}

static void test_external_end(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_EXTERNAL, s);
	uint64_t a = unit_map_file(u->mm, 0x10000000, (STORE_PAGES + 8) * UPAGE, URW,
				   QMAP_PRIVATE | QMAP_FIXED, file, 0);
	struct quire_pin pin;

	s->size = 5 * UPAGE - 100;
	expect(u, a + 2 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MINOR);
	assert_int_equal(quire_pte(u->mm, a + 5 * UPAGE), 0);
	expect_bus(u, a + 5 * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	expect_bus(u, a + 5 * UPAGE, QUIRE_WRITE, QUIRE_REASON_BEYOND_EOF);
	s->size = UINT64_MAX; /* then the callback knows where the end is */
	expect_bus(u, a + STORE_PAGES * UPAGE, QUIRE_READ, QUIRE_REASON_BEYOND_EOF);
	s->read_err = -EIO;
	expect_bus(u, a + 20 * UPAGE, QUIRE_READ, QUIRE_REASON_IO);
	s->read_err = 0;
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &pin), -EFAULT);
	unit_store(u->mm, a + UPAGE, 1);
	s->size = UPAGE;
	assert_int_equal(quire_file_truncate(file, UPAGE), 0);
	assert_int_equal(quire_pte(u->mm, a + UPAGE), 0);
	assert_int_not_equal(quire_pte(u->mm, a), 0);
	unit_verify(u);
	assert_int_equal(quire_munmap(u->mm, a, (STORE_PAGES + 8) * UPAGE), 0);
	finish(u, file, NULL, 0);
	free(s);
}

/* ---- msync and mincore beside the host --------------------------------------- */

/* Eight pages of anonymous memory, the fourth a hole, the fifth locked; the same on both sides. */
struct pair {
	struct quire_mm *mm;
	uint64_t a;
	char *p;
};

static struct pair make_pair(struct unit *u)
{
	struct pair x = {.mm = u->mm};

	/* A hole after them on the host, too. */
	x.p = mmap(NULL, 512 * UPAGE, PROT_READ | PROT_WRITE, UANON, -1, 0);
	munmap(x.p + 8 * UPAGE, 504 * UPAGE);
	x.a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);
	munmap(x.p + 3 * UPAGE, UPAGE);
	quire_munmap(u->mm, x.a + 3 * UPAGE, UPAGE);
	syscall(SYS_mlock, x.p + 4 * UPAGE, UPAGE); /* ASan's mlock() does nothing */
	assert_int_equal(quire_mlock(u->mm, x.a + 4 * UPAGE, UPAGE, 0), 0);
	*x.p = 1;
	unit_store(u->mm, x.a, 1);
	return x;
}

static void same_msync(const struct pair *x, uint64_t off, uint64_t len, int flags)
{
	int host = msync(x->p + off, len, flags) ? -errno : 0;

	assert_int_equal(quire_msync(x->mm, x->a + off, len, flags), host);
}

static void test_msync_as_on_the_host(void **state)
{
	struct pair x = make_pair(*state);

	for (int flags = 0; flags < 16; flags++) {
		same_msync(&x, 0, UPAGE, flags);
		same_msync(&x, 1, UPAGE, flags);
		same_msync(&x, 0, 0, flags);
		same_msync(&x, 3 * UPAGE, 0, flags);
		same_msync(&x, 0, 8 * UPAGE, flags);         /* hole before locked */
		same_msync(&x, 4 * UPAGE, 2 * UPAGE, flags); /* locked */
		same_msync(&x, 4 * UPAGE, 8 * UPAGE, flags); /* locked, then the end */
		same_msync(&x, 3 * UPAGE, UPAGE, flags);
		same_msync(&x, 0, 4 * UPAGE, flags);
		same_msync(&x, 0, 100, flags);
		same_msync(&x, 0, (uint64_t)-8192, flags);
		same_msync(&x, 0, UINT64_MAX, flags);
	}
	munmap(x.p, 8 * UPAGE);
}

static void same_mincore(const struct pair *x, uint64_t off, uint64_t len)
{
	unsigned char host[16], ours[16];
	int ret;

	memset(host, 9, sizeof(host));
	memset(ours, 9, sizeof(ours));
	ret = mincore(x->p + off, len, host) ? -errno : 0;
	assert_int_equal(quire_mincore(x->mm, x->a + off, len, ours), ret);
	assert_memory_equal(host, ours, sizeof(host));
}

static void test_mincore_as_on_the_host(void **state)
{
	struct pair x = make_pair(*state);
	uint8_t vec[2];

	(void)*(volatile char *)(x.p + UPAGE);
	unit_load(x.mm, x.a + UPAGE);
	same_mincore(&x, 0, 3 * UPAGE);
	same_mincore(&x, 0, 2 * UPAGE + 1);
	same_mincore(&x, 0, 8 * UPAGE);
	same_mincore(&x, 4 * UPAGE, 4 * UPAGE);
	same_mincore(&x, 1, UPAGE);
	same_mincore(&x, 0, 0);
	same_mincore(&x, 3 * UPAGE, UPAGE);
	same_mincore(&x, 0, UINT64_MAX);
	same_mincore(&x, 0, (uint64_t)-8192);
	mprotect(x.p, UPAGE, PROT_NONE);
	quire_mprotect(x.mm, x.a, UPAGE, QPROT_NONE);
	same_mincore(&x, 0, UPAGE);
	assert_int_equal(quire_mincore(x.mm, 0xffffffff80000000, UPAGE, vec), -ENOMEM);
	munmap(x.p, 8 * UPAGE);
}

static void test_mincore_of_files(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	char buf[8];
	uint8_t vec[4];

	assert_int_equal(quire_file_read(file, UPAGE, buf, 8), 8);
	expect(u, a + 2 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(quire_mincore(u->mm, a, 4 * UPAGE, vec), 0);
	assert_memory_equal(vec, "\0\1\1\0", 4);
	finish(u, file, s, a);
}

/* SIGBUS beyond the end, on the host. */
static sigjmp_buf bus_jump;
static int bus_code;

static void bus_handler(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	bus_code = info->si_code;
	siglongjmp(bus_jump, 1);
}

static void test_sigbus_as_on_the_host(void **state)
{
	struct sigaction sa = {.sa_sigaction = bus_handler, .sa_flags = SA_SIGINFO}, old;
	int fd = memfd_create("eof", 0);
	char *p;

	(void)state;
	assert_int_equal(ftruncate(fd, 1), 0);
	p = mmap(NULL, 2 * UPAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sigaction(SIGBUS, &sa, &old);
	if (!sigsetjmp(bus_jump, 1))
		*(volatile char *)(p + UPAGE) = 1;
	sigaction(SIGBUS, &old, NULL);
	assert_int_equal(bus_code, QBUS_ADRERR); /* as expect_bus() wants it of us */
	munmap(p, 2 * UPAGE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_create),
	    unit_test(test_mapped_by),
	    unit_test(test_cache_reads_once),
	    unit_test(test_fault_around),
	    unit_test(test_write_notify),
	    unit_test(test_writeback_errors),
	    cmocka_unit_test(test_lent_pages_stay_dirty),
	    unit_test(test_last_put_writes_back),
	    unit_test(test_sync),
	    cmocka_unit_test(test_last_put_loses_nothing_silently),
	    unit_test(test_private_copies),
	    unit_test(test_read_errors),
	    unit_test(test_truncate),
	    unit_test(test_truncated_tail_is_zero),
	    unit_test(test_zeroed_part_is_written),
	    unit_test(test_unaligned_end),
	    unit_test(test_shmem_is_shared_by_fork),
	    unit_test(test_shared_anon_name),
	    unit_test(test_shared_anon_is_committed),
	    unit_test(test_shmem_file_is_committed),
	    unit_test(test_punch_hole),
	    unit_test(test_punch_embedders_file),
	    unit_test(test_sync_beside_a_hole),
	    unit_test(test_read_write_shmem),
	    unit_test(test_read_write_cached),
	    unit_test(test_size_asked_in_read),
	    unit_test(test_truncate_beyond_old_size),
	    unit_test(test_external_frames),
	    unit_test(test_external_is_not_written_back),
	    unit_test(test_external_private),
	    unit_test(test_external_end),
	    unit_test(test_msync_as_on_the_host),
	    unit_test(test_mincore_as_on_the_host),
	    unit_test(test_mincore_of_files),
	    cmocka_unit_test(test_sigbus_as_on_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
