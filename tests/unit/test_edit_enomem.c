/* SPDX-License-Identifier: MIT */
/*
 * test_edit_enomem.c: every change of the VMAs with every allocation point failed
 * in turn: -ENOMEM leaves mappings, totals and content as they were.
 */
#include "unit.h"

#define A 0x10000000ull
#define PG(n) (A + (n)*UPAGE)

struct scene {
	struct unit *u;
	struct quire_file *file;
};

/* Pages 0-7 rw with content, 8-11 r, 12-15 rw, 20-23 file, 600-603 far away in another table. */
static void build(struct scene *s)
{
	struct quire_mm *mm = s->u->mm;

	unit_map(mm, PG(0), 16 * UPAGE, URW, UANON | QMAP_FIXED);
	unit_fill(mm, PG(0), 16 * UPAGE, 1);
	assert_int_equal(quire_mprotect(mm, PG(8), 4 * UPAGE, QPROT_READ), 0);
	unit_map_file(mm, PG(20), 4 * UPAGE, URW, QMAP_SHARED | QMAP_FIXED, s->file, 0);
	unit_fill(mm, PG(20), 4 * UPAGE, 2);
	unit_map(mm, PG(600), 4 * UPAGE, URW, UANON | QMAP_FIXED | QMAP_GROWSDOWN);
	unit_fill(mm, PG(600), 4 * UPAGE, 3);
	quire_mm_set_brk(mm, 0x600000);
	assert_int_equal(quire_brk(mm, 0x602000), 0x602000);
	for (unsigned i = 0; i < 20; i++) /* so that tree nodes split, too */
		unit_map(mm, PG(2000 + 2 * i), UPAGE, URW, UANON | QMAP_FIXED);
}

static void tear(struct scene *s)
{
	assert_int_equal(quire_munmap(s->u->mm, 0, 0x7ffffffff000), 0);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull;
}

/* Everything that a program could see. */
static uint64_t fingerprint(struct scene *s)
{
	struct quire_mm_stats st;
	struct quire_vma_info vi;
	uint64_t h = 1, word;

	for (uint64_t a = 0; quire_vma_next(s->u->mm, a, &vi) == 0; a = vi.end) {
		h = mix(mix(mix(h, vi.start), vi.end), vi.vm_flags);
		h = mix(h, vi.offset);
		for (uint64_t p = vi.start; p < vi.end; p += UPAGE) {
			word = quire_pte(s->u->mm, p);
			if (word && quire_read(s->u->mm, p, &word, sizeof(word)) == sizeof(word))
				h = mix(h, word);
		}
	}
	quire_mm_stats(s->u->mm, &st);
	h = mix(mix(mix(h, st.total_vm), st.data_vm), st.locked_vm);
	h = mix(mix(mix(h, st.rss_anon), st.rss_shmem), st.vmas);
	return mix(mix(mix(h, st.brk), st.stack_vm), st.largest_request);
}

typedef int (*step)(struct scene *s);

static int do_mmap(struct scene *s, uint64_t addr, uint64_t pages, int flags)
{
	uint64_t out;

	return quire_mmap(s->u->mm, addr, pages * UPAGE, URW, flags, NULL, 0, &out);
}

static int map_apart(struct scene *s)
{
	return do_mmap(s, PG(30), 2, UANON | QMAP_FIXED);
}

static int map_merging(struct scene *s)
{
	return do_mmap(s, PG(16), 2, UANON | QMAP_FIXED);
}

static int map_over(struct scene *s)
{
	return do_mmap(s, PG(4), 18, UANON | QMAP_FIXED);
}

static int map_most(struct scene *s)
{
	return do_mmap(s, PG(700), 40, UANON | QMAP_FIXED); /* at once, of all of them */
}

static int map_shared(struct scene *s)
{
	return do_mmap(s, PG(30), 2, USHARED | QMAP_FIXED);
}

static int map_file_over(struct scene *s)
{
	uint64_t out;

	return quire_mmap(s->u->mm, PG(21), UPAGE, URW, QMAP_SHARED | QMAP_FIXED, s->file, 0, &out);
}

static int unmap_middle(struct scene *s)
{
	return quire_munmap(s->u->mm, PG(2), 2 * UPAGE);
}

static int unmap_many(struct scene *s)
{
	return quire_munmap(s->u->mm, PG(2), 20 * UPAGE);
}

static int protect_middle(struct scene *s)
{
	return quire_mprotect(s->u->mm, PG(2), 2 * UPAGE, QPROT_READ);
}

static int protect_merging(struct scene *s)
{
	return quire_mprotect(s->u->mm, PG(8), 4 * UPAGE, URW);
}

static int remap(struct scene *s, uint64_t a, uint64_t old, uint64_t new, int flags, uint64_t to)
{
	uint64_t out;

	return quire_mremap(s->u->mm, a, old * UPAGE, new *UPAGE, flags, to, &out);
}

static int move_far(struct scene *s)
{
	return remap(s, PG(0), 8, 8, QMREMAP_MAYMOVE | QMREMAP_FIXED, 0x700000000000);
}

static int move_over_two_tables(struct scene *s)
{
	return remap(s, PG(0), 8, 9, QMREMAP_MAYMOVE | QMREMAP_FIXED, 0x6fffffffd000);
}

static int move_file(struct scene *s)
{
	return remap(s, PG(20), 4, 8, QMREMAP_MAYMOVE, 0);
}

static int move_leaving(struct scene *s)
{
	return remap(s, PG(0), 8, 8, QMREMAP_MAYMOVE | QMREMAP_DONTUNMAP, 0);
}

static int extend(struct scene *s)
{
	return remap(s, PG(12), 4, 6, 0, 0);
}

static int advise(struct scene *s)
{
	int err = quire_madvise(s->u->mm, PG(1), UPAGE, QMADV_DONTFORK);

	return err == -QEAGAIN ? -QENOMEM : err; /* madvise(2): EAGAIN */
}

static int lock(struct scene *s)
{
	return quire_mlock(s->u->mm, PG(1), UPAGE, QMLOCK_ONFAULT);
}

static int grow_heap(struct scene *s)
{
	return quire_brk(s->u->mm, 0x604000) == 0x604000 ? 0 : -QENOMEM;
}

static int shrink_heap(struct scene *s)
{
	return quire_brk(s->u->mm, 0x601000) == 0x601000 ? 0 : -QENOMEM;
}

static const struct {
	const char *name;
	step run;
} steps[] = {
    {"mmap", map_apart},
    {"mmap, merging", map_merging},
    {"mmap over others", map_over},
    {"mmap of most", map_most},
    {"mmap shared anonymous", map_shared},
    {"mmap file over file", map_file_over},
    {"munmap in the middle", unmap_middle},
    {"munmap of several", unmap_many},
    {"mprotect, splitting", protect_middle},
    {"mprotect, merging", protect_merging},
    {"mremap to far away", move_far},
    {"mremap over two tables", move_over_two_tables},
    {"mremap of a file", move_file},
    {"mremap DONTUNMAP", move_leaving},
    {"mremap in place", extend},
    {"madvise", advise},
    {"mlock", lock},
    {"brk up", grow_heap},
    {"brk down", shrink_heap},
};

/* Fails the n-th allocation of the step.  False: there is no n-th. */
static bool fail_nth(struct scene *s, step run, unsigned n)
{
	struct quire_machine_stats st;
	uint64_t before = fingerprint(s), point, failed;
	int err;

	quire_machine_stats(s->u->m, &st);
	failed = st.failed_points;
	point = st.alloc_points + n;
	assert_int_equal(quire_machine_fail(s->u->m, &point, 1), 0);
	err = run(s);
	assert_int_equal(quire_machine_fail(s->u->m, NULL, 0), 0);
	unit_verify(s->u);
	quire_machine_stats(s->u->m, &st);
	if (err) { /* not every failure is one for the caller: tables can do without */
		assert_int_equal(err, -QENOMEM);
		assert_int_equal(fingerprint(s), before);
	}
	return st.failed_points > failed;
}

/* Returns the number of allocation points. */
static unsigned fail_each(struct scene *s, step run)
{
	bool reached = true;
	unsigned n;

	for (n = 0; reached; n++) {
		build(s);
		reached = fail_nth(s, run, n + 1);
		tear(s);
		unit_verify(s->u);
	}
	return n - 1;
}

static void every_step_every_point(void **state)
{
	struct scene s = {.u = *state};

	s.file = unit_shmem(s.u, 64 * UPAGE, true);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		unsigned n = fail_each(&s, steps[i].run);

		print_message("%s: %u allocation points\n", steps[i].name, n);
		assert_true(n > 1);
	}
	quire_file_put(s.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(every_step_every_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
