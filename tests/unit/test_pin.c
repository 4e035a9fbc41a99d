/* SPDX-License-Identifier: MIT */
/*
 * test_pin.c: quire_pin(): whose page it is, before and after fork, and what else may happen to it.
 */
#include "unit.h"

static uint64_t pinned_word(const struct quire_pin *p)
{
	return *(volatile uint64_t *)p->mem;
}

static void pin(struct quire_mm *mm, uint64_t addr, enum quire_access access, struct quire_pin *p)
{
	assert_int_equal(quire_pin(mm, addr, access, p), 0);
}

/* The pinned page is the one that addr shows: each sees the other's stores. */
static void expect_same_page(struct unit *u, struct quire_mm *mm, uint64_t addr,
			     const struct quire_pin *p)
{
	uint64_t was = unit_load(mm, addr);

	unit_store(mm, addr, was + 1);
	assert_int_equal(pinned_word(p), was + 1);
	*(uint64_t *)p->mem = was + 2;
	assert_int_equal(unit_load(mm, addr), was + 2);
	assert_int_equal((quire_pte(mm, addr) & QUIRE_PTE_FRAME_MASK) / UPAGE, p->frame);
	unit_verify(u);
}

static void test_pins(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_pin w, r;

	assert_int_equal(quire_pin(u->mm, a + 5, QUIRE_WRITE, &w), 0);
	strcpy(w.mem, "pinned");
	unit_verify(u);
	assert_memory_equal(&(uint64_t){unit_load(u->mm, a)}, "pinned\0", 8);
	assert_int_equal(quire_pin(u->mm, a + UPAGE, QUIRE_READ, &r), 0);
	assert_int_equal(*(uint64_t *)r.mem, 0);
	/* The page stays the pin's after it is unmapped. */
	quire_munmap(u->mm, a, 2 * UPAGE);
	unit_verify(u);
	assert_string_equal(w.mem, "pinned");
	quire_unpin(u->m, &w);
	quire_unpin(u->m, &r);
	assert_null(w.mem);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &r), -QEFAULT);
	unit_verify(u);
}

/* A page pinned before a fork stays the parent's: what the pin writes, the parent sees. */
static void test_pin_survives_fork(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin pin;

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_WRITE, &pin), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_store(u->mm, a, 2);
	assert_int_equal(*(uint64_t *)pin.mem, 2);
	*(uint64_t *)pin.mem = 3;
	assert_int_equal(unit_load(u->mm, a), 3);
	assert_int_equal(unit_load(child, a), 1);
	unit_verify(u);
	quire_unpin(u->m, &pin);
	quire_mm_put(child);
	unit_verify(u);
}

/* Pinning a shared page for writing breaks the sharing first. */
static void test_pin_for_writing_copies(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin w, r;

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &r), 0);
	assert_int_equal(quire_pin(child, a, QUIRE_WRITE, &w), 0);
	assert_int_not_equal(r.frame, w.frame);
	*(uint64_t *)w.mem = 2;
	assert_int_equal(unit_load(u->mm, a), 1);
	assert_int_equal(unit_load(child, a), 2);
	quire_unpin(u->m, &w);
	quire_unpin(u->m, &r);
	quire_mm_put(child);
	unit_verify(u);
}

/* ---- pins for reading, of pages that a fork has shared ------------------------ */

static void read_pin_stays_true(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin p;
	uint64_t e;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &p);
	unit_verify(u);
	e = quire_pte(u->mm, a);
	assert_int_equal(e & (QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY), 0);
	assert_true(e & QUIRE_PTE_ACCESSED);
	assert_int_not_equal(e & QUIRE_PTE_FRAME_MASK, quire_pte(child, a) & QUIRE_PTE_FRAME_MASK);
	expect_same_page(u, u->mm, a, &p);
	assert_int_equal(unit_load(child, a), 10);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

/* The last user keeps the page; and so does the child, whichever comes first. */
static void read_pin_in_the_child(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	uint64_t frame;
	struct quire_pin of_child, of_parent;
	struct quire_mm *child;

	unit_store(u->mm, a, 10);
	frame = (quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK) / UPAGE;
	child = unit_fork(u->mm);
	pin(child, a, QUIRE_READ, &of_child);
	assert_int_not_equal(of_child.frame, frame);
	pin(u->mm, a, QUIRE_READ, &of_parent);
	assert_int_equal(of_parent.frame, frame);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_WRITE, 0);
	unit_verify(u);
	expect_same_page(u, child, a, &of_child);
	expect_same_page(u, u->mm, a, &of_parent);
	quire_unpin(u->m, &of_child);
	quire_unpin(u->m, &of_parent);
	quire_mm_put(child);
}

/* Whoever forks, and how often: a pinned page is no child's. */
static void pinned_and_forked_twice(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_mm *child[3];
	struct quire_pin r, w;

	unit_store(u->mm, a, 10);
	unit_store(u->mm, a + UPAGE, 20);
	pin(u->mm, a, QUIRE_READ, &r);
	pin(u->mm, a + UPAGE, QUIRE_WRITE, &w);
	child[0] = unit_fork(u->mm);
	child[1] = unit_fork(u->mm);
	child[2] = unit_fork(child[1]);
	unit_verify(u);
	expect_same_page(u, u->mm, a, &r);
	expect_same_page(u, u->mm, a + UPAGE, &w);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(unit_load(child[i], a), 10);
		assert_int_equal(unit_load(child[i], a + UPAGE), 20);
		quire_mm_put(child[i]);
	}
	quire_unpin(u->m, &r);
	quire_unpin(u->m, &w);
}

/* What is no longer pinned is shared like any other page; what is left alone is kept in place. */
static void unpinned_is_reused(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_fault f;
	struct quire_pin p;
	uint64_t frame;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &p);
	frame = p.frame;
	quire_unpin(u->m, &p);
	unit_fault(u->mm, a, QUIRE_WRITE, &f);
	assert_int_equal(f.kind, QUIRE_KIND_COW_REUSE);
	assert_int_equal((quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK) / UPAGE, frame);
	quire_mm_put(child);
	child = unit_fork(u->mm);
	assert_int_equal((quire_pte(child, a) & QUIRE_PTE_FRAME_MASK) / UPAGE, frame);
	unit_verify(u);
	quire_mm_put(child);
}

/* Several pins of one page: it is pinned until the last goes. */
static void pinned_several_times(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin p[3];

	unit_store(u->mm, a, 10);
	for (unsigned i = 0; i < 3; i++)
		pin(u->mm, a, i ? QUIRE_READ : QUIRE_WRITE, &p[i]);
	unit_verify(u);
	for (unsigned i = 0; i < 3; i++) {
		child = unit_fork(u->mm);
		assert_int_not_equal(quire_pte(child, a) & QUIRE_PTE_FRAME_MASK,
				     quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK);
		expect_same_page(u, u->mm, a, &p[2]);
		quire_mm_put(child);
		quire_unpin(u->m, &p[i]);
	}
	child = unit_fork(u->mm);
	assert_int_equal(quire_pte(child, a) & QUIRE_PTE_FRAME_MASK,
			 quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK);
	quire_mm_put(child);
}

/* There is an end to what is counted, and it is told. */
static void pinned_too_often(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	const unsigned most = 65280;
	struct quire_pin *p = calloc(most, sizeof(*p)), one_more;

	for (unsigned i = 0; i < most; i++)
		pin(u->mm, a, QUIRE_WRITE, &p[i]);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_WRITE, &one_more), -QENOMEM);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &one_more), -QENOMEM);
	unit_verify(u);
	quire_unpin(u->m, &p[0]);
	pin(u->mm, a, QUIRE_READ, &p[0]);
	for (unsigned i = 0; i < most; i++)
		quire_unpin(u->m, &p[i]);
	unit_verify(u);
	free(p);
}

/* A mapping that may only be read, of pages that it shares. */
static void read_pin_of_a_read_only_mapping(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin p;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_READ), 0);
	pin(u->mm, a, QUIRE_READ, &p);
	unit_verify(u);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, URW), 0);
	expect_same_page(u, u->mm, a, &p);
	quire_unpin(u->m, &p);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_NONE), 0);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &p), -QEFAULT);
	quire_mm_put(child);
}

/* A private copy of a file's page is a page of the mm's, what it has not copied is the file's. */
static void read_pin_of_a_private_file(void **state)
{
	struct unit *u = *state;
	struct quire_file *file = unit_shmem(u, 2 * UPAGE, true);
	uint64_t a = unit_map_file(u->mm, 0, 2 * UPAGE, URW, QMAP_PRIVATE, file, 0);
	uint64_t shared = unit_map_file(u->mm, 0, 2 * UPAGE, URW, QMAP_SHARED, file, 0);
	struct quire_mm *child;
	struct quire_pin own, cached;

	unit_store(u->mm, shared + UPAGE, 30);
	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &own);
	expect_same_page(u, u->mm, a, &own);
	assert_int_equal(unit_load(child, a), 10);
	/* Not unshared: the pin has the file's page, and keeps it. */
	pin(u->mm, a + UPAGE, QUIRE_READ, &cached);
	unit_store(u->mm, a + UPAGE, 31);
	assert_int_equal(pinned_word(&cached), 30);
	unit_store(u->mm, shared + UPAGE, 32);
	assert_int_equal(pinned_word(&cached), 32);
	quire_unpin(u->m, &cached);
	quire_unpin(u->m, &own);
	quire_mm_put(child);
	quire_mm_put(u->mm);
	u->mm = NULL;
	quire_file_put(file);
}

static void read_pin_of_the_zero_page(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_pin p;

	pin(u->mm, a, QUIRE_READ, &p);
	unit_store(u->mm, a, 1);
	assert_int_equal(pinned_word(&p), 0);
	quire_unpin(u->m, &p);
	unit_verify(u);
}

/* The host unshares what another program's read pins: so does ours; a read of its own does not. */
static void remote_read_unshares(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON), word, shared;
	struct quire_mm *child;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	shared = quire_pte(child, a) & QUIRE_PTE_FRAME_MASK;
	assert_int_equal(quire_read(u->mm, a, &word, 8), 8);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK, shared);
	assert_int_equal(quire_remote_read(u->mm, a, &word, 8), 8);
	assert_int_equal(word, 10);
	assert_int_not_equal(quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK, shared);
	unit_verify(u);
	quire_mm_put(child);
}

/* ---- what else happens to a pinned page ---------------------------------------- */

/* A child that is left alone on a page does not write into what the parent has pinned. */
static void unmapped_by_its_mm(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin p;

	unit_store(u->mm, a, 1);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &p);
	assert_int_equal(quire_munmap(u->mm, a, UPAGE), 0);
	unit_verify(u);
	unit_store(child, a, 2);
	assert_int_equal(pinned_word(&p), 1);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

/* The next page there is another. */
static void dropped_by_madvise(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_mm *child;
	struct quire_pin p;

	unit_store(u->mm, a, 1);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &p);
	assert_int_equal(quire_madvise(u->mm, a, UPAGE, QMADV_DONTNEED), 0);
	unit_verify(u);
	unit_store(u->mm, a, 3);
	assert_int_equal(pinned_word(&p), 1);
	assert_int_equal(unit_load(child, a), 1);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

static void moved_and_protected(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	uint64_t b = unit_map(u->mm, 0, UPAGE, URW, UANON), at;
	struct quire_mm *child;
	struct quire_pin p;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	pin(u->mm, a, QUIRE_READ, &p);
	assert_int_equal(
	    quire_mremap(u->mm, a, UPAGE, UPAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, b, &at), 0);
	expect_same_page(u, u->mm, b, &p);
	assert_int_equal(quire_mprotect(u->mm, b, UPAGE, QPROT_READ), 0);
	quire_mm_put(child);
	child = unit_fork(u->mm);
	assert_int_equal(quire_mprotect(u->mm, b, UPAGE, URW), 0);
	expect_same_page(u, u->mm, b, &p);
	quire_unpin(u->m, &p);
	quire_mm_put(child);
}

/* Free for the taking, and not taken while it is pinned. */
static void lazily_freed(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_pin p;

	unit_store(u->mm, a, 10);
	pin(u->mm, a, QUIRE_READ, &p);
	assert_int_equal(quire_madvise(u->mm, a, UPAGE, QMADV_FREE), 0);
	expect_same_page(u, u->mm, a, &p);
	quire_unpin(u->m, &p);
}

/* No memory to unshare: nothing is pinned, and nothing changes. */
static void no_memory_to_unshare(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_machine_stats st;
	struct quire_mm *child;
	struct quire_pin p;
	uint64_t next;

	unit_store(u->mm, a, 10);
	child = unit_fork(u->mm);
	quire_machine_stats(u->m, &st);
	next = st.alloc_points + 1;
	quire_machine_fail(u->m, &next, 1);
	assert_int_equal(quire_pin(u->mm, a, QUIRE_READ, &p), -QEFAULT);
	quire_machine_fail(u->m, NULL, 0);
	unit_verify(u);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_FRAME_MASK,
			 quire_pte(child, a) & QUIRE_PTE_FRAME_MASK);
	quire_mm_put(child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_pins),
	    unit_test(test_pin_survives_fork),
	    unit_test(test_pin_for_writing_copies),
	    unit_test(read_pin_stays_true),
	    unit_test(read_pin_in_the_child),
	    unit_test(pinned_and_forked_twice),
	    unit_test(unpinned_is_reused),
	    unit_test(pinned_several_times),
	    unit_test(pinned_too_often),
	    unit_test(read_pin_of_a_read_only_mapping),
	    unit_test(read_pin_of_a_private_file),
	    unit_test(read_pin_of_the_zero_page),
	    unit_test(remote_read_unshares),
	    unit_test(unmapped_by_its_mm),
	    unit_test(dropped_by_madvise),
	    unit_test(moved_and_protected),
	    unit_test(lazily_freed),
	    unit_test(no_memory_to_unshare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
