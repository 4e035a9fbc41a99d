/* SPDX-License-Identifier: MIT */
/*
 * fault.c: the way of a fault: lookup, rights, dispatch; retry, fallback, stack growth, OOM.
 *
 * Owns nothing.  An attempt runs in one RCU read-side section and takes no lock.  The ops install
 * entries under the PTL (install.c): there they prove that what was read without a lock still
 * holds.
 *
 *     look up --- none ----------> again under M --- none --> grow the stack --> SIGSEGV
 *        |  ^--- lost a race (MAX_TRIES: under M from then on)      |
 *        |  ^--- slept: I/O, a copy, another thread's COW           |
 *        |  ^--- port->oom made room                               |
 *        v                                                          v
 *     rights --- refused ---------------------------------------> SIGSEGV
 *        |
 *     entry: none -> ops->fault     read-only, write -> ops->write_protected     else -> touch
 *                                   forked, for a pin -^
 *            not PRESENT -> absent.c         (an entry may be a leaf: touch.c and the ops see)
 *
 *   1  A fault reports that nothing is mapped only after a lookup under M. So it never takes a
 *      MAP_FIXED replacement in progress for a hole.
 *   2  Callbacks of the embedder that may sleep, and port->oom, run outside RCU and outside every
 *      lock.
 *   3  A refusal or a want of memory is reported only of a VMA that is alive after the reason was
 *      found.  Then the VMA and the reason were there at one time.  After a sleep the VMA is looked
 *      up again.
 *   4  On x86-64 without protection keys each of PROT_READ, PROT_WRITE and PROT_EXEC allows reading
 *      (mmap(2): "on some hardware..."; tests/unit/test_fault.c runs the case on the host).
 *   5  Where a range is populated, one fault may do a run: pages behind f->addr in the same VMA and
 *      table.  Under the PTL what was proved for the first page holds for all of them, but that an
 *      entry is what it should be is asked of each.
 */
#include "core/base/sized.h"
#include "core/fault/fault.h"
#include "core/fault/populate.h"
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"

/* Lost races before the fault waits for the writers' lock. */
#define MAX_TRIES 8

static void count_kind(struct fault *f, enum quire_fault_kind kind, unsigned n)
{
	mm_count(f->mm, (enum mm_counter)(MM_KIND0 + kind), n);
}

/* A page that had to be read and copied is both kinds: the caller is told of the copy. */
static __attribute__((noinline)) void count_major(struct fault *f, enum quire_fault_kind kind,
						  unsigned n)
{
	count_kind(f, QUIRE_KIND_FILE_MAJOR, 1);
	if (kind == QUIRE_KIND_FILE_MINOR) {
		f->out->kind = QUIRE_KIND_FILE_MAJOR;
		n--;
	}
	if (n)
		count_kind(f, kind, n);
}

enum quire_fault_result fault_done_run(struct fault *f, enum quire_fault_kind kind, unsigned n)
{
	f->done = n;
	f->out->kind = kind;
	if (unlikely(f->major))
		count_major(f, kind, n);
	else
		count_kind(f, kind, n);
	return QUIRE_FAULT_OK;
}

enum quire_fault_result fault_found_run(struct fault *f, unsigned n)
{
	f->done += n;
	if (unlikely(n))
		count_kind(f, QUIRE_KIND_SPURIOUS, n);
	return QUIRE_FAULT_OK;
}

enum quire_fault_result fault_done(struct fault *f, enum quire_fault_kind kind)
{
	return fault_done_run(f, kind, 1);
}

enum quire_fault_result fault_lost(struct fault *f, int err)
{
	if (err == -QEAGAIN) {
		if (f->again == AGAIN_NO)
			f->again = AGAIN_LOST_RACE;
		return QUIRE_FAULT_OK;
	}
	f->missing = err;
	return QUIRE_FAULT_OOM;
}

/* ---- sleeping -------------------------------------------------------------- */

static void drop_copy(struct fault *f)
{
	if (f->copy.folio)
		folio_put(f->mm->machine, f->copy.folio);
	f->copy.folio = NULL;
}

static inline void drop_huge(struct fault *f)
{
	if (unlikely(f->has_huge))
		fault_drop_huge(f);
}

/* No RCU: the last reference on a file may go. */
static void drop_file(struct fault *f)
{
	if (!f->file)
		return;
	drop_copy(f);
	drop_huge(f);
	f->frames->end = 0;
	quire_file_put(f->file);
	f->file = NULL;
}

bool fault_sleep(struct fault *f)
{
	struct quire_file *file = f->vma->file;

	if (file && !file_tryget(file)) {
		STEP("finds that the file has ended: looks again");
		f->again = AGAIN_LOST_RACE;
		return false;
	}
	rcu_read_unlock(&f->mm->machine->port);
	if (f->locked)
		mm_unlock(f->mm);
	f->locked = false;
	f->vma = NULL;
	drop_file(f);
	f->file = file;
	return true;
}

enum quire_fault_result fault_wake(struct fault *f)
{
	rcu_read_lock(&f->mm->machine->port);
	f->again = AGAIN_SLEPT;
	return QUIRE_FAULT_OK;
}

bool fault_wake_failed(struct fault *f, uint64_t pgoff)
{
	struct vma *vma;

	fault_wake(f);
	vma = vma_find(f->mm, f->addr);
	if (!vma || (RULE(failed_read_looks_again) &&
		     (vma->file != f->file || vma_pgoff(vma, f->addr) != pgoff)))
		return false;
	f->again = AGAIN_NO;
	f->vma = vma;
	return true;
}

enum quire_fault_result fault_wake_beyond_end(struct fault *f, uint64_t pgoff)
{
	return fault_wake_failed(f, pgoff) ? fault_sigbus(f, QUIRE_REASON_BEYOND_EOF)
					   : QUIRE_FAULT_OK;
}

enum quire_fault_result fault_beyond_end(struct fault *f, uint64_t pgoff)
{
	STEP("page %lu lies beyond the end of the file", pgoff);
	if (!f->vma->file->ops.file_size)
		return fault_sigbus(f, QUIRE_REASON_BEYOND_EOF);
	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	if (pgoff < file_ask_pages(f->file))
		return fault_wake(f);
	return fault_wake_beyond_end(f, pgoff);
}

/* ---- one attempt ----------------------------------------------------------- */

static enum quire_fault_reason refused_right(const struct vma *vma, enum quire_access access)
{
	uint64_t rights = vma->flags & VM_ACCESS;

	if (!rights)
		return QUIRE_REASON_PROT_NONE;
	if (access == QUIRE_WRITE && !(rights & VM_WRITE))
		return QUIRE_REASON_PROT_WRITE;
	if (access == QUIRE_EXEC && !(rights & VM_EXEC))
		return QUIRE_REASON_PROT_EXEC;
	return QUIRE_REASON_NONE;
}

static enum quire_fault_result fault_no_vma(struct fault *f)
{
	if (f->locked || !RULE(miss_under_mmap_lock))
		return fault_refuse(f, QUIRE_FAULT_SEGV, QSEGV_MAPERR, QUIRE_REASON_NO_VMA);
	f->again = AGAIN_CONFIRM;
	return QUIRE_FAULT_OK;
}

/* The page must be another, or the mm's own, or noted.  What is to be unshared is only guessed. */
static bool is_protected(const struct fault *f)
{
	if (f->access == QUIRE_WRITE)
		return !(f->entry & PTE_WRITE);
	return unlikely(f->unshare) && !(f->vma->flags & VM_MAYSHARE) &&
	       entry_is_forked(f->mm->machine, f->entry);
}

static enum quire_fault_result fault_dispatch(struct fault *f)
{
	const struct vma *vma = f->vma;

	f->seq = vma->file ? atomic_load(&vma->file->mapping.seq) : 0;
	f->entry = pt_find(f->mm, f->addr, &f->walk);
	STEP(f->entry ? "finds entry %#lx at %#lx" : "finds no entry (%#lx) at %#lx", f->entry,
	     f->addr);
	if (entry_none(f->entry))
		return vma->ops->fault(f);
	if (unlikely(!pte_present(f->entry)))
		return fault_absent(f);
	if (is_protected(f))
		return vma->ops->write_protected(f);
	return fault_touch(f);
}

static void tell_lookup(const struct fault *f)
{
	if (f->vma)
		STEP("finds VMA %#lx-%#lx for %#lx", f->vma->start, f->vma->end, f->addr);
	else
		STEP("finds no VMA for %#lx", f->addr);
}

static enum quire_fault_result fault_attempt(struct fault *f)
{
	enum quire_fault_reason reason;
	enum quire_fault_result result;

	f->vma = vma_find(f->mm, f->addr);
	tell_lookup(f);
	if (unlikely(!f->vma))
		return fault_no_vma(f);
	if (RULE(dead_at_lookup) && unlikely(vma_is_dead(f->vma))) {
		STEP("finds that VMA dead: looks again");
		return fault_lost(f, -QEAGAIN);
	}
	reason = refused_right(f->vma, f->access);
	if (unlikely(reason))
		return fault_refuse(f, QUIRE_FAULT_SEGV, QSEGV_ACCERR, reason);
	result = fault_dispatch(f);
	if (unlikely(result == QUIRE_FAULT_OOM) && vma_is_dead(f->vma)) /* invariant 3 */
		return fault_lost(f, -QEAGAIN);
	return result;
}

/* ---- attempts -------------------------------------------------------------- */

/* M only outside RCU: its holder may be waiting for a grace period. */
static void fault_enter(struct fault *f)
{
	if (f->locked)
		drop_huge(f); /* G is inside M */
	if (f->locked && RULE(lock_outside_rcu))
		mm_lock(f->mm);
	rcu_read_lock(&f->mm->machine->port);
	if (f->locked && !RULE(lock_outside_rcu))
		mm_lock(f->mm);
}

static void fault_leave(struct fault *f)
{
	rcu_read_unlock(&f->mm->machine->port);
	if (f->locked)
		mm_unlock(f->mm);
}

static void use_lock(struct fault *f)
{
	if (f->locked)
		return;
	f->locked = true;
	mm_count(f->mm, MM_FALLBACK, 1);
}

static void prepare_retry(struct fault *f)
{
	enum fault_again why = f->again;

	f->again = AGAIN_NO;
	switch (why) {
	case AGAIN_NO:
		break;
	case AGAIN_SLEPT:
		f->tries = 0;
		break;
	case AGAIN_CONFIRM:
		use_lock(f);
		break;
	case AGAIN_LOST_RACE:
		mm_count(f->mm, MM_RETRY, 1);
		if (++f->tries >= MAX_TRIES && RULE(wait_for_writer))
			use_lock(f);
		break;
	}
}

/* Nothing is mapped at the address: true if something is now. */
static bool grow_stack(struct fault *f)
{
	struct quire_fault *out = f->out;
	int grown;

	if (!f->grow || out->reason != QUIRE_REASON_NO_VMA)
		return false;
	grown = stack_grow(f->mm, f->addr, &out->reason);
	if (grown < 0)
		return false;
	out->stack_grown = out->stack_grown || grown;
	out->si_code = 0;
	return true;
}

static bool find_memory(struct fault *f)
{
	if (RULE(copy_given_back)) { /* reclaim.c, 3 */
		drop_copy(f);
		drop_huge(f);
	}
	return reclaim_for(f->mm, &f->reclaim, f->missing, true);
}

/* After an attempt, outside all locks: is there to be another? */
static bool fault_again(struct fault *f, enum quire_fault_result result)
{
	bool again;

	if (likely(result == QUIRE_FAULT_OK)) {
		again = f->again != AGAIN_NO;
		if (unlikely(again))
			prepare_retry(f);
		return again;
	}
	f->again = AGAIN_NO;
	again = result == QUIRE_FAULT_OOM ? find_memory(f)
					  : result == QUIRE_FAULT_SEGV && grow_stack(f);
	if (again)
		f->locked = false;
	return again;
}

static void fault_failed(struct fault *f, enum quire_fault_result result)
{
	if (result == QUIRE_FAULT_OOM) {
		f->out->reason = QUIRE_REASON_NO_MEMORY;
		mm_count(f->mm, MM_OOM, 1);
	} else {
		mm_count(f->mm, (enum mm_counter)(MM_REASON0 + f->out->reason), 1);
	}
}

static enum quire_fault_result fault_resolve(struct fault *f)
{
	struct fault_frames frames; /* neither is cleared: most faults need none */
	struct fault_huge huge;
	enum quire_fault_result result;

	frames.end = 0;
	f->frames = &frames;
	f->huge = &huge;
	reclaim_begin(f->mm->machine, &f->reclaim);
	do {
		fault_enter(f);
		result = fault_attempt(f);
		fault_leave(f);
	} while (fault_again(f, result));
	drop_file(f);
	f->out->result = result;
	if (unlikely(result != QUIRE_FAULT_OK))
		fault_failed(f, result);
	else if (unlikely(f->out->pte & PTE_LEAF))
		f->out->pte = entry_of_page(f->out->pte, f->addr & (slot_span(f->walk.level) - 1));
	return result;
}

enum quire_fault_result quire_fault_sized(struct quire_mm *mm, uint64_t addr,
					  enum quire_access access, struct quire_fault *out,
					  size_t size)
{
	struct fault f = {.mm = mm, .addr = addr & PAGE_MASK, .access = access, .grow = true};
	bool as_ours = out && size == sizeof(*out);
	enum quire_fault_result result;
	struct quire_fault told;

	f.end = f.addr + PAGE_SIZE;
	f.out = as_ours ? out : &told;
	*f.out = (struct quire_fault){.addr = addr};
	result = fault_resolve(&f);
	if (out && !as_ours)
		fill_sized(out, size, &told, sizeof(told));
	return result;
}

enum quire_fault_result mm_fault_in_run(struct quire_mm *mm, uint64_t *at, uint64_t end,
					enum quire_access access, enum quire_fault_reason *why)
{
	struct quire_fault out = {.addr = *at};
	struct fault f = {.mm = mm, .addr = *at, .end = end, .access = access, .out = &out};
	enum quire_fault_result result = fault_resolve(&f);

	if (result == QUIRE_FAULT_OK)
		*at = unlikely(f.walk.level)
			  ? fault_leaf_start(&f, f.walk.level) + slot_span(f.walk.level)
			  : *at + f.done * PAGE_SIZE;
	*why = out.reason;
	return result;
}

enum quire_fault_result mm_fault_in_to_pin(struct quire_mm *mm, uint64_t addr,
					   enum quire_access access)
{
	struct quire_fault unwanted = {.addr = addr};
	struct fault f = {.mm = mm, .addr = addr & PAGE_MASK, .access = access, .out = &unwanted};

	f.end = f.addr + PAGE_SIZE;
	f.unshare = access != QUIRE_WRITE;
	return fault_resolve(&f);
}

enum quire_fault_result mm_fault_in(struct quire_mm *mm, uint64_t addr, enum quire_access access)
{
	enum quire_fault_reason why;

	addr &= PAGE_MASK;
	return mm_fault_in_run(mm, &addr, addr + PAGE_SIZE, access, &why);
}
