/* SPDX-License-Identifier: MIT */
/*
 * ahead.c: anonymous pages mapped ahead of a program that writes upwards, and taken back unused.
 *
 * Where a fault is dear and executors walk the tables by themselves, the pages that a program is
 * about to write are best mapped before it asks.  Then the tables say more than the program did;
 * so whoever tells what is mapped (mincore, smaps, rss), or does something by it (fork, mremap,
 * mprotect, MADV_FREE), settles first:
 *
 *               fault: the pages below are written, none is mapped here
 *      nothing ──────────────────────────────────────────────────────────> AHEAD ────┐
 *         ^                                                                  │       │ used, as the
 *         │ holds zeros                                    not used that one │       │ executor
 * says; │                                                 knows of: closed │       │ asked for; │
 * v       │ unmapped └──────────────────────────── flushed, looked into <──────────── closed    │
 *                                              │ holds something, or opened by a     │
 *                                              │ fault in between                    v
 *                                              └─────────────────────────────────> page as any
 *
 * Entries are written under the PTL, closed ones and those taken back under M, too.
 *
 *   1  An entry with PTE_AHEAD maps an anonymous page of this mm alone, with no reference but the
 *      entry's: it was put where no entry was, and fork, pins and the core's own writes take the
 *      mark away.  In all other respects it is an entry as any: losing the mark loses no data.
 *   2  MM_AHEAD counts these entries.
 *   3  A page is taken back only if it holds zeros when nobody can reach it: closed (not USER)
 *      under the PTL, flushed, and looked into under the PTL again, still closed.  So it is what
 *      a new fault would put there.
 *   4  What the executor has used and cannot tell any more, and left at zero, is taken back: the
 *      one way in which a program may see that it was ahead.
 */
#include "core/fault.h"
#include "core/range.h"
#include "core/tlb.h"

/* ---- mapping ----------------------------------------------------------------- */

/* Pages in a row right below `slot`, at most max, that have been written. */
static unsigned written_below(const struct fault *f, const pte_t *slot, unsigned max)
{
	const uint64_t written = PTE_PRESENT | PTE_WRITE | PTE_DIRTY;
	uint64_t room = (f->addr - f->vma->start) >> PAGE_SHIFT;
	unsigned index = (unsigned)(f->addr >> PAGE_SHIFT) & (PT_ENTRIES - 1), n = 0;

	if (max > index)
		max = index;
	if (max > room)
		max = (unsigned)room;
	while (n < max && (at_load_relaxed(slot - n - 1) & written) == written)
		n++;
	return n;
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

unsigned ahead_wanted(const struct fault *f)
{
	unsigned window = f->mm->machine->fault_ahead, n = 0;
	const pte_t *slot = pt_slot(f->mm, f->addr);
	uint64_t end;

	if (!slot || (f->vma->flags & (VM_LOCKED | VM_RAND_READ)))
		return 0;
	n = written_below(f, slot, window);
	if (!n || !frames_plenty(f->mm->machine))
		return 0;
	end = window_end(f, n, window);
	n = 0;
	for (uint64_t at = f->addr + PAGE_SIZE; at < end && !at_load_relaxed(++slot);
	     at += PAGE_SIZE)
		n++;
	return n;
}

void ahead_alloc(struct fault *f, struct ahead *a, unsigned n)
{
	for (a->n = 0; a->n < n; a->n++) {
		a->folios[a->n] = anon_folio_at(f, f->addr + (a->n + 1) * PAGE_SIZE, ALLOC_ZERO);
		if (!a->folios[a->n])
			break;
	}
}

void ahead_map(struct fault *f, struct pt_ref *ref, struct ahead *a)
{
	uint64_t bits = vma_pte_bits(f->vma) | PTE_WRITE | PTE_WRITTEN | PTE_AHEAD;
	pte_t *slot = ref->entry + 1;
	unsigned n = 0;

	for (; n < a->n; n++, slot++) {
		struct folio *folio = a->folios[n];

		if (RULE(ahead_into_holes) && at_load_relaxed(slot))
			break;
		pt_set(ref, slot, pte_make(folio_pfn(f->mm->machine, folio), bits));
		STEP("maps frame %u ahead, at %#lx", folio_pfn(f->mm->machine, folio),
		     folio->index << PAGE_SHIFT);
		rmap_add(f->mm, folio);
		a->folios[n] = NULL;
	}
	f->out->around = n;
	if (n)
		mm_count(f->mm, MM_AHEAD, n);
}

void ahead_drop(struct fault *f, struct ahead *a)
{
	for (unsigned i = 0; i < a->n; i++)
		if (a->folios[i]) {
			folio_set(a->folios[i], FOLIO_ZEROED); /* nobody has seen it */
			folio_put(f->mm->machine, a->folios[i]);
		}
}

/* ---- settling ---------------------------------------------------------------- */

#define PIECE TLB_GATHER_FOLIOS /* pages settled at a time */

struct settle {
	struct tlb_gather g;
	struct quire_mm *mm;
	const struct vma *vma;
	int64_t used, unused;
	uint8_t is_used[PIECE];
};

void ahead_count_used(struct quire_mm *mm, int64_t n)
{
	mm_count(mm, MM_AHEAD, -n);
	mm_count(mm, MM_AHEAD_USED, n);
	mm_count(mm, (enum mm_counter)(MM_KIND0 + QUIRE_KIND_ANON), n);
}

/* Narrows [*start, *end), under one table, to what is marked there. */
static bool find_marked(struct quire_mm *mm, uint64_t *start, uint64_t *end)
{
	uint64_t first = *end, last = 0;
	struct pt_ref ref;

	if (!pt_lock(mm, *start, &ref))
		return false;
	for (uint64_t at = *start; at < *end; at += PAGE_SIZE) {
		if (!(at_load_relaxed(ref.entry++) & PTE_AHEAD))
			continue;
		first = at < first ? at : first;
		last = at;
	}
	pt_unlock(&ref);
	*start = first;
	*end = last + PAGE_SIZE;
	return last != 0;
}

static void ask_executors(struct settle *s, uint64_t start, uint64_t end)
{
	const struct quire_port *port = &s->mm->machine->port;

	memset(s->is_used, 0, sizeof(s->is_used));
	if (port->tlb_used)
		port->tlb_used(port->ctx, s->mm, s->mm->cookie, start,
			       (unsigned)((end - start) >> PAGE_SHIFT), s->is_used);
}

static void unmark(struct settle *s, struct pt_ref *ref, pte_t *slot, pte_t e)
{
	uint64_t user = vma_pte_bits(s->vma) & PTE_USER;

	pt_set(ref, slot, (e & ~PTE_AHEAD) | PTE_ACCESSED | user);
	s->used++;
}

/* What is used becomes ordinary, all else is closed. */
static void close_unused(struct settle *s, uint64_t start, uint64_t end)
{
	struct pt_ref ref;

	if (!pt_lock(s->mm, start, &ref))
		return;
	for (uint64_t at = start; at < end; at += PAGE_SIZE, ref.entry++) {
		pte_t e = at_load_relaxed(ref.entry);

		if (!(e & PTE_AHEAD))
			continue;
		if (s->is_used[(at - start) >> PAGE_SHIFT]) {
			unmark(s, &ref, ref.entry, e);
			continue;
		}
		STEP("closes the page at %#lx, which may be unused", at);
		if (RULE(ahead_closed))
			pt_set(&ref, ref.entry, e & ~PTE_USER);
		if (RULE(ahead_flushed))
			tlb_range(&s->g, at, at + PAGE_SIZE);
	}
	pt_unlock(&ref);
}

static bool holds_zeros(const void *page)
{
	const uint64_t *p = page;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*p); i += 4)
		if (p[i] | p[i + 1] | p[i + 2] | p[i + 3])
			return false;
	return true;
}

static void take_back(struct settle *s, struct pt_ref *ref, pte_t *slot, struct folio *folio)
{
	STEP("takes frame %u back", folio_pfn(s->mm->machine, folio));
	pt_set(ref, slot, 0);
	rmap_remove(s->mm, folio);
	folio_set(folio, FOLIO_ZEROED);
	tlb_folio(&s->g, folio); /* flushed already: the gather puts it outside the lock */
	s->unused++;
}

/* Invariant 3, the last step. */
static void sort_closed(struct settle *s, uint64_t start, uint64_t end)
{
	const struct quire_machine *m = s->mm->machine;
	struct pt_ref ref;

	if (!pt_lock(s->mm, start, &ref))
		return;
	for (uint64_t at = start; at < end; at += PAGE_SIZE, ref.entry++) {
		pte_t e = at_load_relaxed(ref.entry);
		struct folio *folio = pfn_folio(m, pte_frame(e));

		if (!(e & PTE_AHEAD) || ((e & PTE_USER) && RULE(ahead_closed)))
			continue;
		if (RULE(ahead_content) && !holds_zeros(folio_addr(m, folio)))
			unmark(s, &ref, ref.entry, e);
		else
			take_back(s, &ref, ref.entry, folio);
	}
	pt_unlock(&ref);
}

static void count(struct settle *s)
{
	if (s->used)
		ahead_count_used(s->mm, s->used);
	if (s->unused) {
		mm_count(s->mm, MM_AHEAD, -s->unused);
		mm_count(s->mm, MM_AHEAD_UNUSED, s->unused);
	}
}

static void settle_piece(struct settle *s, uint64_t start, uint64_t end)
{
	if (!find_marked(s->mm, &start, &end))
		return;
	ask_executors(s, start, end);
	close_unused(s, start, end);
	tlb_flush_now(&s->g);
	sort_closed(s, start, end);
	tlb_flush_now(&s->g);
}

static void settle_vma(struct settle *s, uint64_t start, uint64_t end)
{
	while ((start = pt_skip_holes(s->mm, start, end)) < end) {
		uint64_t next = (start & ~(PIECE * PAGE_SIZE - 1)) + PIECE * PAGE_SIZE;

		next = next < end ? next : end;
		settle_piece(s, start, next);
		start = next;
	}
}

/* M held. */
static bool settle_range(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct settle s = {.mm = mm};
	struct vma *vma;

	tlb_begin(&s.g, mm);
	for (; start < end && (vma = vma_next(mm, start)) && vma->start < end; start = vma->end) {
		s.vma = vma;
		if (!vma->file)
			settle_vma(&s, start > vma->start ? start : vma->start,
				   end < vma->end ? end : vma->end);
	}
	tlb_finish(&s.g);
	count(&s);
	return s.unused != 0;
}

bool ahead_settle(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	bool freed;

	if (!mm->machine->fault_ahead || !mm_counter_sum(mm, MM_AHEAD))
		return false;
	end =
	    end < start || end > mm->machine->task_size ? mm->machine->task_size : PAGE_ALIGN(end);
	mm_lock(mm);
	freed = settle_range(mm, start & PAGE_MASK, end);
	mm_unlock(mm);
	return freed;
}

void quire_settle(struct quire_mm *mm, uint64_t start, uint64_t len)
{
	ahead_settle(mm, start, start + len);
}
