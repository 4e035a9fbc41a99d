/* SPDX-License-Identifier: MIT */
/*
 * fault.h: one fault on its way through the core.
 *
 *   fault.c    the way: lookup, rights, dispatch, retry, fallback, stack growth, OOM
 *   install.c  the only places where a fault writes an entry
 *   anon.c cow.c filemap.c extfile.c   what each kind of VMA does (struct vma_ops)
 *
 * An op runs inside an RCU read-side section, without the mmap lock unless f->locked.  It ends in
 * one of four ways: OK with the entry installed; SEGV or BUS through fault_refuse(); OOM through
 * fault_lost(), which notes what was missing; or
 * f->retry set, with any result, to start over from the lookup.
 */
#ifndef CORE_FAULT_H
#define CORE_FAULT_H

#include "core/file.h"
#include "core/pagetable.h"

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

struct fault {
	struct quire_mm *mm;
	struct vma *vma; /* kept by RCU; may die at any moment.  NULL: none found, or asleep */
	uint64_t addr;   /* page-aligned */
	enum quire_access access;
	pte_t entry;             /* as read before ops were called */
	uint64_t seq;            /* the file's mapping->seq, read before its pages are looked at */
	bool locked;             /* M is held (fallback): VMAs stand still */
	bool retry;              /* set by ops: start over from the lookup */
	bool slept;              /* the op left RCU and M: the retry is no lost race */
	bool confirm;            /* the lookup found nothing: look again under M */
	unsigned tries;          /* lost races since the last sleep */
	bool grow;               /* an access of the program's own: may grow a stack */
	bool major;              /* content was read in for this fault */
	struct reclaim reclaim;  /* before OOM is reported */
	int missing;             /* what OOM is for: -ENOPAGE, -ENOTABLE, -ENOMEM */
	struct quire_file *file; /* of the VMA before the last sleep, with a reference; or NULL */
	struct fault_copy copy;  /* only with file */
	struct fault_frames *frames; /* only with file */
	struct quire_fault *out;
};

/* ---- fault.c, for ops */

/*
 * Refuses the access: BUS or SEGV with its si_code, and tells which VMA it was.  If f->vma is dead
 * by now, what was found says nothing of what is mapped there: starts over.  R.
 */
enum quire_fault_result fault_refuse(struct fault *f, enum quire_fault_result result, int si_code,
				     enum quire_fault_reason reason);
/* SIGBUS as Linux gives it: BUS_ADRERR at the page. */
enum quire_fault_result fault_sigbus(struct fault *f, enum quire_fault_reason reason);
/* OK, done as `kind`; counted. */
enum quire_fault_result fault_done(struct fault *f, enum quire_fault_kind kind);
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
/* Page pgoff lies beyond the end as the core knows it: asks whether it still does. */
enum quire_fault_result fault_beyond_end(struct fault *f, uint64_t pgoff);

/*
 * Pages of the file that the VMA maps in a window of so many bytes around f->addr: [*first, *end),
 * which may lie beyond the file's end.  As on the host, the window begins at an aligned address or,
 * if that is later, where the VMA does, and ends, so long as from there, with the table or the VMA.
 */
static inline void fault_window(const struct fault *f, uint64_t bytes, uint64_t *first,
				uint64_t *end)
{
	const struct vma *vma = f->vma;
	uint64_t aligned = f->addr & ~(bytes - 1);
	uint64_t start = aligned > vma->start ? aligned : vma->start, last = start + bytes;
	uint64_t table = (f->addr | (PT_SPAN - 1)) + 1;

	if (last > table)
		last = table;
	*first = vma_pgoff(vma, start);
	*end = vma_pgoff(vma, last < vma->end ? last : vma->end);
}

/* ---- install.c */

/*
 * Locks the last-level table of f->addr, making tables, and proves that what was decided without
 * the lock still holds: the VMA is alive, the entry is f->entry, the file lost no page since
 * f->seq. 0: PTL held; -EAGAIN: lost a race; -ENOTABLE.
 */
int fault_lock(struct fault *f, struct pt_ref *ref);
/*
 * Installs `val` at f->addr, as fault_lock() allows.  0: done; -EAGAIN: lost a race (retry);
 * -ENOTABLE.  On success the caller's reference on `folio` (NULL for an external frame or the zero
 * page) is the entry's.
 */
int fault_install(struct fault *f, struct folio *folio, pte_t val);

/* ---- cow.c */

/* vma_ops.write_protected of private VMAs whose pages are RAM. */
enum quire_fault_result cow_write_protected(struct fault *f);
/*
 * Replaces the present f->entry by `fresh`, a private folio with the content in it; takes over
 * its reference, also on failure.  `old`: the RAM folio that f->entry maps, with a reference of
 * the caller's, which the caller keeps; NULL: the zero page or an external frame.
 */
enum quire_fault_result cow_replace(struct fault *f, struct folio *old, struct folio *fresh,
				    enum quire_fault_kind kind);

/* ---- anon.c */

/* A new folio for f->addr that is nobody else's yet.  NULL: no memory. */
struct folio *anon_folio(struct fault *f, unsigned alloc_flags);
/* Entry bits of a private page that is being written. */
pte_t anon_pte(struct fault *f, struct folio *folio);

#endif
