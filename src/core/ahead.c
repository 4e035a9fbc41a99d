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
 * Entries are written under the PTL, those that are taken back under M, too.
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
#include "core/tlb.h"

/* ---- mapping ----------------------------------------------------------------- */

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
	if (is_marked(at_load_relaxed(slot - 1))) /* invariant 5 */
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

/* ---- what is used ------------------------------------------------------------ */

#define PIECE TLB_GATHER_FOLIOS /* pages looked at at a time; a table has some of them */

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
