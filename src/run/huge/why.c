/* SPDX-License-Identifier: MIT */
/*
 * why.c: see why.h.
 *
 * What is told of others is of a moment after the refusal: a process may have come or gone since.
 */
#include "run/huge/why.h"

#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/space.h"
#include "run/guest/tenants.h"

#include <stdlib.h>
#include <string.h>

static void pool_of(struct run *run, uint64_t page_size, struct quire_hugetlb_info *sum)
{
	struct quire_hugetlb_info i;

	for (unsigned node = 0; node < quire_machine_nodes(run->machine); node++) {
		if (quire_hugetlb_info(run->machine, quire_huge_of_bytes(page_size), node, &i))
			continue;
		sum->total += i.total;
		sum->free += i.free;
		sum->reserved += i.reserved;
		sum->surplus += i.surplus;
		sum->overcommit = i.overcommit;
	}
}

/* ---- what is mapped ------------------------------------------------------------- */

/* Files that are mapped shared: each counts once, as far as it is mapped. */
#define MAX_SHARED 256u

struct shared {
	uint64_t dev, ino, bytes;
};

struct looking {
	struct huge_why *why;
	unsigned nr_shared;
	struct shared shared[MAX_SHARED];
	unsigned nr; /* processes that have some */
	struct huge_holder v[MAX_TENANTS];
	struct tenant tenants[MAX_TENANTS];
};

static struct shared *shared_of(struct looking *l, const struct quire_vma_info *vma)
{
	struct shared *s = l->shared, *end = s + l->nr_shared;

	while (s < end && (s->dev != vma->dev || s->ino != vma->ino))
		s++;
	if (s == l->shared + MAX_SHARED)
		return NULL;
	if (s == end) {
		*s = (struct shared){vma->dev, vma->ino, 0};
		l->nr_shared++;
	}
	return s;
}

/* What it may need in pages that nobody else counts. */
static uint64_t wants(struct looking *l, const struct quire_vma_info *vma)
{
	uint64_t end = vma->offset + (vma->end - vma->start), more;
	struct shared *s;

	if (!vma->shared)
		return vma->end - vma->start;
	s = shared_of(l, vma);
	if (!s || end <= s->bytes)
		return 0;
	more = end - s->bytes;
	s->bytes = end;
	return more;
}

static void look_at(struct looking *l, const struct tenant *t)
{
	uint64_t size = l->why->page.page_size, bytes = 0;
	struct quire_vma_info vma;
	struct quire_usage u;

	for (uint64_t at = 0; !quire_vma_next(t->space->mm, at, &vma); at = vma.end) {
		if (vma.page_size != size)
			continue;
		quire_range_usage(t->space->mm, vma.start, vma.end, &u);
		bytes += u.private_hugetlb + u.shared_hugetlb;
		l->why->suffice += wants(l, &vma) / size;
	}
	if (!bytes)
		return;
	l->v[l->nr] = (struct huge_holder){.pid = t->pid, .pages = bytes / size};
	memcpy(l->v[l->nr].comm, t->comm, sizeof(t->comm));
	l->nr++;
}

static int by_pages(const void *a, const void *b)
{
	const struct huge_holder *x = a, *y = b;

	return x->pages < y->pages ? 1 : -(x->pages > y->pages);
}

static void look_at_all(struct run *run, struct huge_why *w)
{
	struct looking *l = calloc(1, sizeof(*l));
	unsigned n;

	if (!l)
		return;
	l->why = w;
	n = tenants_list(run, l->tenants);
	for (unsigned i = 0; i < n; i++)
		look_at(l, &l->tenants[i]);
	tenants_put(l->tenants, n);
	qsort(l->v, l->nr, sizeof(l->v[0]), by_pages);
	for (unsigned i = 0; i < l->nr; i++) {
		if (i < HUGE_WHY_HOLDERS)
			w->holders[w->nr_holders++] = l->v[i];
		else
			w->others_pages += l->v[i].pages;
	}
	w->nr_others = l->nr - w->nr_holders;
	free(l);
}

/* ---- the block -------------------------------------------------------------------- */

static struct huge_why *why_of(struct run *run, const struct quire_huge_event *page)
{
	struct huge_why *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->ns = run_now_ns();
	w->page = *page;
	pool_of(run, page->page_size, &w->pool);
	look_at_all(run, w);
	return w;
}

struct huge_why *huge_why(struct run *run, uint64_t addr, const struct quire_fault *f)
{
	uint64_t size = f->has_vma ? f->vma.page_size : 0;
	struct quire_huge_event page = {.page_size = size, .dev = f->vma.dev, .ino = f->vma.ino};
	struct huge_why *w;

	if (f->result != QUIRE_FAULT_BUS || size <= QUIRE_PAGE_SIZE)
		return NULL;
	page.offset = (f->vma.offset + (addr - f->vma.start)) & ~(size - 1);
	w = why_of(run, &page);
	if (!w)
		return NULL;
	w->nr_notes = huge_notes_of(run, &page, w->notes, HUGE_WHY_NOTES);
	w->was_taken = huge_note_taken(run, &page, &w->taken);
	return w;
}

struct huge_why *huge_why_unpromised(struct run *run, const struct huge_note *note)
{
	struct huge_why *w = why_of(run, &note->event);

	if (w)
		w->suffice += note->event.pages;
	return w;
}
