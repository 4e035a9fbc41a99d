/* SPDX-License-Identifier: MIT */
/*
 * fault.h: one fault on its way through the core.
 *
 *   fault.c    the way: lookup, rights, dispatch, retry, fallback, stack growth, OOM
 *   touch.c    the entry is there already
 *   absent.c   there is one that is not PRESENT
 *   install.c  the only places where a fault makes an entry
 *   leaf.c     the same for an entry that maps a large folio as a whole
 *   refuse.c   a refusal, and its reason
 *   src/core/kind   what each kind of VMA does (struct vma_ops)
 *
 * An op runs inside an RCU read-side section, without the mmap lock unless f->locked.  It ends in
 * one of four ways: OK with the entry installed; SEGV or BUS through fault_refuse(); OOM through
 * fault_lost(), which notes what was missing; or
 * f->again set, with any result, to start over from the lookup.
 */
#ifndef CORE_FAULT_FAULT_H
#define CORE_FAULT_FAULT_H

#include "core/base/file_types.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/huge/reserve.h"
#include "core/table/pagetable.h"

/* Bits that a write leaves in an entry beside WRITE. */
#define PTE_WRITTEN (PTE_DIRTY | PTE_SOFT_DIRTY)

/* A private copy of a page of fault->file, made outside RCU for the attempts that follow. */
struct fault_copy {
	struct folio *folio; /* NULL: none */
	uint64_t pgoff, seq; /* of which page, at which mapping->seq */
};

/* What an external file has returned for its pages [first, end), for the attempts that follow. */
#define FAULT_FRAMES 16u
struct fault_frames {
	uint64_t seq;        /* at which mapping->seq */
	uint64_t first, end; /* pages of fault->file; end == 0: none */
	uint64_t frames[FAULT_FRAMES];
};

enum fault_again {
	AGAIN_NO,
	AGAIN_LOST_RACE,
	AGAIN_SLEPT,   /* the op has left RCU and M: no race was lost */
	AGAIN_CONFIRM, /* under M: nothing is mapped there, or a fork goes on */
};

/* A huge page that the fault has claimed (kind/hugetlb_fault.c), for the next attempt. */
struct fault_huge {
	struct folio *folio; /* with the reference; NULL: none */
	bool zeroed;
	enum huge_refusal refusal; /* why there is none */
	bool waited;               /* for pages on their way back */
	uint64_t gone;             /* hugetlb_fault.c, 4 */
	unsigned taken;            /* so often the page was taken from others .. */
	unsigned awaited;          /* .. and so often a reference on it was waited for */
	struct mutex *lock;        /* G, held */
	/* What it is for. */
	const struct huge_private *private;
	const struct huge_file *file;
	uint64_t index;
	bool copy;
};

struct fault {
	struct quire_mm *mm;
	struct vma *vma; /* kept by RCU; may die at any moment.  NULL: none found, or asleep */
	uint64_t addr;   /* page-aligned */
	uint64_t end;    /* all of [addr, end) is wanted: an op may do more than one page at once */
	unsigned done;   /* how many it has done */
	enum quire_access access;
	pte_t entry;             /* as read before ops were called */
	struct pt_walk walk;     /* where it was read */
	uint64_t seq;            /* the file's mapping->seq, read before its pages are looked at */
	bool locked;             /* M is held (fallback): VMAs stand still */
	enum fault_again again;  /* why the attempt is to be made again, from the lookup */
	unsigned tries;          /* lost races since the last sleep */
	bool grow;               /* an access of the program's own: may grow a stack */
	bool unshare;            /* read for a pin: a page that a fork has shared is made our own */
	bool major;              /* content was read in for this fault */
	struct reclaim reclaim;  /* before OOM is reported */
	int missing;             /* what OOM is for: -ENOPAGE, -ENOTABLE, -ENOMEM */
	struct quire_file *file; /* of the VMA before the last sleep, with a reference; or NULL */
	struct fault_copy copy;  /* only with file */
	struct fault_frames *frames; /* only with file */
	struct fault_huge *huge;     /* only with file, and only if has_huge */
	bool has_huge;
	struct quire_fault *out;
};

/* ---- fault.c, for ops */

/* OK, done as `kind`; counted. */
enum quire_fault_result fault_done(struct fault *f, enum quire_fault_kind kind);
/* The same of n pages from f->addr on, one at least. */
enum quire_fault_result fault_done_run(struct fault *f, enum quire_fault_kind kind, unsigned n);
/* After it, of n more that were there by then. */
enum quire_fault_result fault_found_run(struct fault *f, unsigned n);
/* Turns what fault_lock() and fault_install() return, or want of memory, into an op's result. */
enum quire_fault_result fault_lost(struct fault *f, int err);
/*
 * Around whatever may sleep: leaves RCU (and M in the fallback).  f->vma is gone afterwards; its
 * file is f->file, kept until the next sleep or the end of the fault.  False: that had ended, the
 * VMA being dead; still in RCU, and the op returns OK to start over.  After a sleep it returns
 * fault_wake(f), which starts over.  If the sleep ended in an error it asks fault_wake_failed()
 * instead: true, with f->vma set, if page pgoff of f->file is mapped at the address still, and the
 * op may refuse; false if it shall return OK to start over.
 */
bool fault_sleep(struct fault *f);
enum quire_fault_result fault_wake(struct fault *f);
bool fault_wake_failed(struct fault *f, uint64_t pgoff);
/* The same of a page that lies beyond the end, as the embedder has said: the op's result. */
enum quire_fault_result fault_wake_beyond_end(struct fault *f, uint64_t pgoff);
/* Page pgoff lies beyond the end as the core knows it: asks whether it still does. */
enum quire_fault_result fault_beyond_end(struct fault *f, uint64_t pgoff);

/* One page is wanted, as by an access. */
static inline bool fault_is_single(const struct fault *f)
{
	return f->end - f->addr <= PAGE_SIZE;
}

/* A run: the wanted pages from f->addr on, at most max, as far as VMA and last-level table go. */
static inline unsigned fault_run(const struct fault *f, unsigned max)
{
	uint64_t end, n;

	if (likely(fault_is_single(f)))
		return 1;
	end = min_u64(f->end, f->vma->end);
	n = (pt_table_end(f->addr, end) - f->addr) >> PAGE_SHIFT;
	return n < max ? (unsigned)n : max;
}

/*
 * Pages of the file that the VMA maps in a window of so many bytes around addr: [*first, *end),
 * which may lie beyond the file's end.  As on the host, the window begins at an aligned address or,
 * if that is later, where the VMA does, and ends, so long as from there, with the table or the VMA.
 */
static inline void fault_window(const struct vma *vma, uint64_t addr, uint64_t bytes,
				uint64_t *first, uint64_t *end)
{
	uint64_t aligned = addr & ~(bytes - 1);
	uint64_t start = aligned > vma->start ? aligned : vma->start;
	uint64_t last = pt_table_end(addr, start + bytes);

	*first = vma_pgoff(vma, start);
	*end = vma_pgoff(vma, last < vma->end ? last : vma->end);
}

/* ---- absent.c */

/* f->entry is not PRESENT: what becomes of the access. */
enum quire_fault_result fault_absent(struct fault *f);
/* Sleeps until the folio is unlocked, without a reference, and starts over.  R. */
enum quire_fault_result fault_await_folio(struct fault *f, struct folio *folio);

/* ---- refuse.c */

/*
 * Refuses the access: BUS or SEGV with its si_code, and tells which VMA it was.  If f->vma is dead
 * by now, what was found says nothing of what is mapped there: starts over.  R.
 */
enum quire_fault_result fault_refuse(struct fault *f, enum quire_fault_result result, int si_code,
				     enum quire_fault_reason reason);
/* SIGBUS as Linux gives it: BUS_ADRERR at the page. */
enum quire_fault_result fault_sigbus(struct fault *f, enum quire_fault_reason reason);

/* ---- install.c */

/*
 * Locks the last-level table of f->addr, making tables, or that of f->entry, where this is one of
 * a higher level.  Proves that what was decided without the lock still holds: the VMA is alive, the
 * entry is f->entry, the file lost no page since f->seq. 0: PTL held; -EAGAIN: lost a race;
 * -ENOTABLE.
 */
int fault_lock(struct fault *f, struct pt_ref *ref);
/* The same in the table of that level.  makes_private: what is to be installed is a private page,
 * whatever the access is (install.c, 3). */
int fault_lock_at(struct fault *f, unsigned level, bool makes_private, struct pt_ref *ref);
/* Entry bits of a private page that is being written. */
uint64_t fault_private_bits(const struct fault *f);
/*
 * Installs private pages that nobody else knows yet, from f->addr on, writable, as fault_lock()
 * allows: *n of them, and *n is then how many found no entry in their place.  0: done; -EAGAIN:
 * lost a race (retry); -ENOTABLE.  The caller's references on those are the entries'.
 */
int fault_install(struct fault *f, struct folio *const *fresh, unsigned *n);
/* One of them, whose reference is taken over in any case: the op's result. */
enum quire_fault_result fault_install_one(struct fault *f, struct folio *fresh,
					  enum quire_fault_kind kind);

/*
 * ---- leaf.c: for kinds with large pages, which they map as a whole: entries of tables of
 * `level` (leaf_level()).  Such a kind has vma_ops.page_shift, and makes no smaller entries.
 *
 * The folio has as many pages as the entry maps, and a reference and a mapping for each of them.
 * f->addr is any address of the large page.  Once a leaf is installed f->walk.level is its level.
 * A fault that finds a leaf there comes to ops->write_protected like any other; f->entry is the
 * leaf, and fault_lock() locks its table.  A copy takes its place by cow_replace().
 */

/* Where the large page that has f->addr begins. */
static inline uint64_t fault_leaf_start(const struct fault *f, unsigned level)
{
	return f->addr & ~(slot_span(level) - 1);
}
/*
 * As fault_lock(), in the table of that level, making those above it.  Where tables of smaller
 * pages are left over from an earlier mapping, they are taken out: asleep, without RCU and M.  So
 * -EAGAIN may leave f->vma gone, as fault_sleep() does; the op returns fault_lost().
 */
int fault_lock_leaf(struct fault *f, unsigned level, bool makes_private, struct pt_ref *ref);
/* The huge page that the fault has claimed goes back, and G is free.  Not in R. */
void fault_drop_huge(struct fault *f);
/*
 * A private folio that nobody else knows yet (anon_place_large()), with the bits of an entry but
 * LEAF: fault_private_bits(), or read-only.  0: the caller's reference is the entry's.  -EAGAIN,
 * -ENOTABLE: it is the caller's still.
 */
int fault_install_leaf(struct fault *f, unsigned level, struct folio *fresh, uint64_t bits);
/*
 * A folio of the file's cache, found in this read-side section, and up to date.  0; -EAGAIN: also
 * where it is frozen, that is, moved to other frames; -ENOTABLE; -ENOMEM: it is mapped as often as
 * can be counted (folio_map_whole()).
 */
int fault_map_leaf(struct fault *f, unsigned level, struct folio *cached, uint64_t bits);

/* ---- touch.c */

/* f->entry is present and the access needs no new page: marks it as used. */
enum quire_fault_result fault_touch(struct fault *f);
/* The first write to a shared page that f->entry maps read-only: the entry is writable from here
 * on, and `dirty` (NULL: no folio is told) is. */
enum quire_fault_result fault_note_write(struct fault *f, struct folio *dirty);
/* Of `run` entries, the first of which allows the access: how many do.  PTL held or R. */
unsigned fault_allowed_run(const struct fault *f, pte_t *entry, unsigned run);

#endif
