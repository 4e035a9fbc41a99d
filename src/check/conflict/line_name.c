/* SPDX-License-Identifier: MIT */
/*
 * line_name.c: what lies in a line of cache, in the core's own terms.
 */
#include <stdio.h>

#include "core/base/mm_types.h"
#include "core/frame/zone.h"

#include "check/conflict/conflict.h"
#include "check/world/scenario.h"

static bool within(const char *p, const void *start, size_t bytes, size_t *at)
{
	*at = (size_t)(p - (const char *)start);
	return p >= (const char *)start && *at < bytes;
}

/* The line that begins at p. */
static void describe_frames(const struct quire_machine *m, const char *p, char *buf, size_t len)
{
	const struct frames *f = m->frames;
	size_t at;

	if (within(p, f->pcps, m->port.ncpus * sizeof(*f->pcps), &at))
		snprintf(buf, len, "lists of frames of CPU %zu", at / sizeof(*f->pcps));
	else if (within(p, f->zones, f->nr_zones * sizeof(*f->zones), &at))
		snprintf(buf, len, "zone %zu", at / sizeof(*f->zones));
	else
		snprintf(buf, len, "layout of the zones");
}

static const char *role(const struct quire_machine *m, size_t pfn)
{
	return m->folios[pfn].flags & FOLIO_TABLE ? " (a page table)" : "";
}

static bool describe_ram(const struct quire_machine *m, const char *p, char *buf, size_t len)
{
	size_t at;

	if (within(p, m->folios, m->nr_ram * sizeof(*m->folios), &at)) {
		at /= sizeof(*m->folios);
		snprintf(buf, len, "metadata of frames %zu%s and %zu%s", at, role(m, at), at + 1,
			 role(m, at + 1));
	} else if (within(p, m->ram, m->nr_ram * PAGE, &at)) {
		snprintf(buf, len, "frame %zu%s at +%u", at >> PAGE_SHIFT,
			 role(m, at >> PAGE_SHIFT), (unsigned)(at % PAGE));
	} else {
		return false;
	}
	return true;
}

void line_name(const struct world *w, const char *p, char *buf, size_t len)
{
	const struct quire_machine *m = w->m;
	const struct quire_mm *mm = w->mm;
	size_t at;

	if (describe_ram(m, p, buf, len))
		return;
	if (within(p, mm, sizeof(*mm), &at))
		snprintf(buf, len, "mm +%zu%s", at, at ? "" : " (vmas, root: what faults read)");
	else if (within(p, mm->stripes, mm->nr_stripes * sizeof(*mm->stripes), &at))
		snprintf(buf, len, "mm's counters of CPU %zu", at / sizeof(*mm->stripes));
	else if (within(p, m->cpus, m->port.ncpus * sizeof(*m->cpus), &at))
		snprintf(buf, len, "machine's counters of CPU %zu", at / sizeof(*m->cpus));
	else if (within(p, (const char *)m - 63, sizeof(*m) + 63, &at))
		snprintf(buf, len, "machine +%zd", p - (const char *)m);
	else if (within(p, m->frames, m->frames->bytes, &at))
		describe_frames(m, p, buf, len);
	else
		snprintf(buf, len, "an object at %p", (const void *)p);
}

bool line_of_tables(const struct world *w, const char *p)
{
	const struct quire_machine *m = w->m;
	size_t at;

	if (!within(p, m->folios, m->nr_ram * sizeof(*m->folios), &at))
		return false;
	at /= sizeof(*m->folios);
	return *role(m, at) || *role(m, at + 1);
}

bool line_of_stripe(const struct world *w, const char *p)
{
	const struct quire_mm *mm = w->mm;
	size_t at;

	return within(p, mm->stripes, mm->nr_stripes * sizeof(*mm->stripes), &at);
}
