/* SPDX-License-Identifier: MIT */
/*
 * test_truncate.c: what is left of a file's mappings when content is taken from it.
 *
 * The embedder's file is one of the host's, which the test itself has mapped too.  What it does to
 * that file it tells the core; then every page reads the same in the core's mappings as in its
 * own, private copies included.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 8
#define BYTES (PAGES * UPAGE)
#define READ_ONLY_PAGE 3  /* of the private mappings: no copy of it is made */
#define SIGBUS_READ 0xb05 /* instead of a value */

struct twin {
	struct unit *u;
	struct quire_file *file;
	int fd;
	char *shared, *private;       /* the test's own mappings */
	uint64_t q_shared, q_private; /* the core's */
};

/* ---- the embedder's side ------------------------------------------------------------- */

static int fd_of(void *priv)
{
	return ((struct twin *)priv)->fd;
}

static int twin_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = pgoff;
	return 0;
}

static int twin_read(void *priv, uint64_t pgoff, void *mem)
{
	memset(mem, 0, UPAGE);
	return pread(fd_of(priv), mem, UPAGE, (off_t)(pgoff * UPAGE)) < 0 ? -errno : 0;
}

static uint64_t twin_size(void *priv)
{
	struct stat st;

	return fstat(fd_of(priv), &st) ? 0 : (uint64_t)st.st_size;
}

static const struct quire_file_ops external_ops = {
    .frame = twin_frame, .copy_page = twin_read, .file_size = twin_size};
static const struct quire_file_ops cached_ops = {.read_page = twin_read, .file_size = twin_size};

/* ---- reading both -------------------------------------------------------------------- */

static sigjmp_buf bus_jump;

static void bus_handler(int sig)
{
	(void)sig;
	siglongjmp(bus_jump, 1);
}

static uint64_t host_load(const char *p)
{
	return sigsetjmp(bus_jump, 1) ? SIGBUS_READ : *(const volatile uint64_t *)(const void *)p;
}

static uint64_t quire_load(const struct twin *t, uint64_t addr)
{
	enum quire_fault_result r = unit_fault(t->u->mm, addr, QUIRE_READ, NULL);

	if (r == QUIRE_FAULT_BUS)
		return SIGBUS_READ;
	assert_int_equal(r, QUIRE_FAULT_OK);
	return unit_load(t->u->mm, addr);
}

static void expect_same(const struct twin *t, const char *what)
{
	static const unsigned offsets[] = {0, 24, UPAGE - 8};

	for (unsigned i = 0; i < 3 * PAGES; i++) {
		uint64_t at = i / 3 * UPAGE + offsets[i % 3];
		uint64_t shared = host_load(t->shared + at), own = host_load(t->private + at);

		if (quire_load(t, t->q_shared + at) != shared ||
		    quire_load(t, t->q_private + at) != own)
			fail_msg("%s: at %#lx the host has %#lx and %#lx, the core %#lx and %#lx",
				 what, at, shared, own, quire_load(t, t->q_shared + at),
				 quire_load(t, t->q_private + at));
	}
}

/* ---- both ---------------------------------------------------------------------------- */

static void fill_host_file(int fd)
{
	char page[UPAGE];

	for (unsigned i = 0; i < PAGES; i++) {
		memset(page, 0x40 + (int)i, sizeof(page));
		assert_int_equal(pwrite(fd, page, UPAGE, i * UPAGE), UPAGE);
	}
}

static void make_private_copies(const struct twin *t)
{
	for (unsigned i = 0; i < PAGES; i++) {
		if (i == READ_ONLY_PAGE)
			continue;
		*(volatile uint64_t *)(void *)(t->private + i * UPAGE) = i + 1;
		unit_store(t->u->mm, t->q_private + i * UPAGE, i + 1);
	}
}

static void twin_map(struct twin *t, enum quire_file_kind kind)
{
	bool external = kind == QUIRE_FILE_EXTERNAL;
	struct quire_file_options o = {.size = sizeof(o),
				       .kind = kind,
				       .ops = external ? &external_ops : &cached_ops,
				       .priv = t,
				       .writable = true};

	fill_host_file(t->fd);
	t->shared = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, t->fd, 0);
	t->private = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, t->fd, 0);
	assert_true(t->shared != MAP_FAILED && t->private != MAP_FAILED);
	assert_int_equal(quire_file_create(t->u->m, &o, &t->file), 0);
	t->q_shared = unit_map_file(t->u->mm, 0, BYTES, URW, QMAP_SHARED, t->file, 0);
	t->q_private = unit_map_file(t->u->mm, 0, BYTES, URW, QMAP_PRIVATE, t->file, 0);
	make_private_copies(t);
	expect_same(t, "before");
}

static void twin_unmap(struct twin *t)
{
	unit_verify(t->u);
	assert_int_equal(quire_munmap(t->u->mm, t->q_shared, BYTES), 0);
	assert_int_equal(quire_munmap(t->u->mm, t->q_private, BYTES), 0);
	quire_file_put(t->file);
	munmap(t->shared, BYTES);
	munmap(t->private, BYTES);
	close(t->fd);
}

/* `act` on a file in memory; on one on a disk, where the calls are those of disks. */
static void with_twins(struct unit *u, bool disk, void (*act)(struct twin *t))
{
	static const enum quire_file_kind kinds[] = {QUIRE_FILE_EXTERNAL, QUIRE_FILE_PAGECACHE};
	struct sigaction sa = {.sa_handler = bus_handler}, old;

	sigaction(SIGBUS, &sa, &old);
	for (unsigned i = 0; i < 2; i++) {
		struct twin t = {.u = u};

		t.fd = disk ? open(".", O_TMPFILE | O_RDWR, 0600) : memfd_create("twin", 0);
		assert_true(t.fd >= 0);
		twin_map(&t, kinds[i]);
		act(&t);
		twin_unmap(&t);
	}
	sigaction(SIGBUS, &old, NULL);
}

/* ---- the end ------------------------------------------------------------------------- */

static void set_length(struct twin *t, uint64_t bytes)
{
	assert_int_equal(ftruncate(t->fd, (off_t)bytes), 0);
	assert_int_equal(quire_file_truncate(t->file, bytes), 0);
}

static void cut_and_grow(struct twin *t)
{
	set_length(t, 2 * UPAGE + 16);
	expect_same(t, "cut in the third page");
	set_length(t, BYTES);
	expect_same(t, "grown again");
	make_private_copies(t);
	set_length(t, 0);
	expect_same(t, "empty");
	set_length(t, BYTES);
	expect_same(t, "grown from nothing");
}

static void test_truncation_takes_private_copies(void **state)
{
	with_twins(*state, false, cut_and_grow);
}

static void cut_of_a_child(struct twin *t)
{
	struct quire_fault f;
	struct quire_mm *child;

	assert_int_equal(quire_mm_fork(t->u->mm, NULL, &child), 0);
	assert_int_equal(unit_load(child, t->q_private + 5 * UPAGE), 6);
	set_length(t, UPAGE);
	assert_int_equal(unit_fault(child, t->q_private + 5 * UPAGE, QUIRE_READ, &f),
			 QUIRE_FAULT_BUS);
	assert_int_equal(f.reason, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(unit_load(child, t->q_private), 1);
	unit_verify(t->u);
	quire_mm_put(child);
}

static void test_truncation_takes_those_of_children(void **state)
{
	with_twins(*state, false, cut_of_a_child);
}

/* ---- holes ---------------------------------------------------------------------------- */

/* False: the file system of the build cannot. */
static bool change(struct twin *t, int mode, uint64_t off, uint64_t len)
{
	if (!fallocate(t->fd, mode, (off_t)off, (off_t)len))
		return true;
	assert_int_equal(errno, EOPNOTSUPP);
	print_message("# not tested: no fallocate mode %d on the file system of the build\n", mode);
	return false;
}

static void punch(struct twin *t, int mode, uint64_t off, uint64_t len)
{
	if (!change(t, mode, off, len))
		return;
	assert_int_equal(quire_file_punch(t->file, off, len), 0);
	expect_same(t, "punched");
}

static void punch_holes(struct twin *t)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	punch(t, mode, UPAGE + 16, 2 * UPAGE + 16); /* in part, one, in part */
	punch(t, mode, 5 * UPAGE + 16, 16);
	punch(t, mode, 6 * UPAGE, UPAGE);
	punch(t, mode, READ_ONLY_PAGE * UPAGE, UPAGE);
	punch(t, mode, 0, BYTES);
	punch(t, mode, BYTES + 5, 3 * UPAGE);
	assert_int_equal(quire_file_punch(t->file, 0, 0), -EINVAL);
	assert_int_equal(quire_file_punch(t->file, UPAGE, INT64_MAX), -EINVAL);
	assert_int_equal(quire_file_punch(t->file, (uint64_t)-4096, UPAGE), -EINVAL);
}

static void test_holes_leave_private_copies(void **state)
{
	with_twins(*state, false, punch_holes);
}

static void zero_range(struct twin *t)
{
	punch(t, FALLOC_FL_ZERO_RANGE, UPAGE, 3 * UPAGE);
}

static void test_zero_range_leaves_private_copies(void **state)
{
	with_twins(*state, true, zero_range);
}

/* An entry of an external file names a frame that the embedder may have given to another page. */
static void test_hole_asks_for_frames_again(void **state)
{
	struct twin t = {.u = *state, .fd = memfd_create("twin", 0)};

	twin_map(&t, QUIRE_FILE_EXTERNAL);
	assert_true(quire_pte(t.u->mm, t.q_shared + UPAGE) & QUIRE_PTE_EXTERNAL);
	assert_int_equal(quire_file_punch(t.file, UPAGE, UPAGE), 0);
	assert_int_equal(quire_pte(t.u->mm, t.q_shared + UPAGE), 0);
	assert_true(quire_pte(t.u->mm, t.q_shared) & QUIRE_PTE_EXTERNAL);
	assert_false(quire_pte(t.u->mm, t.q_private + UPAGE) & QUIRE_PTE_EXTERNAL);
	twin_unmap(&t);
}

/* Content that is nowhere else: what is not whole pages becomes zeros in place. */
static void test_hole_in_shmem(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, BYTES, true);
	uint64_t a = unit_map_file(u->mm, 0, BYTES, URW, QMAP_SHARED, file, 0);
	struct quire_machine_stats st;

	for (uint64_t at = 0; at < BYTES; at += 8)
		unit_store(u->mm, a + at, 5);
	assert_int_equal(quire_file_punch(file, 16, 2 * UPAGE), 0);
	quire_machine_stats(u->m, &st);
	assert_int_equal(st.shmem_frames, PAGES - 1);
	for (uint64_t at = 0; at < BYTES; at += 8)
		assert_int_equal(unit_load(u->mm, a + at), at >= 16 && at < 2 * UPAGE + 16 ? 0 : 5);
	assert_int_equal(quire_munmap(u->mm, a, BYTES), 0);
	quire_file_put(file);
}

/* ---- content that moves ----------------------------------------------------------------- */

static void collapse(struct twin *t)
{
	if (!change(t, FALLOC_FL_COLLAPSE_RANGE, UPAGE, 2 * UPAGE))
		return;
	assert_int_equal(quire_file_truncate(t->file, UPAGE), 0);
	expect_same(t, "collapsed");
}

static void test_collapse_takes_private_copies(void **state)
{
	with_twins(*state, true, collapse);
}

static void insert(struct twin *t)
{
	if (!change(t, FALLOC_FL_INSERT_RANGE, UPAGE, 2 * UPAGE))
		return;
	assert_int_equal(quire_file_truncate(t->file, UPAGE), 0);
	expect_same(t, "inserted");
}

static void test_insert_takes_private_copies(void **state)
{
	with_twins(*state, true, insert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_truncation_takes_private_copies),
	    unit_test(test_truncation_takes_those_of_children),
	    unit_test(test_holes_leave_private_copies),
	    unit_test(test_zero_range_leaves_private_copies),
	    unit_test(test_hole_asks_for_frames_again),
	    unit_test(test_hole_in_shmem),
	    unit_test(test_collapse_takes_private_copies),
	    unit_test(test_insert_takes_private_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
