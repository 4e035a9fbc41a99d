/* SPDX-License-Identifier: MIT */
/*
 * hugetlb_file.c: files of huge pages: made, mapped, filled, cut.
 *
 * Their cache has each page under the offset of its first byte.  They are read like other files,
 * zeros where there is no page; written to through mappings alone.
 *
 *   1  W is held while pages are allocated, and G of each: no page of the file goes, and nobody
 *      else makes this one.
 *   2  A file gets longer by ftruncate, by fallocate, and by mmap for writing of what lies beyond
 *      its end, before the mapping is found.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/kind/hugetlb.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* The pages that have a part of [off, end). */
static void pages_of(const struct quire_file *file, uint64_t off, uint64_t end, uint64_t *first,
		     uint64_t *last)
{
	unsigned shift = hstate_shift(file->huge->h);

	*first = off >> shift;
	*last = ((end - 1) >> shift) + 1;
}

/* ---- mmap ---------------------------------------------------------------------- */

static void lock_size(struct quire_file *file)
{
	mutex_lock(&file->machine->port, &file->mapping.write_lock, RANK_FILE);
}

static void unlock_size(struct quire_file *file)
{
	mutex_unlock(&file->machine->port, &file->mapping.write_lock, RANK_FILE);
}

/* W held. */
static void grow_locked(struct quire_file *file, uint64_t bytes)
{
	if (bytes > atomic_load(&file->mapping.bytes))
		mapping_resize(file, bytes);
}

static void grow(struct quire_file *file, uint64_t bytes)
{
	if (bytes <= atomic_load(&file->mapping.bytes))
		return;
	lock_size(file);
	STEP("makes the file %lu bytes long, which are mapped", bytes);
	grow_locked(file, bytes);
	unlock_size(file);
}

static enum huge_refusal promise(struct quire_file *file, struct quire_mm *mm, uint64_t off,
				 uint64_t end)
{
	uint64_t first, last;

	pages_of(file, off, end, &first, &last);
	return huge_file_reserve(file->huge, &mm->huge_group, first, last,
				 hugetlb_bound_nodes(file->machine));
}

/* What a private mapping is promised is its own account's (vma_ops.charge).  Invariant 2. */
int hugetlb_mapped(struct vma *vma)
{
	uint64_t off = vma->pgoff << PAGE_SHIFT, bytes = vma->end - vma->start;
	int err = 0;

	if (!hugetlb_is_private(vma) && !(vma->flags & VM_NORESERVE))
		err = hugetlb_promised(vma, bytes >> hstate_shift(hugetlb_state(vma)),
				       promise(vma->file, vma->mm, off, off + bytes));
	if (!err && (vma->flags & VM_WRITE))
		grow(vma->file, off + bytes);
	return err;
}

/* -EINVAL, -EFBIG: there is no such range. */
static int range_allowed(const struct quire_file *file, uint64_t off, uint64_t len)
{
	if (!file->huge)
		return -QEOPNOTSUPP;
	if (!len || off > INT64_MAX || len > INT64_MAX)
		return -QEINVAL;
	return len > INT64_MAX - off ? -QEFBIG : 0;
}

int quire_file_reserve(struct quire_file *file, struct quire_mm *mm, uint64_t off, uint64_t len)
{
	int err = range_allowed(file, off, len);

	if (err)
		return err;
	return promise(file, mm, off, off + len) == HUGE_GRANTED ? 0 : -QENOMEM;
}

/* ---- fallocate ----------------------------------------------------------------- */

struct filling {
	struct quire_file *file;
	struct quire_mm *mm;
	uint64_t next, last;
};

static bool is_cached(struct quire_file *file, uint64_t pgoff)
{
	const struct quire_port *port = &file->machine->port;
	bool cached;

	rcu_read_lock(port);
	cached = filecache_peek(file, pgoff) != NULL;
	rcu_read_unlock(port);
	return cached;
}

/* A page that was claimed, with its content. */
static enum huge_refusal add_page(struct quire_file *file, uint64_t pgoff, struct folio *fresh)
{
	struct quire_machine *m = file->machine;
	struct folio *found;
	int err;

	folio_get(fresh); /* the cache's */
	rcu_read_lock(&m->port);
	err = filecache_add_folio(file, pgoff, atomic_load(&file->mapping.seq), fresh, &found);
	rcu_read_unlock(&m->port);
	if (err || found != fresh) {
		folio_put(m, fresh);
		huge_claim_abort(m, fresh);
		return err ? HUGE_NO_MEMORY : HUGE_GRANTED;
	}
	huge_claim_commit(m, fresh);
	return HUGE_GRANTED;
}

/* W, and G of the page: invariant 1. */
static enum huge_refusal fill_page(struct filling *l)
{
	struct huge_file *huge = l->file->huge;
	uint64_t pgoff = hugetlb_pgoff(huge->h, l->next);
	struct huge_request rq = {.h = huge->h,
				  .subpool = huge->subpool,
				  .file = huge,
				  .index = l->next,
				  .group = &l->mm->huge_group};
	struct folio *fresh;
	enum huge_refusal why;
	bool zeroed;

	if (is_cached(l->file, pgoff))
		return HUGE_GRANTED;
	hugetlb_place(l->file->machine, 0, &rq);
	why = huge_claim_begin(l->file->machine, &rq, &fresh, &zeroed);
	if (why != HUGE_GRANTED)
		return why;
	if (!zeroed)
		hugetlb_clear(l->file->machine, fresh);
	return add_page(l->file, pgoff, fresh);
}

/* W held. */
static enum huge_refusal fill(struct filling *l)
{
	const struct quire_port *port = &l->file->machine->port;
	enum huge_refusal why = HUGE_GRANTED;

	while (l->next < l->last) {
		struct mutex *alone = hugetlb_lock_of(l->file, l->next);

		mutex_lock(port, alone, RANK_HUGE_FAULT);
		why = fill_page(l);
		mutex_unlock(port, alone, RANK_HUGE_FAULT);
		if (why != HUGE_GRANTED && why != HUGE_AGAIN)
			break;
		l->next += why == HUGE_GRANTED;
	}
	return why;
}

static int errno_of(enum huge_refusal why)
{
	if (why == HUGE_GRANTED)
		return 0;
	return why == HUGE_NO_MEMORY ? -QENOMEM : -QENOSPC;
}

int quire_file_allocate(struct quire_file *file, struct quire_mm *mm, uint64_t off, uint64_t len,
			bool longer)
{
	struct filling l = {.file = file, .mm = mm};
	int err = range_allowed(file, off, len);
	enum huge_refusal why;
	bool waited = false;

	if (err)
		return err;
	pages_of(file, off, off + len, &l.next, &l.last);
	do {
		lock_size(file);
		why = fill(&l);
		if (why == HUGE_GRANTED && longer)
			grow_locked(file, off + len);
		unlock_size(file);
	} while (why != HUGE_GRANTED && why != HUGE_NO_MEMORY && mm_await_huge(mm, &waited));
	return errno_of(why);
}

/* ---- begin and end ------------------------------------------------------------- */

static void hugetlb_truncated(struct quire_file *file, uint64_t bytes)
{
	huge_file_truncate(file->huge, hugetlb_index(file->huge->h, bytes >> PAGE_SHIFT));
}

/* The last reference has gone. */
static void hugetlb_end(struct quire_file *file)
{
	truncate_range(file, 0, UINT64_MAX, true);
	huge_file_end(file->huge);
}

static int hugetlb_create(struct quire_file *file, const struct quire_file_options *o)
{
	struct quire_machine *m = file->machine;
	struct hstate *h;

	if ((unsigned)o->huge >= QUIRE_NR_HUGE)
		return -QEINVAL;
	h = hstate_of(m, o->huge);
	if (o->subpool && o->subpool->h != h)
		return -QEINVAL;
	file->ops = (struct quire_file_ops){.release = file->ops.release};
	file->facts.vma_ops = &hugetlb_vma_ops[o->huge];
	file->facts.cached = true;
	file->facts.ram_only = true;
	file->facts.unwritten = true;
	file->facts.holes_take_copies = true;
	file->facts.freed_at_once = true;
	file->facts.end = hugetlb_end;
	file->facts.truncated = hugetlb_truncated;
	file->huge = huge_file_new(m, h, o->subpool, &file->mapping);
	return file->huge ? 0 : -QENOMEM;
}

const struct file_kind hugetlb_kind = {.vma_ops = &hugetlb_vma_ops[QUIRE_HUGE_2M],
				       .create = hugetlb_create};
