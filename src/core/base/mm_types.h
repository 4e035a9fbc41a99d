/* SPDX-License-Identifier: MIT */
/*
 * mm_types.h: an address space, its VMAs, and what a kind of mapping does.
 *
 * A published VMA is immutable but for `dead`.  Writers hold mmap_lock (M), build replacements,
 * mark the old ones dead, publish the new tree in one store, change page tables under their locks,
 * flush, and free the old VMAs after a grace period.
 */
#ifndef CORE_BASE_MM_TYPES_H
#define CORE_BASE_MM_TYPES_H

#include "core/base/anon_types.h"
#include "core/base/machine.h"
#include "ds/itree.h"
#include "ds/rtree.h"

/* vm_flags */
#define VM_READ (1ull << 0)
#define VM_WRITE (1ull << 1)
#define VM_EXEC (1ull << 2)
#define VM_SHARED (1ull << 3) /* MAP_SHARED of a file that may be written to through it */
#define VM_MAYREAD (1ull << 4)
#define VM_MAYWRITE (1ull << 5)
#define VM_MAYEXEC (1ull << 6)
#define VM_MAYSHARE (1ull << 7) /* MAP_SHARED */
#define VM_GROWSDOWN (1ull << 8)
#define VM_LOCKED (1ull << 9)
#define VM_LOCKONFAULT (1ull << 10)
#define VM_SEQ_READ (1ull << 11)
#define VM_RAND_READ (1ull << 12)
#define VM_DONTCOPY (1ull << 13)
#define VM_WIPEONFORK (1ull << 14)
#define VM_DONTEXPAND (1ull << 15) /* merges with nothing; growth: vma_ops.may_move */
#define VM_ACCOUNT (1ull << 16)    /* charged to committed memory */
#define VM_NORESERVE (1ull << 17)
#define VM_DONTDUMP (1ull << 18)
#define VM_SYNC (1ull << 19)    /* MAP_SYNC, where it is ignored: shown in smaps, nothing else */
#define VM_HUGETLB (1ull << 20) /* of huge pages: shown, nothing else */
#define VM_HUGEPAGE (1ull << 21)
#define VM_NOHUGEPAGE (1ull << 22)
#define VM_MERGEABLE (1ull << 23)
#define VM_SOFTDIRTY (1ull << 24)
#define VM_DROPPABLE (1ull << 25) /* MAP_DROPPABLE: never locked; we happen never to drop it */
#define VM_ACCESS (VM_READ | VM_WRITE | VM_EXEC)

struct vma;
struct fault;
struct mapping;
struct vma_spec;
struct moved_range;
struct quire_huge_group;

/*
 * What a kind of mapping does differently.  Generic code has no test of the kind: it calls what is
 * here, and takes what is NULL or 0 for the answer that the comment gives.  M is held, and nothing
 * that sleeps on M, I or F is called, unless the comment says otherwise.
 *
 * may_X is asked before anything is done that could not be undone: 0, or the -errno of the call.
 */
struct vma_ops {
	const char *name;
	/*
	 * No entry at fault->addr: find or make the page and install it under the PTL
	 * (fault_install).  RCU read side held on entry and on return, M only if fault->locked.
	 */
	enum quire_fault_result (*fault)(struct fault *f);
	/*
	 * Write to a present entry without the write bit, in a writable VMA
	 * (copy, reuse, or note the write).  Locks as for fault.
	 */
	enum quire_fault_result (*write_protected)(struct fault *f);
	/* 1 << an enum entry_kind each: what entries it makes, beside those of private copies
	 * (ENTRY_ANON).  verify looks. */
	unsigned entries;
	/* Its pages are of 1 << page_shift bytes: it begins, ends, is split and moved at multiples
	 * of that.  It is never locked: such pages stay anyway.  0: PAGE_SHIFT. */
	unsigned page_shift;
	/* The first write to a shared page need not be noted: its entry may have the write bit. */
	bool writable_at_once;
	/* Nothing lies behind its pages: one that is not there reads as zeros, and pgoff only says
	 * where it was first mapped. */
	bool unbacked;
	/* A dirty entry of this page goes: the page is to know that it was written.  PTL held, and
	 * M or I.  NULL: nothing is done. */
	void (*dirty)(struct vma *vma, struct folio *folio);
	/* The entry of a large private page at addr is gone, and the mapping stays.  U held, and M
	 * or I.  NULL: nothing is done. */
	void (*dropped)(struct vma *vma, uint64_t addr, struct folio *folio);

	/*
	 * A VMA begins: nobody else knows it.  vma->private is that of the VMA which it continues
	 * (by a split, a merge, mremap, fork) or takes over from; of a new mapping it is NULL.  May
	 * set it.  False: no memory.  NULL: private stays what it is.
	 */
	bool (*open)(struct vma *vma);
	/*
	 * A VMA that was opened ends: its entries are gone and flushed, or another VMA's, or it was
	 * never published.  Readers under RCU may still find it: what they look at of private stays
	 * for a grace period.
	 */
	void (*close)(struct vma *vma);
	/*
	 * mmap is about to publish it, and all that it is charged is charged: what its file is to
	 * have for that.  0, or -errno and nothing is mapped.  May sleep.  NULL: nothing.
	 */
	int (*mapped)(struct vma *vma);
	/*
	 * The account that vma->private stands for is to have so many 4 KiB pages more (pages > 0:
	 * 0, or -errno and nothing is charged), or has them no longer (pages < 0: 0).  More is
	 * charged before an edit is committed, and less is given back when entries are gone.  Where
	 * VMAs of one private take the place of others, it is one call for all, with any of them,
	 * and none if they take as much as they give.  Forks share private: other mms may be
	 * calling, too.  NULL: by VM_ACCOUNT to committed memory, which a mapping with `charge`
	 * never has.
	 */
	int (*charge)(struct vma *vma, int64_t pages);
	/*
	 * [start, end) of the VMA, a dead one, is gone for good: an edit or exit has removed it,
	 * and no VMA of the same private goes on with that part of the file, here or at another
	 * address (mremap).  Its entries are gone and flushed; close comes later.  Cannot fail.  A
	 * kind that has this is told by it of what there is less; its `charge` is called for less
	 * only to take back what an edit that fails has charged.  NULL: nothing is done.
	 */
	void (*cut)(struct vma *vma, uint64_t start, uint64_t end);
	/* It becomes two at addr, which lies within it.  NULL: if page_shift allows it, else
	 * -EINVAL. */
	int (*may_split)(const struct vma *vma, uint64_t addr);
	/* The two, which are the same in all that generic code knows, become one.  Asked where they
	 * have a private, the same.  NULL: yes. */
	bool (*may_merge)(const struct vma_spec *left, const struct vma_spec *right);
	/* mremap moves it or makes it longer, or both: old_len bytes get new_len.  NULL: yes. */
	int (*may_move)(const struct vma *vma, uint64_t old_len, uint64_t new_len);
	/* That MADV_*.  NULL: yes.  MADV_POPULATE_*: may_populate. */
	int (*may_advise)(const struct vma *vma, int advice);
	/* Pages are faulted in ahead of use; where it was no wish but a command (mlock,
	 * MAP_POPULATE) a refusal is passed over.  M or R.  NULL: yes. */
	int (*may_populate)(const struct vma *vma);
	/*
	 * fork: the large page that the parent has at addr is pinned (copy.c, 2).  *copy: a folio
	 * as large with its content, which nobody else knows, is the page of the child, whose VMA
	 * dst is; NULL: the child has none there, which the kind has noted.  0, or -errno: fork
	 * fails. Both M; `from` has a reference; may allocate.  NULL: -ENOMEM.
	 */
	int (*copy_pinned)(struct vma *dst, uint64_t addr, struct folio *from, struct folio **copy);
	/*
	 * fork has copied the entries of src to dst, which is in the file's tree: what is said of
	 * src alone goes for dst, too.  Both M.  False: no memory; the fork fails.  A kind that has
	 * this is not charged for the child.  NULL: nothing is said.
	 */
	bool (*forked)(struct vma *dst, struct vma *src);
	/* fork copies its entries: the child could not fault them in again.  NULL: if it has
	 * ever had a private page. */
	bool (*must_copy)(struct vma *vma);
};

struct vma {
	/* The words of struct vma_spec, in its order: they are copied many times. */
	uint64_t start, end; /* C */
	uint64_t flags;      /* C: VM_* */
	uint64_t pgoff;      /* C: of start in the file; anonymous: start >> 12 when first mapped */
	/* C: pages between an address and that for which a private page there was made, before
	 * mremap moved it (vma_anon_index()). */
	int64_t anon_delta;
	struct moved_range *moved; /* C: with an anon_delta: walks find its pages by it */
	uint64_t policy;           /* C: where its pages are allocated (frame/place.h) */
	struct quire_file *file;   /* C: holds a reference; NULL for private anonymous */
	void *private;             /* C: the kind's: vma_ops.open */
	uint64_t anon_id;          /* A: its identity; 0: never a private page (identity.c) */

	struct quire_mm *mm;       /* C */
	const struct vma_ops *ops; /* C */
	/* A: set before its entries are removed or changed; also while the range that it takes over
	 * is still being emptied. */
	uint32_t dead;
	uint32_t in_mapping;    /* I: node is in file->mapping's interval tree */
	struct itree_node node; /* I: [pgoff, last pgoff] */
	union {
		struct vma *chain;             /* M: next of the edit that adds or removes it */
		struct quire_machine *machine; /* once it is handed to RCU */
	};
	struct quire_rcu_head rcu;
};

static inline bool vma_is_dead(const struct vma *vma)
{
	return atomic_load(&vma->dead) != 0;
}

static inline uint64_t vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

static inline uint64_t vma_pgoff(const struct vma *vma, uint64_t addr)
{
	return vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
}

/* The index (folio->index) of a private page at addr: the page number of its first address. */
static inline uint64_t vma_anon_index(const struct vma *vma, uint64_t addr)
{
	return (addr >> PAGE_SHIFT) + (uint64_t)vma->anon_delta;
}

enum mm_counter {
	/* Of rss, in pages; MM_FILE includes external frames. */
	MM_ANON,
	MM_FILE,
	MM_SHMEM,
	MM_HUGETLB, /* pages of pools: no rss, but counted like it */
		    /* clang-format off */
#define X(counter, field, object, name, text) MM_##counter,
	QUIRE_MM_COUNTERS(X)
#undef X
	/* clang-format on */
	MM_KIND0,                                      /* + enum quire_fault_kind */
	MM_REASON0 = MM_KIND0 + QUIRE_NR_KINDS,        /* + enum quire_fault_reason */
	MM_IDENTITIES = MM_REASON0 + QUIRE_NR_REASONS, /* given to VMAs (identity.c) */
	MM_NR_COUNTERS
};
#define MM_NR_PAGES (MM_HUGETLB + 1u) /* counters of pages by kind, the first ones */

/* Counters are striped by CPU: faults write no line that another CPU writes. */
struct mm_stripe {
	int64_t v[MM_NR_COUNTERS]; /* A, relaxed */
} __attribute__((aligned(64)));

/* VMAs and nodes of the tree. */
struct recycled {
	struct vma *vmas; /* by vma->chain */
	struct rtree_retired *nodes;
	unsigned nr_vmas, nr_nodes;
};

/* recycle.c */
struct recycle {
	struct recycled ready;      /* nobody is in them: for the next edits */
	struct recycled old, young; /* readers may be in them */
	uint64_t number;            /* port->rcu_now() when the last of `old` had been taken out */
	unsigned ask_at;            /* when there are so many in `young` */
};

struct quire_mm {
	/* Read by every fault, written by none: keep apart from what writers touch. */
	struct quire_machine *machine; /* C */
	struct rtree vmas;             /* R, writers M */
	pfn_t root;                    /* C: top-level table */
	struct anon_root *anon;        /* C: names the private pages that it makes */
	unsigned nr_stripes;           /* C: power of two */
	struct mm_stripe *stripes;     /* C */
	void *cookie;                  /* C */
	/*
	 * A: a fork is taking write bits away that executors may still have cached.  Set under M
	 * before the first bit goes, cleared after the flush; writes that need a
	 * private page wait on M meanwhile (install.c, 3).
	 */
	uint32_t forking;
	uint32_t large_pages; /* A, set under M: it has, or had, mappings with a page_shift */

	/* Cold or writers' only. */
	struct mutex mmap_lock __attribute__((aligned(64)));
	uint32_t refs;  /* A */
	bool exited;    /* M */
	uint32_t moves; /* A, set under M: odd while mremap moves entries (moves.h) */
	uint32_t
	    pending_flush;  /* A, set under M: cleared entries of files may be cached (zap.c, 5) */
	uint32_t unflushed; /* A, set under M: what moved may be cached where it was (move.c) */
	struct quire_file
	    *gone_files; /* M: their last reference has gone: they end at mm_unlock() */
	uint64_t start_brk, brk, start_stack; /* M, readers A (names of VMAs) */
	uint64_t data_bytes;                  /* M: initialised data, for RLIMIT_DATA and brk(2) */
	uint64_t mmap_base;                   /* M */
	uint64_t rlimit[QUIRE_NR_RLIMITS];    /* A */
	uint64_t data_rlimit_max;             /* A */
	bool ignore_memlock;
	uint64_t def_flags; /* M: mlockall(MCL_FUTURE) */
	struct quire_huge_group
	    *huge_group; /* J: who is charged for its huge pages; NULL: nobody */
	uint64_t total_vm, data_vm, exec_vm, stack_vm, locked_vm;    /* M: pages */
	uint64_t peak_total_vm, peak_locked_vm, peak_vmas, peak_rss; /* M; peak_rss A */
	uint64_t largest_request;                                    /* M: pages charged at once */
	uint64_t nr_tables, peak_tables;                             /* A: page-table pages */
	uint64_t forks, fork_entries, fork_tables;                   /* M */
	struct recycle recycle;                                      /* M */
	struct rtree_env tree_env;                                   /* C: of vmas */
	struct dlist node;                                           /* L: machine->mms */
	void *block;       /* C: what the allocator gave for the mm and its stripes */
	size_t block_size; /* C */
};

static inline void mm_count(struct quire_mm *mm, enum mm_counter c, int64_t n)
{
	unsigned s = this_cpu(&mm->machine->port) & (mm->nr_stripes - 1);

	atomic_add_relaxed(&mm->stripes[s].v[c], n);
}

#endif
