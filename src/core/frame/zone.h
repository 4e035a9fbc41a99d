/* SPDX-License-Identifier: MIT */
/*
 * zone.h: zones, and the per-CPU lists in front of them: private to zone.c, zones.c, pcp.c,
 * frames.c, block.c, folio.c and verify.
 */
#ifndef CORE_FRAME_ZONE_H
#define CORE_FRAME_ZONE_H

#include "core/frame/folio.h"

/* Free blocks of the largest order whose content is known to be zero have a list of their own. */
#define LIST_ZEROED (MAX_ORDER + 1)
#define NR_LISTS (MAX_ORDER + 2)
#define MAX_BLOCK (1u << MAX_ORDER)

struct zone {
	struct spinlock lock;         /* Z */
	enum zone_kind kind;          /* C */
	uint8_t index;                /* C: of RAM's zones, the node */
	bool zero_frontier;           /* C: frames above the frontier read as zero */
	pfn_t base, end;              /* C: of its frames */
	pfn_t frontier;               /* Z: frames from here on were never used */
	pfn_t heads[NR_LISTS];        /* Z: circular; NO_FRAME: empty */
	uint32_t nr_blocks[NR_LISTS]; /* Z */
	uint32_t nr_free;             /* Z: frames in the lists */
	uint32_t discarding;          /* Z: blocks lent to port->ram_discard */
	pfn_t held, held_end;         /* Z: a range that is being emptied; 0: none (hold.c) */
	uint32_t nr_held;             /* Z: free frames of it */
	/* C: discard when more dirty largest blocks than `high` are free, until `low` are left. */
	uint32_t discard_high, discard_low;
} __attribute__((aligned(64)));

/* Frames freed one by one wait here, oldest first, to be handed out again. */
#define PCP_RING 64u

struct pcp {
	struct spinlock lock; /* K */
	uint32_t head, count; /* K: of the ring */
	pfn_t next, end;      /* K: the run: consecutive frames from the buddy lists */
	bool run_zeroed;      /* K */
	pfn_t ring[PCP_RING];
} __attribute__((aligned(64)));

/* How allocations fared on a node: struct quire_node_stats.  All A, relaxed. */
struct node_counts {
	uint64_t hit, miss, foreign, interleave_hit, local, other;
} __attribute__((aligned(64)));

struct frames {
	unsigned nr_ram_zones, nr_zones;   /* constant, as all but what is marked */
	uint32_t scarce;                   /* A: > 0: nothing enters the per-CPU lists */
	struct zone *zones;                /* RAM's, by node, then the table zone */
	struct pcp (*pcps)[NR_ZONE_KINDS]; /* by CPU */
	struct node_counts *counts;        /* A: by node */
	size_t bytes;
	uint8_t cpu_nodes[MAX_CPUS];
	uint8_t weights[QUIRE_MAX_NODES]; /* A: of weighted interleaving */
	uint8_t distances[QUIRE_MAX_NODES][QUIRE_MAX_NODES];
	uint8_t order[QUIRE_MAX_NODES][QUIRE_MAX_NODES]; /* all nodes, the nearest first */
};

#define ALL_NODES UINT64_MAX

/* ---- nodes.c */
bool nodes_ok(const struct quire_machine_options *o, unsigned ncpus);
/* All of struct frames that says something of nodes, but for the zones. */
void nodes_init(struct quire_machine *m, const struct quire_machine_options *o);
/* A thread on node `local` wanted a frame of node `wanted`, and has one of `got`. */
void nodes_count(struct frames *fr, unsigned wanted, unsigned got, unsigned local,
		 bool interleaved);

/* ---- frames.c */

/* A block of RAM or, where there is such a zone, for tables: of one of these nodes, the nearest to
 * `from` that has one. */
pfn_t zones_alloc(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned from,
		  uint64_t nodes, bool *zeroed);
/* As before, after all else has found none: invariant 1. */
pfn_t zones_alloc_last(struct quire_machine *m, enum zone_kind kind, unsigned order, unsigned from,
		       uint64_t nodes, bool *zeroed);
/* The frame that one of these has found becomes a folio of one page. */
struct folio *frame_to_folio(struct quire_machine *m, pfn_t pfn, unsigned alloc_flags, bool zeroed);

/* ---- pcp.c */
/* As pcp_alloc(), of RAM, if there is one of the CPU's own node. */
pfn_t pcp_alloc_own(struct quire_machine *m, unsigned cpu, bool *zeroed);
/* A frame of the CPU's list, or of its run, filled again if need be.  NO_FRAME: no zone has one. */
pfn_t pcp_alloc(struct quire_machine *m, enum zone_kind kind, unsigned cpu, bool *zeroed);
/* Up to n frames of RAM under one lock.  *zeroed: bit i for v[i].  Returns how many there were. */
unsigned pcp_alloc_many(struct quire_machine *m, unsigned cpu, struct folio **v, unsigned n,
			uint64_t *zeroed);
/* Takes back a single frame, already retired. */
void pcp_free(struct quire_machine *m, struct folio *f, unsigned cpu);

/* ---- zone.c */
void zone_init(struct quire_machine *m, struct zone *z);
/* The first frame of a block, or NO_FRAME. */
pfn_t zone_alloc(struct quire_machine *m, struct zone *z, unsigned order, bool *zeroed);
/* The lock held: */
void zone_free_locked(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order,
		      bool zeroed);
void zone_free_run_locked(struct quire_machine *m, struct zone *z, pfn_t pfn, uint32_t count,
			  bool zeroed);
/* The same of retired frames in a row; takes the lock. */
void zone_free_frames(struct quire_machine *m, struct folio *first, uint32_t count, bool zeroed);
/* Frames free or never used, whatever list they are in. */
uint64_t zone_free_count(struct zone *z);
/* Some frames more have metadata and are free.  False: all have.  The lock held. */
bool zone_extend_locked(struct quire_machine *m, struct zone *z);
/* Takes a free block out of its list; returns whether it reads as zero.  The lock held. */
bool zone_block_remove(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order);
/* Offers free blocks to port->ram_discard.  No spinlock held. */
void zone_discard(struct quire_machine *m, struct zone *z);

/* ---- hold.c: the lock held */
/* A block was freed that is of the held range, or has it. */
void zone_hold_freed(struct quire_machine *m, struct zone *z, pfn_t pfn, unsigned order,
		     bool zeroed);
/* Nothing is held any more.  False: nothing was free of it. */
bool zone_release_locked(struct quire_machine *m, struct zone *z);

static inline struct zone *zone_of(const struct quire_machine *m, const struct folio *f)
{
	return &m->frames->zones[folio_zone(f)];
}

static inline unsigned home_zone(const struct quire_machine *m, unsigned cpu)
{
	return m->frames->cpu_nodes[cpu];
}

/* Of the nodes, the nearest to `from`. */
static inline unsigned nearest_node(const struct frames *fr, unsigned from, uint64_t nodes)
{
	unsigned i = 0;

	while (i + 1 < fr->nr_ram_zones && !(nodes >> fr->order[from][i] & 1))
		i++;
	return fr->order[from][i];
}

static inline void zone_lock(struct quire_machine *m, struct zone *z)
{
	spin_lock(&m->port, &z->lock, RANK_ZONE);
}

static inline void zone_unlock(struct zone *z)
{
	spin_unlock(&z->lock, RANK_ZONE);
}

#endif
