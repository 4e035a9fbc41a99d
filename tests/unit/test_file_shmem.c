/* SPDX-License-Identifier: MIT */
/*
 * test_file_shmem.c: shared memory: by fork, committed, with holes.
 */
#include "store.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_shmem_is_shared_by_fork),
	    unit_test(test_shared_anon_name),
	    unit_test(test_shared_anon_is_committed),
	    unit_test(test_shmem_file_is_committed),
	    unit_test(test_punch_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
