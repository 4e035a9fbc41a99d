/* SPDX-License-Identifier: MIT */
/*
 * ahead_settle.c: which pages of those that were mapped ahead are used, and taking back the others.
 *
 * ahead.c has the invariants that are numbered here.  Pieces of a table are looked at in turn:
 *
 *   note used   find what is marked -> ask -> unmark what is used
 *   settle      find what is marked -> close it -> ask -> open what is used -> flush
 *                  -> look into what is closed still: open it, or take it back
 */
#include "core/range.h"

#define PIECE TLB_GATHER_FOLIOS /* pages looked at at a time; a table has some of them */

static bool is_marked(pte_t e)
{
	return (e & PTE_AHEAD) != 0;
}

static bool holds_zeros(const void *page)
{
	const uint64_t *p = page;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*p); i++)
		if (at_load_relaxed(&p[i]))
			return false;
	return true;
}

struct used {
	uint8_t v[PIECE];
};

void ahead_count_used(struct quire_mm *mm, int64_t n)
{
	mm_count(mm, MM_AHEAD, -n);
	mm_count(mm, MM_AHEAD_USED, n);
	mm_count(mm, (enum mm_counter)(MM_KIND0 + QUIRE_KIND_ANON), n);
}

void ahead_count_unused(struct quire_mm *mm, int64_t n)
{
	mm_count(mm, MM_AHEAD, -n);
	mm_count(mm, MM_AHEAD_UNUSED, n);
}

/* Narrows [*start, *end), a piece, to what is marked there. */
static bool find_marked(struct quire_mm *mm, uint64_t *start, uint64_t *end)
{
	uint64_t first = *end, last = 0;
	struct pt_ref ref;

	if (!pt_lock(mm, *start, &ref))
		return false;
	for (uint64_t at = *start; ref.table->pt.ahead && at < *end; at += PAGE_SIZE) {
		if (!is_marked(at_load_relaxed(ref.entry++)))
			continue;
		first = at < first ? at : first;
		last = at;
	}
	pt_unlock(&ref);
	*start = first;
	*end = last + PAGE_SIZE;
	return last != 0;
}

static void ask_executors(struct quire_mm *mm, uint64_t start, uint64_t end, struct used *used)
{
	const struct quire_port *port = &mm->machine->port;

	memset(used, 0, sizeof(*used));
	if (port->tlb_used)
		port->tlb_used(port->ctx, mm, mm->cookie, start,
			       (unsigned)((end - start) >> PAGE_SHIFT), used->v);
}

/* A page as any from now on. */
static void unmark(struct pt_ref *ref, pte_t *slot, uint64_t more)
{
	pt_set(ref, slot, (at_load_relaxed(slot) & ~PTE_AHEAD) | PTE_ACCESSED | more);
}

/* Invariant 4.  What is closed is somebody else's business, who settles. */
static int64_t unmark_used(struct quire_mm *mm, uint64_t start, uint64_t end,
			   const struct used *used)
{
	const struct quire_machine *m = mm->machine;
	struct pt_ref ref;
	int64_t n = 0;

	if (!pt_lock(mm, start, &ref))
		return 0;
	for (uint64_t at = start; at < end; at += PAGE_SIZE, ref.entry++) {
		pte_t e = at_load_relaxed(ref.entry);

		if ((e & (PTE_AHEAD | PTE_USER)) != (PTE_AHEAD | PTE_USER))
			continue;
		if (!used->v[(at - start) >> PAGE_SHIFT] && holds_zeros(pfn_addr(m, pte_frame(e))))
			continue;
		STEP("finds that the page at %#lx is used", at);
		unmark(&ref, ref.entry, 0);
		n++;
	}
	pt_unlock(&ref);
	return n;
}

static uint64_t piece_end(uint64_t start, uint64_t end)
{
	uint64_t next = (start & ~(PIECE * PAGE_SIZE - 1)) + PIECE * PAGE_SIZE;

	return next < end ? next : end;
}

static void note_pieces(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct used used;
	int64_t n = 0;

	while ((start = pt_skip_holes(mm, start, end)) < end) {
		uint64_t next = piece_end(start, end), first = start, last = next;

		if (find_marked(mm, &first, &last)) {
			ask_executors(mm, first, last, &used);
			n += unmark_used(mm, first, last, &used);
		}
		start = next;
	}
	if (n)
		ahead_count_used(mm, n);
}

/* The end of a range that any caller may have given. */
static uint64_t range_end(const struct quire_mm *mm, uint64_t start, uint64_t end)
{
	return end < start || end > mm->machine->task_size ? mm->machine->task_size
							   : PAGE_ALIGN(end);
}

static bool any_marked(struct quire_mm *mm)
{
	return mm->machine->fault_ahead && mm_counter_sum(mm, MM_AHEAD);
}

/* Apart, because what is used takes room on the stack. */
__attribute__((noinline)) void ahead_note_used(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	const struct quire_port *port = &mm->machine->port;

	if (!any_marked(mm))
		return;
	rcu_read_lock(port);
	note_pieces(mm, start & PAGE_MASK, range_end(mm, start, end));
	rcu_read_unlock(port);
}

void quire_note_used(struct quire_mm *mm, uint64_t start, uint64_t len)
{
	ahead_note_used(mm, start, start + len);
}

/* ---- settling ---------------------------------------------------------------- */

struct settle {
	struct tlb_gather g;
	struct quire_mm *mm;
	const struct vma *vma;
	struct used used;
	int64_t nr_used, nr_unused;
};

/* What is stored or filled from now on faults first, but by translations that are cached. */
static void close_marked(struct settle *s, uint64_t start, uint64_t end)
{
	struct pt_ref ref;

	if (!RULE(ahead_closed) || !pt_lock(s->mm, start, &ref))
		return;
	for (uint64_t at = start; at < end; at += PAGE_SIZE, ref.entry++) {
		pte_t e = at_load_relaxed(ref.entry);

		if (!is_marked(e))
			continue;
		STEP("closes the page at %#lx, which may be unused", at);
		pt_set(&ref, ref.entry, e & ~PTE_USER);
	}
	pt_unlock(&ref);
}

static bool is_closed(pte_t e)
{
	return is_marked(e) && (!(e & PTE_USER) || !RULE(ahead_closed) || !RULE(ahead_only_closed));
}

static void reopen(struct settle *s, struct pt_ref *ref)
{
	unmark(ref, ref->entry, vma_pte_bits(s->vma) & PTE_USER);
	s->nr_used++;
}

/* What is used becomes a page as any, all else is to be flushed. */
static void reopen_used(struct settle *s, uint64_t start, uint64_t end)
{
	struct pt_ref ref;

	if (!pt_lock(s->mm, start, &ref))
		return;
	for (uint64_t at = start; at < end; at += PAGE_SIZE, ref.entry++) {
		if (!is_closed(at_load_relaxed(ref.entry)))
			continue;
		if (s->used.v[(at - start) >> PAGE_SHIFT])
			reopen(s, &ref);
		else if (RULE(ahead_flushed))
			tlb_range(&s->g, at, at + PAGE_SIZE);
	}
	pt_unlock(&ref);
}

static void take_back(struct settle *s, struct pt_ref *ref, struct folio *folio)
{
	STEP("takes frame %u back", folio_pfn(s->mm->machine, folio));
	pt_set(ref, ref->entry, 0);
	rmap_remove(s->mm, folio);
	folio_set(folio, FOLIO_ZEROED);
	tlb_folio(&s->g, folio); /* flushed already: the gather puts it outside the lock */
	s->nr_unused++;
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

		if (!is_closed(e))
			continue;
		if (RULE(ahead_content) && !holds_zeros(folio_addr(m, folio)))
			reopen(s, &ref);
		else
			take_back(s, &ref, folio);
	}
	pt_unlock(&ref);
}

/* A mistake, for the checker. */
static void flush_early(struct settle *s, uint64_t start, uint64_t end)
{
	tlb_range(&s->g, start, end);
	tlb_flush_now(&s->g);
}

static void settle_piece(struct settle *s, uint64_t start, uint64_t end)
{
	if (!find_marked(s->mm, &start, &end))
		return;
	close_marked(s, start, end);
	if (!RULE(ahead_asks_before_flush))
		flush_early(s, start, end);
	ask_executors(s->mm, start, end, &s->used);
	reopen_used(s, start, end);
	tlb_flush_now(&s->g);
	sort_closed(s, start, end);
	tlb_flush_now(&s->g);
}

static void settle_vma(struct settle *s, uint64_t start, uint64_t end)
{
	while ((start = pt_skip_holes(s->mm, start, end)) < end) {
		uint64_t next = piece_end(start, end);

		settle_piece(s, start, next);
		start = next;
	}
}

void ahead_settle_locked(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	struct settle s = {.mm = mm};
	struct vma *vma;

	if (!any_marked(mm))
		return;
	tlb_begin(&s.g, mm);
	for (; start < end && (vma = vma_next(mm, start)) && vma->start < end; start = vma->end) {
		s.vma = vma;
		if (!vma->file)
			settle_vma(&s, start > vma->start ? start : vma->start,
				   end < vma->end ? end : vma->end);
	}
	tlb_finish(&s.g);
	if (s.nr_used)
		ahead_count_used(mm, s.nr_used);
	if (!s.nr_unused)
		return;
	ahead_count_unused(mm, s.nr_unused);
	at_add(&mm->machine->taken_back, (uint64_t)s.nr_unused);
}

void ahead_settle(struct quire_mm *mm, uint64_t start, uint64_t end)
{
	if (!any_marked(mm))
		return;
	end = range_end(mm, start, end);
	if (RULE(ahead_settles_locked))
		mm_lock(mm);
	ahead_settle_locked(mm, start & PAGE_MASK, end);
	if (RULE(ahead_settles_locked))
		mm_unlock(mm);
}

void quire_settle(struct quire_mm *mm, uint64_t start, uint64_t len)
{
	ahead_settle(mm, start, start + len);
}
