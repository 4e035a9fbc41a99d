/* SPDX-License-Identifier: MIT */
/*
 * machine.h: one machine: RAM, frames, zones, metadata allocation, counters.
 *
 * Lock letters in the fields' comments (docs/locking.md has the tree):
 *   C  constant after creation            A  atomic
 *   L  machine->mm_lock                   Z  zone->lock
 *   U, P  a page table's own lock         R  RCU: readers under rcu_read_lock
 *   F  the folio lock                     M  mm->mmap_lock
 *   J  machine->huge.lock                 O  machine->huge.resizing
 */
#ifndef CORE_BASE_MACHINE_H
#define CORE_BASE_MACHINE_H

#include "core/base/huge_types.h"
#include "core/base/log.h"
#include "core/base/page.h"
#include "ds/dlist.h"

/*
 * Metadata of one 4 KiB frame: 32 bytes, two to a cache line.  (64 bytes cost munmap an eighth:
 * docs/performance.md.)  The head frame of an allocation of order n is the folio; the other frames
 * of it have FOLIO_TAIL and the order, and nothing else (but `charge`): what is said of one of them
 * is said of the folio.
 */
struct folio {
	uint32_t refs;    /* A: 0 = free; the page cache holds one, each entry one, each pin one */
	int32_t mapcount; /* A: page-table entries that map it; a leaf counts once for each page */
	uint32_t flags;   /* A: FOLIO_* */
	uint32_t shape;   /* order: C while allocated; zone: C; pins: A.  folio.h has the readers */
	union {
		/* In the page cache, or anonymous. */
		struct {
			union {
				struct mapping *mapping; /* under F, readers R */
				/* A: FOLIO_ANON; whose page it is: rmap/root.h, 1 */
				struct anon_root *root;
			};
			uint64_t index; /* page offset; anonymous: address >> 12 */
		};
		/* Free: neighbours in a buddy list (Z), or in that of a pool of huge pages (J). */
		struct {
			uint32_t next, prev;
		};
		/* A page table: the fields under its own lock (U or P). */
		struct {
			struct spinlock lock;
			uint32_t used;   /* entries that are not none */
			uint32_t linked; /* 1 until the table is taken out of the tree */
			uint32_t level;  /* C: 0 = last level .. 3 = top */
		} pt;
		/* The first tail of a huge page in use. */
		struct huge_charge charge;
	};
};
_Static_assert(sizeof(struct folio) == 32, "32 bytes of metadata per frame");

enum folio_flags {
	FOLIO_TAIL = 1u << 0,
	FOLIO_BUDDY = 1u << 1,     /* Z: head of a free block of its order */
	FOLIO_TABLE = 1u << 2,     /* a page table */
	FOLIO_ANON = 1u << 3,      /* anonymous content */
	FOLIO_EXCLUSIVE = 1u << 4, /* anonymous and of one mm only: may be written in place */
	FOLIO_LOCKED = 1u << 5,    /* F: the folio lock */
	FOLIO_WAITERS = 1u << 6,
	FOLIO_UPTODATE = 1u << 7,
	FOLIO_DIRTY = 1u << 8,
	FOLIO_SHMEM = 1u << 9,
	FOLIO_ZEROED = 1u << 10,    /* content known to be zero (free lists only) */
	FOLIO_LAZYFREE = 1u << 11,  /* MADV_FREE, not written since */
	FOLIO_PERMANENT = 1u << 12, /* the zero page: neither counted nor freed */
	FOLIO_WRITEBACK = 1u << 13, /* F: its entries are cleaned, and it is not written yet */
	FOLIO_LENT = 1u << 14,      /* port->tlb_lent: when freed, has other memory put there */
	FOLIO_KEPT = 1u << 15,      /* M of its mm: a table that stays, though it be empty */
	FOLIO_LARGE = 1u << 16,     /* C while allocated: head of a folio of several frames */
	FOLIO_CACHE = 1u << 17,   /* of a page cache, or was: mapping and index are what they say */
	FOLIO_HELD = 1u << 18,    /* Z: free, and in no list (hold.c) */
	FOLIO_HUGETLB = 1u << 19, /* J: head of a huge page, free or in use (huge/pool.h) */
};

enum zone_kind { ZONE_RAM, ZONE_TABLE, NR_ZONE_KINDS };

/*
 * machine->missed counts two things in one word: the low half, how often an allocation found no
 * frame and none on its way; the high half, how often some were on their way (waiting for readers).
 */
#define MISSED_NONE_COMING 1ull
#define MISSED_SOME_COMING (1ull << 32)

/*
 * Counters that the fault path writes: one cache line per CPU, summed by readers.  All A, relaxed.
 */
struct machine_cpu {
	uint64_t points;     /* allocation points, while none is to fail */
	int64_t kmem_bytes;  /* metadata in use */
	int64_t tables;      /* page-table frames in use */
	int64_t mapped_anon; /* anonymous frames with mapcount > 0 */
	int64_t mapped_file; /* page-cache frames with mapcount > 0 */
} __attribute__((aligned(64)));

struct quire_machine {
	struct quire_port port; /* C: a copy */
	/* C */
	uint8_t *ram, *table_ram;
	uint64_t nr_ram, nr_table; /* frames; nr_table == 0: tables come out of RAM */
	struct folio *folios;      /* nr_ram + nr_table of them; valid below the zones' frontiers */
	uint64_t task_size, mmap_min_addr; /* bytes */
	uint64_t fault_around;             /* bytes, a power of two, at most PT_SPAN */
	uint64_t max_map_count;
	uint64_t stack_guard_gap; /* pages */
	pfn_t zero_pfn;           /* the zero page: FOLIO_PERMANENT */
	struct frames *frames;    /* zones and per-CPU lists: zone.h */
	struct machine_cpu *cpus; /* port.ncpus of them */
	bool (*shrink)(
	    struct quire_machine *m);         /* C: recycle_shrink(), for whoever has no metadata */
	const struct file_kind *const *kinds; /* C: by enum quire_file_kind */
	unsigned nr_kinds;                    /* C */
	const struct vma_ops *anon_ops;       /* C: of mappings without a file */
	bool own_charges; /* A: there was a file of a kind that has vma_ops.charge or cut */
	bool ram_is_zero; /* untouched RAM reads as zero */
	bool own_ram, own_table_ram;    /* taken from port->alloc */
	bool fail_enabled;              /* A: some allocation point is to fail */
	bool many_nodes;                /* C: more than one */
	uint64_t missed[NR_ZONE_KINDS]; /* A: allocations that found no frame: MISSED_* */
	uint32_t failed_attempts;       /* A: attempts that have failed for it (reclaim.c) */

	/* Written by slow paths, away from what every fault reads. */
	/* Points passed before the last change of fail_enabled, and all while it is on.  A */
	uint64_t alloc_points __attribute__((aligned(64)));
	uint64_t failed_points; /* A */
	uint64_t *fail_list;    /* under fail_lock, ascending */
	unsigned nr_fail;       /* under fail_lock */
	struct spinlock fail_lock;
	uint64_t committed;                /* A: pages */
	uint64_t waiting[NR_ZONE_KINDS];   /* A: frames that wait for a grace period (defer.c) */
	uint64_t came_back[NR_ZONE_KINDS]; /* A: moves when some of waiting is free */
	uint64_t lost_pages;               /* A: dirty pages of files that could not be written */
	uint64_t pins;                     /* A: the sum of the folios' */
	uint64_t unnamed;                  /* A: files of memory that was mapped without one */
	struct spinlock mm_lock;
	struct dlist mms;   /* L */
	struct dlist files; /* L: mappings, for verify */

	/* C: the last reference of a huge page has gone: hugetlb_give(). */
	void (*give_huge)(struct quire_machine *m, struct folio *f, bool zeroed);
	/* C: huge pages that move.  Another like f on one of the nodes, the nearest to `from`, or
	 * NULL; and huge_folio_charge_like(). */
	struct folio *(*take_huge)(struct quire_machine *m, struct folio *f, uint64_t nodes,
				   unsigned from);
	void (*charge_huge)(struct quire_machine *m, struct folio *f, struct folio *like);
	struct huge_pools huge;
};

/* Heuristic overcommit, Linux's mode 0: refuses only what can never fit. */
static inline bool machine_may_commit(const struct quire_machine *m, uint64_t pages)
{
	return pages <= m->nr_ram;
}

#endif
