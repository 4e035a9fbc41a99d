/* SPDX-License-Identifier: MIT */
/*
 * reserve.h: who was promised which huge pages, and what became of the promise.
 *
 * Three kinds of account, all under J.  At any moment R of a pool is at least the sum of what they
 * say they hold; at rest it is that sum (huge_reserved()).
 *
 *   struct huge_private   of a private mapping: `held` of its pages are promised, to its owner
 *   struct huge_file      of a file: the pages in `map` are promised, to all its shared mappings
 *   struct quire_huge_subpool   of a mount: `kept` (subpool.h)
 *
 * A page number ("index") is that in the file, in huge pages.  Within one huge_private each belongs
 * to one page: all VMAs that share it are parts of one mmap.
 *
 * What a page of a private mapping with a reservation goes through:
 *
 *     promised ---claim---> in flight ---commit---> used ---dropped, free---> promised
 *        |  ^                |      |                 |
 *        |  +----abort-------+      | cut, then abort | cut: the page itself goes with its last
 *        v cut                      v                 v      reference
 *     not its own any more: R-1 (or the subpool keeps it)
 *
 * and one of a file:
 *
 *     nothing --reserve--> promised --claim--> in flight --commit--> in the page cache (in no set)
 *        ^ ^                 |  ^                  |                      |
 *        | |    truncate     |  +------abort-------+                      |
 *        | +-----------------+                                            |
 *        +---------------------- punched or truncated away ---------------+
 *
 * That a page is in the file's cache is told by the cache alone.  So a page that leaves it needs no
 * word here, and none that could fail; what its frame is charged to ends with its last reference.
 * A punch leaves the promises of pages that are not there, as the host does.
 *
 * Whatever takes several steps takes them in this order, and takes them back in the other:
 * subpool, group, pool.  No step but those that say so can fail.
 *
 * The group that is charged is given by the word that names it, &mm->huge_group, which is read
 * under J: a process may enter another group at any moment.  NULL: there is none.
 */
#ifndef CORE_HUGE_RESERVE_H
#define CORE_HUGE_RESERVE_H

#include "core/base/file_types.h"
#include "core/huge/cgroup.h"
#include "core/huge/regions.h"
#include "core/huge/subpool.h"

/* Why there is no page, or no reservation. */
enum huge_refusal {
	HUGE_GRANTED,
	HUGE_AGAIN,      /* nothing is refused: it is to be looked at again */
	HUGE_NO_MEMORY,  /* none for our own records (or an allocation point that was to fail) */
	HUGE_POOL_DRY,   /* what is free is promised to others */
	HUGE_NO_NODE,    /* there are some, on none of the nodes asked for */
	HUGE_NO_RAM,     /* surplus pages are allowed, but no RAM is left to make one of */
	HUGE_OVER_SIZE,  /* the mount's size= */
	HUGE_OVER_LIMIT, /* the group's limit on pages */
	HUGE_OVER_RSVD,  /* the group's limit on reservations */
};

/* ---- private mappings: reserve_private.c ---- */

struct huge_private {
	struct quire_machine *machine;      /* C */
	struct hstate *h;                   /* C */
	struct quire_huge_subpool *subpool; /* C: the file's; may be NULL */
	uint64_t refs;                      /* J: the VMAs that have it */
	/*
	 * J, set once: it was promised its pages.  So a copy that it wants to write to is its own
	 * by right, if need be at the cost of those that came by it through a fork.  Not so those,
	 * nor a mapping with MAP_NORESERVE.
	 */
	bool owner;
	uint64_t held;                  /* J: pages that are promised, and not used yet */
	uint64_t rsvd;                  /* J: pages charged to `group` as reserved, used or not */
	struct quire_huge_group *group; /* J: of the first reservation */
	struct regions used;            /* J: of an owner: pages whose promise was used */
	struct regions lost;  /* J: pages that are refused from now on: an owner took them */
	uint64_t nr_lost;     /* J; A for readers: how often something was lost */
	uint64_t nr_cuts;     /* J; A for readers: how often something was cut */
	uint64_t nr_drops;    /* J; A for readers: how often a page was dropped */
	struct dlist dropped; /* J: claims of pages that are promised again when they are free */
	struct quire_mm *mm;  /* C: whose mapping it is; only compared */
	bool forked;          /* C: a fork made it: it is promised nothing */
	struct dlist node;    /* J: of machine->huge.books */
	struct quire_rcu_head rcu;
};

/* vma->private of a new private mapping, or of a fork's copy: one reference, nothing promised.
 * NULL: no memory. */
struct huge_private *huge_private_new(struct quire_machine *m, struct hstate *h,
				      struct quire_huge_subpool *subpool);
void huge_private_get(struct huge_private *p);
/* By a thread that has found it in a VMA under R.  False: it has ended. */
bool huge_private_tryget(struct huge_private *p);
static inline uint64_t huge_private_cuts(const struct huge_private *p)
{
	return atomic_load(&p->nr_cuts);
}
/* The last reference: what it holds yet goes back.  It is gone a grace period later: a fault that
 * has found a VMA of it may look at it. */
void huge_private_put(struct huge_private *p);

/*
 * The pages [first, last) are promised, on nodes (a mask; ~0: any), and p is an owner from now on:
 * mmap without MAP_NORESERVE; again, by a mapping that grows.  Nobody has claimed them yet.
 * HUGE_GRANTED, or why not, and nothing has changed.
 * Charges subpool, group (rsvd), pool.  May sleep: hugetlb_reserve().  M held.
 */
enum huge_refusal huge_private_reserve(struct huge_private *p,
				       struct quire_huge_group *const *group, uint64_t first,
				       uint64_t last, uint64_t nodes);
/*
 * The pages [first, last) have no VMA of p any more, for good: unmapped, replaced, exited.  Those
 * that were promised and not used are given back, and all are taken off the group.  Those in
 * flight will not be given back to p.  M held; the VMA that had them is dead.  Cannot fail.
 */
void huge_private_cut(struct huge_private *p, uint64_t first, uint64_t last);
/*
 * The entry of the private page f there is gone, and the mapping stays (MADV_DONTNEED, a hole,
 * truncation).  As on the host: when the page is free it is promised to the owner again, if there
 * is no surplus page now; but not if the owner has had another page there by then.  Others may have
 * it yet, forks and pins: until then the owner's touch asks without a promise.  Cannot fail.  U.
 */
void huge_private_dropped(struct huge_private *p, uint64_t index, struct folio *f);
/* So many pages were dropped so far, which may not be free yet. */
static inline uint64_t huge_private_drops(const struct huge_private *p)
{
	return atomic_load(&p->nr_drops);
}

/* The pages of [first, last) are lost (before: none of them may have an entry).  False: no memory.
 * s may have 2 nodes, from region_spare_fill(): then it cannot fail. */
bool huge_private_lose(struct huge_private *p, uint64_t first, uint64_t last,
		       struct region_spare *s);
/* That page is lost: the fault is SIGBUS.  R or M. */
bool huge_private_is_lost(struct huge_private *p, uint64_t index);
/*
 * What is lost of [first, last) is so for the copy, too.  By fork, when it HAS copied the entries
 * of that range, with the copy's VMA in the file's tree: a steal before that is found in `from`,
 * a steal after it finds the copy's entries.  False: no memory; the fork fails.
 */
bool huge_private_inherit(struct huge_private *to, struct huge_private *from, uint64_t first,
			  uint64_t last);

/* ---- files: reserve_file.c ---- */

struct huge_file {
	struct quire_machine *machine;      /* C */
	struct hstate *h;                   /* C */
	struct quire_huge_subpool *subpool; /* C: it has a reference; may be NULL */
	struct mapping *mapping;            /* C: its cache; NULL: it never has a page */
	/* J: pages that are promised or in flight.  The owner is the group that is charged. */
	struct regions map;
	uint64_t flying;   /* J: of them, those in flight */
	struct dlist node; /* J: of machine->huge.books */
	struct quire_rcu_head rcu;
};

/* NULL: no memory. */
struct huge_file *huge_file_new(struct quire_machine *m, struct hstate *h,
				struct quire_huge_subpool *subpool, struct mapping *mapping);
/* Nobody maps it, and nobody will: all promises go back.  It is gone a grace period later: a fault
 * that has found a VMA of the file may look at it. */
void huge_file_end(struct huge_file *f);

/*
 * Those pages of [first, last) that are neither in the cache nor promised yet are promised (a
 * shared mmap, shmget): to the file, until it is truncated or ends.  HUGE_GRANTED, or why not, and
 * nothing has changed.  Charges subpool, group (rsvd), pool, all for these pages alone.
 * May sleep: hugetlb_reserve().  M may be held.
 */
enum huge_refusal huge_file_reserve(struct huge_file *f, struct quire_huge_group *const *group,
				    uint64_t first, uint64_t last, uint64_t nodes);
/* The file ends at `first` now: promises from there on go back; pages in flight will not be
 * promised again.  Cannot fail.  The size is set before. */
void huge_file_truncate(struct huge_file *f, uint64_t first);

/* ---- pages: claim.c ---- */

/*
 * A page that is wanted.  It is asked for, filled, put in its place, and then the claim is
 * committed; or it is aborted.  While a claim is in flight another for the same page is HUGE_AGAIN.
 */
struct huge_request {
	struct hstate *h;
	struct quire_huge_subpool *subpool; /* of the file; may be NULL */
	/* One of them: a private page, or one of the file's cache. */
	struct huge_private *private;
	struct huge_file *file;
	uint64_t index;
	/*
	 * Of a private page: huge_private_cuts(), read before its VMA was seen alive.  It is asked
	 * again under J: so a claim comes before the cut of its range, which finds it, or finds
	 * that it comes too late.
	 */
	uint64_t cuts;
	/* A copy of a page that is private already: no promise is used for it. */
	bool copy;
	struct quire_huge_group *const
	    *group;     /* J: where the one is named who is charged, as below */
	uint64_t nodes; /* a mask; ~0: any */
	uint64_t first; /* of them these before others; 0: all alike */
	unsigned from;  /* the nearest node first */
};

/*
 * HUGE_GRANTED: a page with one reference, charged: to the promise that there is for it, else to
 * subpool and group (rsvd), and the pool is asked without one; in any case to the group (pages).
 * *zeroed: it reads as zeros.  Or why not, and all is as before.
 * Not in R, with no lock from F on inwards.  Out of one address space's fault only.
 */
enum huge_refusal huge_claim_begin(struct quire_machine *m, const struct huge_request *rq,
				   struct folio **out, bool *zeroed);
/*
 * The page is in its place, mapped by its entry or in the file's cache, which has a reference of
 * its own: this puts the caller's, which has kept the page from being free until now.  (Of a file:
 * if a shared mmap has reserved it meanwhile, which did not find it yet, that promise goes back.)
 * Cannot fail.  Not in J.
 */
void huge_claim_commit(struct quire_machine *m, struct folio *f);
/*
 * It is not, and will not be: puts the caller's reference.  When the last one goes the promise is
 * there again, unless the range was cut or the file truncated: then it goes back, as all else that
 * the page is charged with.  Cannot fail.
 */
void huge_claim_abort(struct quire_machine *m, struct folio *f);

/* The group that the page is charged to.  Of whoever has a reference. */
struct quire_huge_group *huge_folio_group(struct folio *f);
/*
 * A page takes another's place (migration); a claim is not in flight.  First, while nobody can find
 * it there, it is charged with what the other is.  When no entry stands for the other any more, the
 * other is charged with nothing (`like` is NULL).
 */
void huge_folio_charge_like(struct quire_machine *m, struct folio *f, struct folio *like);

/* ---- of the machine: books.c ---- */

void huge_books_init(struct quire_machine *m);
/* The sum of what the accounts hold of a pool: R, at rest. */
uint64_t huge_reserved(struct quire_machine *m, const struct hstate *h);
/* Verify, at rest: what accounts say of themselves is true.  Returns the violations. */
unsigned huge_books_verify(struct quire_machine *m, void (*report)(void *arg, const char *line),
			   void *arg);

#endif
