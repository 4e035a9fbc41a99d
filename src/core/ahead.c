/* SPDX-License-Identifier: MIT */
/*
 * ahead.c: anonymous pages mapped ahead of a program that writes upwards.
 *
 * Where a fault is dear and executors walk the tables by themselves, the pages that a program is
 * about to write are best mapped before it asks.  Then the tables say more than the program did:
 * such an entry is marked, and counts as absent until it is seen that its page is used.  What was
 * seen is not of this moment, so whoever tells what is mapped (mincore, smaps, rss), or is about to
 * lose sight of it (munmap, mremap, mprotect), has the executors asked first: ahead_note_used().
 * Who needs the pages themselves, or is to copy what is there (memory is out; fork), takes back
 * those that are not used: ahead_settle().  docs/design.md, "Mapped ahead", has the picture.
 *
 * This file maps, ahead_settle.c looks and takes back.  Entries are written under the PTL, those
 * that are taken back under M, too.
 *
 *   1  A marked entry maps an anonymous page of this mm alone, with no reference but the entry's:
 *      it was put where no entry was, and fork, pins and the core's own accesses take the mark
 *      away.  In all else it is an entry as any: losing the mark loses no data.
 *   2  MM_AHEAD counts these entries, table->pt.ahead those of a table.
 *   3  A page is taken back only if it holds zeros when nobody can reach it: closed (not USER)
 *      under the PTL, flushed, and looked into under the PTL again, still closed.  So it is what
 *      a new fault would put there.
 *   4  A page is used if the executors say so, or if it holds anything.  What they have used and
 *      lost sight of, and left at zero, counts as absent.
 *   5  Only what is used below counts as written: who leaves out pages gets no more of them.
 */
#include "core/fault.h"
#include "core/range.h"

/* Pages in a row right below `slot`, at most max, that have been written. */
static unsigned written_below(const pte_t *slot, unsigned max)
{
	const uint64_t written = PTE_PRESENT | PTE_WRITE | PTE_DIRTY;
	unsigned n = 0;

	while (n < max && (at_load_relaxed(slot - n - 1) & (written | PTE_AHEAD)) == written)
		n++;
	return n;
}

/* How many pages below f->addr are of this VMA and under this table, at most max. */
static unsigned room_below(const struct fault *f, unsigned max)
{
	uint64_t room = (f->addr - f->vma->start) >> PAGE_SHIFT;
	unsigned index = (unsigned)(f->addr >> PAGE_SHIFT) & (PT_ENTRIES - 1);

	max = max < index ? max : index;
	return max < room ? max : (unsigned)room;
}

/* As many as were written below; rounded so that the next fault stands at a window's start. */
static uint64_t window_end(const struct fault *f, unsigned written, unsigned window)
{
	uint64_t next = f->addr + PAGE_SIZE, end = next + written * PAGE_SIZE;
	uint64_t rounded = end & ~(window * PAGE_SIZE - 1);

	if (rounded > next)
		end = rounded;
	return pt_table_end(f->addr, end < f->vma->end ? end : f->vma->end);
}

static unsigned holes_from(const pte_t *slot, uint64_t start, uint64_t end)
{
	unsigned n = 0;

	for (; start < end && !at_load_relaxed(slot); slot++, start += PAGE_SIZE)
		n++;
	return n;
}

unsigned ahead_wanted(const struct fault *f)
{
	unsigned window = f->mm->machine->fault_ahead, written, max;
	const pte_t *slot = pt_slot(f->mm, f->addr);

	if (!slot || (f->vma->flags & (VM_LOCKED | VM_RAND_READ)))
		return 0;
	max = room_below(f, window);
	if (!max || !frames_plenty(f->mm->machine))
		return 0;
	if (at_load_relaxed(slot - 1) & PTE_AHEAD) /* invariant 5 */
		ahead_note_used(f->mm, f->addr - max * PAGE_SIZE, f->addr);
	written = written_below(slot, max);
	if (!written)
		return 0;
	return holes_from(slot + 1, f->addr + PAGE_SIZE, window_end(f, written, window));
}

void ahead_alloc(struct fault *f, struct ahead *a, unsigned n)
{
	for (a->n = 0; a->n < n; a->n++) {
		uint64_t addr = f->addr + (a->n + 1) * PAGE_SIZE;

		a->folios[a->n] = anon_folio_at(f, addr, ALLOC_ZERO | ALLOC_GUESS);
		if (!a->folios[a->n])
			break;
	}
}

void ahead_map(struct fault *f, struct pt_ref *ref, struct ahead *a)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_WRITE | PTE_WRITTEN | PTE_AHEAD;
	pte_t *slot = ref->entry + 1;
	unsigned n = 0;

	if (RULE(ahead_into_holes))
		while (n < a->n && !at_load_relaxed(slot + n))
			n++;
	else
		n = a->n;
	if (n)
		mm_count(f->mm, MM_AHEAD, n);
	for (unsigned i = 0; i < n; i++) {
		struct folio *folio = a->folios[i];

		pt_set(ref, slot + i, pte_make(folio_pfn(f->mm->machine, folio), bits));
		STEP("maps frame %u ahead, at %#lx", folio_pfn(f->mm->machine, folio),
		     folio->index << PAGE_SHIFT);
		rmap_add(f->mm, folio);
		a->folios[i] = NULL;
	}
	f->out->around = n;
}

void ahead_drop(struct fault *f, struct ahead *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->folios[i]) {
			folio_set(a->folios[i], FOLIO_ZEROED); /* nobody has seen it */
			folio_put(f->mm->machine, a->folios[i]);
		}
}
