/* SPDX-License-Identifier: MIT */
/*
 * books.c: whether the accounts of huge pages balance.  The machine is at rest: no lock is taken.
 *
 * Proved: R is what the accounts hold; each subpool has as many promises and pages as it says, and
 * so has each group; nothing is in flight; and the sets of pages are as regions.c says.
 */
#include "core/frame/zone.h"
#include "core/huge/books.h"

struct audit {
	struct quire_machine *m;
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned bad;
};

static void bad(struct audit *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void bad(struct audit *a, const char *fmt, ...)
{
	char line[256];
	__builtin_va_list ap;

	a->bad++;
	if (!a->report)
		return;
	__builtin_va_start(ap, fmt);
	q_vformat(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	a->report(a->arg, line);
}

static uint64_t promised_to(const struct huge_file *f)
{
	return regions_count(&f->map, 0, UINT64_MAX, NULL) - f->flying;
}

uint64_t huge_reserved(struct quire_machine *m, const struct hstate *h)
{
	const struct huge_books *b = &m->huge.books;
	struct huge_private *p;
	struct quire_huge_subpool *s;
	struct huge_file *f;
	uint64_t n = 0;

	dlist_for_each (p, &b->privates, node)
		n += p->h == h ? p->held : 0;
	dlist_for_each (f, &b->files, node)
		n += f->h == h ? promised_to(f) : 0;
	dlist_for_each (s, &b->subpools, node)
		n += s->h == h ? s->kept : 0;
	return n;
}

/* ---- what is charged to whom ------------------------------------------------------ */

static void forget_found(struct audit *a)
{
	struct quire_huge_subpool *s;
	struct quire_huge_group *g;

	dlist_for_each (s, &a->m->huge.books.subpools, node)
		s->found = 0;
	dlist_for_each (g, &a->m->huge.books.groups, node)
		for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
			for (unsigned k = 0; k < QUIRE_NR_HUGE_COUNTS; k++)
				g->counters[i][k].found = 0;
}

static void found_in_group(struct quire_huge_group *g, const struct hstate *h,
			   enum quire_huge_count which, uint64_t n)
{
	for (; g; g = g->parent)
		g->counters[h->size][which].found += n;
}

static void found_in_subpool(struct quire_huge_subpool *s, uint64_t n)
{
	if (s)
		s->found += n;
}

static void audit_page(struct quire_machine *m, struct folio *f)
{
	const struct huge_claim *c = huge_charge(f)->account;
	const struct hstate *h = hstate_of_folio(m, f);

	if (!c)
		return;
	found_in_group(c->group, h, QUIRE_HUGE_PAGES, 1);
	found_in_group(c->rsvd, h, QUIRE_HUGE_RSVD, 1);
	found_in_subpool(c->subpool, 1);
}

static void audit_pages(struct audit *a)
{
	for (unsigned i = 0; i < quire_machine_nodes(a->m); i++) {
		const struct zone *z = &a->m->frames->zones[i];

		for (uint64_t pfn = z->base; pfn < z->frontier; pfn++) {
			struct folio *f = pfn_folio(a->m, (pfn_t)pfn);

			if (folio_test(f, FOLIO_HUGETLB) && atomic_load(&f->refs))
				audit_page(a->m, f);
		}
	}
}

static void audit_private(struct audit *a, struct huge_private *p)
{
	const char *why = regions_check(&p->used);
	const struct huge_claim *c;

	if (!why)
		why = regions_check(&p->lost);
	if (why)
		bad(a, "private huge pages: %s", why);
	if (p->held > p->rsvd || (!p->owner && p->rsvd))
		bad(a, "a private mapping holds %lu promises of %lu", p->held, p->rsvd);
	dlist_for_each (c, &p->dropped, node)
		if (c->private != p || c->flying || !regions_find(&p->used, c->index))
			bad(a, "huge page %lu of a private mapping is to be promised twice",
			    c->index);
	found_in_group(p->group, p->h, QUIRE_HUGE_RSVD, p->rsvd);
	found_in_subpool(p->subpool, p->held);
}

static void audit_file(struct audit *a, struct huge_file *f)
{
	const char *why = regions_check(&f->map);

	if (why)
		bad(a, "promised pages of a file: %s", why);
	if (f->flying)
		bad(a, "a file has %lu huge pages in flight", f->flying);
	for (struct region *r = regions_first(&f->map, 0, UINT64_MAX); r && !why;
	     r = regions_next(r, 0, UINT64_MAX)) {
		uint64_t i = r->node.first << f->h->order;

		found_in_group((struct quire_huge_group *)(uintptr_t)r->owner, f->h,
			       QUIRE_HUGE_RSVD, r->node.last - r->node.first + 1);
		if (f->mapping && index_next(&f->mapping->pages, &i) &&
		    i >> f->h->order <= r->node.last)
			bad(a, "huge page %lu of a file is promised and there", i >> f->h->order);
	}
	found_in_subpool(f->subpool, promised_to(f));
}

static void audit_subpool(struct audit *a, const struct quire_huge_subpool *s)
{
	uint64_t wanted = s->used < s->min ? s->min - s->used : 0;

	if (s->used != s->found)
		bad(a, "a subpool says %lu pages, %lu found", s->used, s->found);
	if (s->used > s->max || s->kept > wanted)
		bad(a, "a subpool has %lu pages of %lu and keeps %lu of %lu", s->used, s->max,
		    s->kept, s->min);
}

static void audit_group(struct audit *a, const struct quire_huge_group *g)
{
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		for (unsigned k = 0; k < QUIRE_NR_HUGE_COUNTS; k++) {
			const struct huge_counter *c = &g->counters[i][k];

			if (c->usage != c->found)
				bad(a, "group %s: counter %u of size %u: %lu charged, %lu found",
				    g->name, k, i, c->usage, c->found);
		}
}

unsigned huge_books_verify(struct quire_machine *m, void (*report)(void *arg, const char *line),
			   void *arg)
{
	const struct huge_books *b = &m->huge.books;
	struct audit a = {m, report, arg, 0};
	struct quire_huge_subpool *s;
	struct huge_private *p;
	struct quire_huge_group *g;
	struct huge_file *f;

	if (!dlist_empty(&b->claims))
		bad(&a, "a huge page is in flight");
	forget_found(&a);
	audit_pages(&a);
	dlist_for_each (p, &b->privates, node)
		audit_private(&a, p);
	dlist_for_each (f, &b->files, node)
		audit_file(&a, f);
	dlist_for_each (s, &b->subpools, node)
		audit_subpool(&a, s);
	dlist_for_each (g, &b->groups, node)
		audit_group(&a, g);
	return a.bad;
}
