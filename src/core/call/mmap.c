/* SPDX-License-Identifier: MIT */
/*
 * mmap.c: mmap(2).
 *
 * Checks come in the order in which the host kernel makes them, so that a call
 * with two faults gets the same errno.  Owns nothing; map_region() runs under M.
 *
 * MAP_FIXED over something is one edit.  The new VMA is published dead, so that
 * nobody can insert into a range whose old entries are still being zapped.  When
 * they are gone and flushed it enters its file's tree, the old ones leave theirs,
 * and it comes to life; a fault in between waits on M.
 */
#include "core/call/call.h"
#include "core/fault/populate.h"
#include "core/file/file.h"
#include "core/huge/pool.h"
#include "core/vma/edit.h"
#include "core/vma/limits.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

/* What MAP_SHARED ignores and MAP_SHARED_VALIDATE accepts; mmap(2). */
#define KNOWN_FLAGS                                                                                \
	(QMAP_SHARED | QMAP_PRIVATE | QMAP_FIXED | QMAP_ANONYMOUS | QMAP_32BIT | QMAP_ABOVE4G |    \
	 QMAP_GROWSDOWN | QMAP_DENYWRITE | QMAP_EXECUTABLE | QMAP_LOCKED | QMAP_NORESERVE |        \
	 QMAP_POPULATE | QMAP_NONBLOCK | QMAP_STACK | QMAP_HUGETLB | QMAP_UNINITIALIZED |          \
	 QMAP_HUGE_2MB | QMAP_HUGE_1GB)
#define ALL_LIMITS ((unsigned)(QUIRE_MAP_READ_ONLY | QUIRE_MAP_SEALED | QUIRE_MAP_NO_EXEC))
#define FILE_MAX_BYTES 0x7fffffffffffffffull

struct mmap_request {
	uint64_t addr, len; /* len: whole pages */
	int prot, flags;
	struct quire_file *file;
	unsigned limits; /* QUIRE_MAP_*, with what the file itself says */
	uint64_t pgoff;
	uint64_t vm_flags;
	const struct vma_ops *ops;
	bool anon;
	bool locked; /* asked for, or by mlockall: populated, though MAP_DROPPABLE is not locked */
};

static uint64_t common_flags(const struct quire_mm *mm, const struct mmap_request *r)
{
	uint64_t f = prot_to_flags(r->prot) | mm->def_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;

	if (r->flags & QMAP_GROWSDOWN)
		f |= VM_GROWSDOWN;
	if (r->flags & QMAP_LOCKED)
		f |= VM_LOCKED;
	if (r->flags & QMAP_STACK)
		f |= VM_NOHUGEPAGE;
	if (r->flags & QMAP_NORESERVE)
		f |= VM_NORESERVE;
	if (r->flags & QMAP_SYNC)
		f |= VM_SYNC;
	if (unlikely(r->ops->page_shift))
		f |= VM_HUGETLB | VM_DONTEXPAND;
	return f;
}

static int shared_file_flags(struct mmap_request *r)
{
	bool validate = (r->flags & QMAP_TYPE) == QMAP_SHARED_VALIDATE;

	if (validate && (r->flags & ~KNOWN_FLAGS))
		return -QEOPNOTSUPP;
	if ((r->prot & QPROT_WRITE) && (r->limits & QUIRE_MAP_READ_ONLY))
		return -QEACCES;
	r->vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (r->limits & QUIRE_MAP_READ_ONLY)
		r->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

/* A seal concerns mappings that would write to the file, and is looked at last. */
static int check_seal(struct mmap_request *r)
{
	if (!(r->limits & QUIRE_MAP_SEALED) || !(r->vm_flags & VM_MAYSHARE))
		return 0;
	if (r->vm_flags & VM_WRITE)
		return -QEPERM;
	r->vm_flags &= ~VM_MAYWRITE;
	return 0;
}

static bool beyond_largest_file(const struct mmap_request *r)
{
	return r->len > FILE_MAX_BYTES || r->pgoff > (FILE_MAX_BYTES - r->len) >> PAGE_SHIFT;
}

static int file_flags(struct mmap_request *r)
{
	int type = r->flags & QMAP_TYPE, err;

	if (beyond_largest_file(r))
		return -QEOVERFLOW;
	if (type == QMAP_SHARED || type == QMAP_SHARED_VALIDATE) {
		err = shared_file_flags(r);
		if (err)
			return err;
	} else if (type != QMAP_PRIVATE) {
		return -QEINVAL;
	}
	if (r->limits & QUIRE_MAP_NO_EXEC) {
		if (r->vm_flags & VM_EXEC)
			return -QEPERM;
		r->vm_flags &= ~VM_MAYEXEC;
	}
	if (r->vm_flags & VM_GROWSDOWN)
		return -QEINVAL;
	if ((r->pgoff << PAGE_SHIFT) & (ops_page_size(r->ops) - 1))
		return -QEINVAL;
	return r->flags & r->file->facts.refused_flags ? -QEOPNOTSUPP : check_seal(r);
}

static int anon_flags(struct mmap_request *r)
{
	switch (r->flags & QMAP_TYPE) {
	case QMAP_SHARED:
		if (r->vm_flags & VM_GROWSDOWN)
			return -QEINVAL;
		r->pgoff = 0;
		r->vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case QMAP_DROPPABLE:
		if ((r->flags & QMAP_LOCKED) || (r->vm_flags & VM_GROWSDOWN))
			return -QEINVAL;
		r->vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		r->vm_flags &= ~VM_LOCK_MASK;
		/* fallthrough */
	case QMAP_PRIVATE:
		r->pgoff = r->addr >> PAGE_SHIFT;
		return 0;
	default:
		return -QEINVAL;
	}
}

static int choose_area(struct quire_mm *mm, struct mmap_request *r)
{
	bool want_huge = r->anon;
	int err = area_find(mm, &r->addr, r->len, r->flags, ops_page_size(r->ops), want_huge);
	struct vma *next;

	if (err || !(r->flags & QMAP_FIXED_NOREPLACE))
		return err;
	next = vma_next(mm, r->addr);
	return next && next->start < r->addr + r->len ? -QEEXIST : 0;
}

static int check_lock(struct quire_mm *mm, const struct mmap_request *r)
{
	if ((r->flags & QMAP_LOCKED) && !mm_can_lock(mm))
		return -QEPERM;
	return mm_may_lock(mm, r->vm_flags, (int64_t)(r->len >> PAGE_SHIFT)) ? 0 : -QEAGAIN;
}

/* Limits that count what the edit has just cut out as given back. */
static int region_allowed(struct vma_edit *e, const struct vma_spec *s)
{
	int64_t pages = (int64_t)((s->end - s->start) >> PAGE_SHIFT);

	if (e->err)
		return e->err;
	if (edit_too_many(e))
		return -QENOMEM;
	if (!mm_may_expand(e->mm, s->flags, pages - (int64_t)e->cut_pages))
		return -QENOMEM;
	if ((s->flags & VM_ACCOUNT) && !mm_may_commit(e->mm, pages - (int64_t)e->cut_accounted))
		return -QENOMEM;
	return 0;
}

/*
 * The host unmaps first.  Here that is done only where it decides: an account refuses what it may
 * not when what is there has gone.  Then the same is left where it does not help: nothing is
 * mapped.  M is held throughout: nobody finds the range empty.
 */
static __attribute__((noinline)) int map_refused(struct vma_edit *e, const struct vma_spec *spec,
						 int err, bool asked)
{
	struct quire_mm *mm = e->mm;
	bool later = asked && err == -QENOMEM && charge_may_return(e->removed);

	edit_abort(e);
	if (!later)
		return err;
	err = unmap_locked(mm, spec->start, spec->end);
	return err ? err : map_region(mm, spec);
}

/* With `mapped`: the new VMA is not one with others. */
static __attribute__((noinline)) int ask_kind(const struct vma_edit *e, const struct vma_spec *spec)
{
	for (struct vma *v = e->added; v; v = v->chain)
		if (v->start == spec->start)
			return v->ops->mapped(v);
	return 0;
}

int map_region(struct quire_mm *mm, const struct vma_spec *spec)
{
	struct vma_edit e;
	bool asked = false;
	int err;

	edit_begin(&e, mm);
	edit_cut(&e, spec->start, spec->end);
	err = region_allowed(&e, spec);
	if (!err) {
		edit_add_merged(&e, spec);
		asked = !e.err;
		err = edit_charge(&e);
	}
	if (!err && unlikely(mapping_ops(mm->machine, spec->file)->mapped))
		err = ask_kind(&e, spec);
	if (unlikely(err))
		return map_refused(&e, spec, err, asked);
	if (e.cut_pages)
		edit_hold(&e);
	edit_commit(&e);
	if (e.cut_pages)
		unmap_entries(&e, spec->start, spec->end);
	edit_finish(&e);
	return 0;
}

static int mmap_locked(struct quire_mm *mm, struct mmap_request *r)
{
	struct vma_spec spec;
	int err;

	if (mm->exited || rtree_count(&mm->vmas) > mm->machine->max_map_count)
		return -QENOMEM;
	r->vm_flags = common_flags(mm, r);
	r->locked = r->vm_flags & VM_LOCKED;
	err = choose_area(mm, r);
	if (!err)
		err = check_lock(mm, r);
	if (!err)
		err = r->anon ? anon_flags(r) : file_flags(r);
	if (err)
		return err;
	if (r->ops
		->page_shift) /* populated; nothing can take them away, and no limit counts them */
		r->vm_flags &= ~VM_LOCK_MASK;
	if (flags_accountable(r->vm_flags) && !r->ops->charge)
		r->vm_flags |= VM_ACCOUNT;
	spec = (struct vma_spec){.start = r->addr,
				 .end = r->addr + r->len,
				 .flags = r->vm_flags,
				 .pgoff = r->pgoff,
				 .file = r->file};
	err = map_region(mm, &spec);
	if (!err && (r->vm_flags & VM_GROWSDOWN) && !mm->start_stack)
		atomic_store_relaxed(&mm->start_stack, spec.end);
	return err;
}

/* Shared anonymous memory is a file of its own, whole and, but for NORESERVE, charged from the
 * start until the last mapping of any part of it is gone. */
static int back_shared_anon(struct quire_mm *mm, struct mmap_request *r)
{
	int err;

	if ((r->flags & QMAP_TYPE) != QMAP_SHARED)
		return 0;
	if (r->len > mm->machine->task_size)
		return -QENOMEM;
	err = file_create_shared_anon(mm->machine, r->len, (r->flags & QMAP_NORESERVE) != 0,
				      &r->file);
	if (!err)
		r->ops = mapping_ops(mm->machine, r->file);
	return err;
}

static void populate_new(struct quire_mm *mm, const struct mmap_request *r)
{
	bool wanted = (r->flags & (QMAP_POPULATE | QMAP_NONBLOCK)) == QMAP_POPULATE;

	if (wanted || r->locked)
		mm_populate_locked(mm, r->addr, r->addr + r->len);
}

static int mmap_checked(struct quire_mm *mm, struct mmap_request *r)
{
	int err;

	if (r->file) /* so that the first fault need not */
		file_ask_size(r->file);
	mm_lock(mm);
	err = mmap_locked(mm, r);
	mm_unlock(mm);
	if (!err)
		populate_new(mm, r);
	return err;
}

static unsigned limits_of(const struct quire_file *file)
{
	return (file->writable ? 0 : QUIRE_MAP_READ_ONLY) | (file->noexec ? QUIRE_MAP_NO_EXEC : 0);
}

int quire_mmap(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot, int flags,
	       struct quire_file *file, uint64_t offset, uint64_t *out)
{
	return quire_mmap_limited(mm, addr, len, prot, flags, file, offset, 0, out);
}

static bool is_of_huge_pages(const struct quire_file *file)
{
	return file && file->huge;
}

/* MAP_HUGETLB of no file: of one that nobody else finds, and the VMA keeps, if there is one. */
static __attribute__((noinline)) int back_huge(struct quire_mm *mm, struct mmap_request *r,
					       uint64_t len)
{
	unsigned shift = (unsigned)r->flags >> QMAP_HUGE_SHIFT & 0x3f;
	struct quire_file_options opts = {.size = sizeof(opts),
					  .kind = QUIRE_FILE_HUGETLB,
					  .writable = true,
					  .dev = UNNAMED_DEV,
					  .name = "/anon_hugepage (deleted)"};
	const struct hstate *h =
	    hstate_of_shift(mm->machine, shift ? shift : PAGE_SHIFT + HUGE_2M_ORDER);
	uint64_t in_page;
	int err;

	if (!h)
		return -QEINVAL;
	in_page = hstate_bytes(h) - 1;
	r->len = (len + in_page) & ~in_page;
	if (!r->len)
		return -QENOMEM;
	opts.huge = h->size;
	opts.ino = file_next_ino(mm->machine);
	opts.bytes = r->len;
	err = quire_file_create(mm->machine, &opts, &r->file);
	if (err)
		return err;
	r->anon = false;
	r->pgoff = 0;
	r->ops = mapping_ops(mm->machine, r->file);
	return 0;
}

static int back_anon(struct quire_mm *mm, struct mmap_request *r, uint64_t len)
{
	if (!r->anon)
		return 0;
	return unlikely(r->flags & QMAP_HUGETLB) ? back_huge(mm, r, len) : back_shared_anon(mm, r);
}

int quire_mmap_limited(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot, int flags,
		       struct quire_file *file, uint64_t offset, unsigned limits, uint64_t *out)
{
	struct mmap_request r = {.addr = addr, .prot = prot};
	uint64_t in_page;
	bool waited = false;
	int err;

	r.anon = (flags & QMAP_ANONYMOUS) != 0;
	r.flags = flags & QMAP_FIXED_NOREPLACE ? flags | QMAP_FIXED : flags;
	r.file = r.anon ? NULL : file;
	r.ops = mapping_ops(mm->machine, r.file);
	in_page = ops_page_size(r.ops) - 1;
	r.len = (len + in_page) & ~in_page;
	r.limits = r.file ? limits | limits_of(r.file) : 0;
	r.pgoff = offset >> PAGE_SHIFT;
	if (limits & ~ALL_LIMITS)
		return -QEINVAL;
	if (offset & ~PAGE_MASK)
		return -QEINVAL;
	if (!r.anon && !file)
		return -QEBADF;
	if (!len || ((flags & QMAP_HUGETLB) && !r.anon && !is_of_huge_pages(r.file)))
		return -QEINVAL;
	if (!r.len)
		return -QENOMEM;
	err = back_anon(mm, &r, len);
	if (err)
		return err;
	do
		err = mmap_checked(mm, &r);
	while (unlikely(err == -QENOMEM) && r.ops->page_shift && mm_await_huge(mm, &waited));
	if ((flags & QMAP_ANONYMOUS) && r.file)
		quire_file_put(r.file); /* the VMA, if there is one, has its own reference */
	if (!err)
		*out = r.addr;
	return err;
}
