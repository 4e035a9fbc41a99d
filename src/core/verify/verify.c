/* SPDX-License-Identifier: MIT */
/*
 * verify.c: quire_verify(): the proof that accounting is conserved.
 *
 * Owns nothing and takes no lock: the machine is quiescent.  Its scratch memory comes from
 * port->alloc directly, so that verifying passes no allocation point; it grows with the
 * frames that were ever used, not with RAM.
 *
 * What is proved:
 *   1  Every frame is free (on exactly one buddy list), or has as many references as the page
 *      cache, entries, tables and pins hold on it, and is mapped as often as mapcount says.  What
 *      is pinned and mapped by a private entry is of one mm only (pin.c, 1).
 *   2  No entry lies outside a VMA, names a foreign page, or gives a right that its VMA lacks.
 *   3  The tables of an mm are those that nr_tables counts, and `used` counts their entries.
 *   4  The rss counters, total_vm and its kin, and committed memory are the sums they claim to be.
 *   5  The interval trees of files hold exactly the live VMAs that map them.
 *   6  A walk from the folio of a private page comes to each of its entries.
 *   7  Pools of huge pages have what they count (verify_huge.c).
 */
#include "core/base/kmem.h"
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/frame/zone.h"
#include "core/verify/verify.h"

void verify_bad(struct verify *v, const char *fmt, ...)
{
	char line[256];
	__builtin_va_list ap;

	v->bad++;
	if (!v->report)
		return;
	__builtin_va_start(ap, fmt);
	q_vformat(line, sizeof(line), fmt, ap);
	__builtin_va_end(ap);
	v->report(v->arg, line);
}

/* ----------------------------------------------------------------- scratch */

static size_t expected_bytes(const struct zone *z)
{
	return (size_t)(z->frontier - z->base) * sizeof(struct expected);
}

static void free_scratch(struct verify *v)
{
	for (unsigned i = 0; i < v->m->frames->nr_zones; i++)
		port_free_line(&v->m->port, v->expected[i],
			       expected_bytes(&v->m->frames->zones[i]));
}

static bool alloc_scratch(struct verify *v)
{
	for (unsigned i = 0; i < v->m->frames->nr_zones; i++) {
		size_t bytes = expected_bytes(&v->m->frames->zones[i]);

		if (!bytes)
			continue;
		v->expected[i] = port_alloc_line(&v->m->port, bytes);
		if (!v->expected[i])
			return false;
		memset(v->expected[i], 0, bytes);
	}
	return true;
}

struct expected *verify_frame(struct verify *v, uint64_t pfn)
{
	for (unsigned i = 0; i < v->m->frames->nr_zones; i++) {
		const struct zone *z = &v->m->frames->zones[i];

		if (pfn >= z->base && pfn < z->frontier)
			return &v->expected[i][pfn - z->base];
	}
	return NULL;
}

void verify_entry_of(struct verify *v, const struct folio *f, uint64_t pfn, unsigned n)
{
	uint64_t head = folio_pfn(v->m, f);
	struct expected *x = verify_frame(v, head);

	x->refs += n;
	x->maps += (int32_t)n;
	if (pfn + n > head + folio_pages(f))
		verify_bad(v, "frame %lu: an entry maps more than its folio has", pfn);
	else
		for (unsigned i = 0; i < n; i++)
			verify_frame(v, pfn + i)->alone++;
}

/* ------------------------------------------------------------------- files */

static void verify_cached(struct verify *v, struct quire_file *file, uint64_t i, struct folio *f)
{
	uint32_t want = file->facts.folio_flags & (FOLIO_ANON | FOLIO_TABLE | FOLIO_SHMEM);
	struct expected *x = verify_frame(v, folio_pfn(v->m, f));

	if (!x) {
		verify_bad(v, "%s: page %lu of the cache is no frame", file->name, i);
		return;
	}
	x->refs++;
	if (f->mapping != &file->mapping || f->index != i)
		verify_bad(v, "%s: page %lu of the cache does not know it", file->name, i);
	if ((atomic_load(&f->flags) & (FOLIO_ANON | FOLIO_TABLE | FOLIO_SHMEM)) != want)
		verify_bad(v, "%s: page %lu of the cache has flags 0x%x", file->name, i, f->flags);
	if (folio_test(f, FOLIO_LOCKED))
		verify_bad(v, "%s: page %lu of the cache is locked", file->name, i);
	if (folio_test(f, FOLIO_WRITEBACK))
		verify_bad(v, "%s: page %lu of the cache is left in writeback", file->name, i);
}

static void verify_cache(struct verify *v, struct quire_file *file)
{
	const char *why = index_check(&file->mapping.pages);
	struct folio *f;
	uint64_t i, n = 0;

	if (why) {
		verify_bad(v, "%s: index: %s", file->name, why);
		return;
	}
	index_for_each (&file->mapping.pages, 0, UINT64_MAX, i, f) {
		verify_cached(v, file, i, f);
		n++;
	}
	if (n != file->mapping.nr_pages)
		verify_bad(v, "%s: %lu pages in the cache, %lu counted", file->name, n,
			   file->mapping.nr_pages);
}

static void verify_linked(struct verify *v, struct quire_file *file, struct vma *vma)
{
	if (vma_is_dead(vma) || vma->file != file || !vma->in_mapping)
		verify_bad(v, "%s: dead or foreign VMA %lx-%lx in its interval tree", file->name,
			   vma->start, vma->end);
	else if (rtree_find(&vma->mm->vmas, vma->start, NULL) != vma)
		verify_bad(v, "%s: VMA %lx-%lx in its interval tree is in no address space",
			   file->name, vma->start, vma->end);
	else if (vma->node.first != vma->pgoff || vma->node.last != vma->pgoff + vma_pages(vma) - 1)
		verify_bad(v, "%s: VMA %lx-%lx is linked for other pages", file->name, vma->start,
			   vma->end);
}

static void verify_file(struct verify *v, struct quire_file *file)
{
	const char *why = itree_check(&file->mapping.vmas);
	struct itree_node *node;

	if (mutex_is_locked(&file->mapping.i_lock) || spin_is_locked(&file->mapping.index_lock) ||
	    spin_is_locked(&file->mapping.size_lock))
		verify_bad(v, "%s: a lock of the file is held", file->name);
	if (why)
		verify_bad(v, "%s: interval tree: %s", file->name, why);
	else
		itree_for_each (&file->mapping.vmas, 0, UINT64_MAX, node) {
			v->linked_vmas++;
			verify_linked(v, file, container_of(node, struct vma, node));
		}
	verify_cache(v, file);
	v->committed += mapping_charged(&file->mapping);
}

/* ------------------------------------------------------------------ frames */

static void verify_counts(struct verify *v, uint64_t pfn, struct folio *f, const struct expected *x)
{
	uint32_t refs = atomic_load(&f->refs), flags = atomic_load(&f->flags);
	uint32_t pins = folio_pins(f);
	int32_t maps = atomic_load(&f->mapcount);

	v->pins += pins;
	if (refs != x->refs + pins)
		verify_bad(v, "frame %lu: %u references, %u found and %u pins (flags 0x%x)", pfn,
			   refs, x->refs, pins, flags);
	if (pins && maps > 0 && (flags & (FOLIO_ANON | FOLIO_EXCLUSIVE)) == FOLIO_ANON)
		verify_bad(v, "frame %lu: pinned, and not one mm's alone (flags 0x%x)", pfn, flags);
	if (maps != x->maps)
		verify_bad(v, "frame %lu: mapcount %d, %d entries (flags 0x%x)", pfn, maps, x->maps,
			   flags);
	for (unsigned i = 0; (flags & FOLIO_EXCLUSIVE) && i < folio_pages(f); i++)
		if (verify_frame(v, pfn + i)->alone > 1)
			verify_bad(v, "frame %lu: exclusive, with several entries", pfn + i);
	if (maps > 0 && !(flags & FOLIO_HUGETLB))
		*(flags & FOLIO_ANON ? &v->mapped_anon : &v->mapped_file) += folio_pages(f);
	if (flags & FOLIO_TABLE)
		v->tables++;
}

/* A frame in use; free ones are frames_verify()'s. */
static void verify_used_frame(struct verify *v, uint64_t pfn, const struct expected *x)
{
	struct folio *f = pfn_folio(v->m, pfn);

	if (folio_test(f, FOLIO_TAIL) || folio_test(f, FOLIO_PERMANENT)) {
		if (x->refs || x->maps || (folio_test(f, FOLIO_TAIL) && (f->refs || f->mapcount)))
			verify_bad(v, "frame %lu: a part of something else is in use", pfn);
		return;
	}
	verify_counts(v, pfn, f, x);
}

static void verify_frames(struct verify *v)
{
	for (unsigned i = 0; i < v->m->frames->nr_zones; i++) {
		const struct zone *z = &v->m->frames->zones[i];

		for (uint64_t pfn = z->base; pfn < z->frontier; pfn++) {
			struct folio *f = pfn_folio(v->m, pfn);
			uint64_t last =
			    folio_test(f, FOLIO_BUDDY) ? pfn + (1u << folio_order(f)) : pfn;

			if (last == pfn) {
				verify_used_frame(v, pfn, verify_frame(v, pfn));
				continue;
			}
			for (; pfn < last; pfn++)
				if (verify_frame(v, pfn)->refs)
					verify_bad(v, "frame %lu: free and in use", pfn);
			pfn = last - 1;
		}
	}
}

/* ------------------------------------------------------------------ totals */

static void same(struct verify *v, const char *what, uint64_t counted, uint64_t found)
{
	if (counted != found)
		verify_bad(v, "%s: %lu counted, %lu found", what, counted, found);
}

/* By itself: quire_machine_stats() shows a sum below 0 as 0. */
static void verify_stripes(struct verify *v)
{
	uint64_t tables = 0, anon = 0, file = 0;

	for (unsigned i = 0; i < v->m->port.ncpus; i++) {
		tables += (uint64_t)v->m->cpus[i].tables;
		anon += (uint64_t)v->m->cpus[i].mapped_anon;
		file += (uint64_t)v->m->cpus[i].mapped_file;
	}
	same(v, "table frames", tables, (uint64_t)v->tables);
	same(v, "mapped anonymous frames", anon, (uint64_t)v->mapped_anon);
	same(v, "mapped page-cache frames", file, (uint64_t)v->mapped_file);
}

static void verify_totals(struct verify *v)
{
	struct quire_machine_stats st;

	quire_machine_stats(v->m, &st);
	same(v, "committed pages", st.committed_pages, v->committed);
	same(v, "VMAs in interval trees", v->linked_vmas, v->file_vmas);
	same(v, "pins", v->m->pins, v->pins);
	same(v, "frames that wait for readers", st.waiting_frames + st.waiting_table_frames, 0);
	verify_stripes(v);
}

static void verify_all(struct verify *v)
{
	struct quire_machine *m = v->m;
	struct dlist *pos;

	for (pos = m->mms.next; pos != &m->mms; pos = pos->next)
		verify_mm(v, container_of(pos, struct quire_mm, node));
	for (pos = m->files.next; pos != &m->files; pos = pos->next)
		verify_file(v, container_of(pos, struct quire_file, node));
	v->bad += frames_verify(m, v->report, v->arg);
	verify_frames(v);
	verify_huge(v);
	verify_totals(v);
}

/* A callback may queue another: a file's puts the nodes of its index. */
static void settle(struct quire_machine *m)
{
	m->shrink(m);
	for (int i = 0; i < 3; i++)
		m->port.rcu_barrier(m->port.ctx);
	frames_drain(m);
}

unsigned quire_verify(struct quire_machine *m, void (*report)(void *arg, const char *line),
		      void *arg)
{
	struct verify v = {.m = m, .report = report, .arg = arg};

	settle(m);
	if (alloc_scratch(&v))
		verify_all(&v);
	else
		verify_bad(&v, "no memory to verify with");
	free_scratch(&v);
	return v.bad;
}
