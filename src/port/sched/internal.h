/* SPDX-License-Identifier: MIT */
/*
 * internal.h: what the files of the deterministic port share.
 */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include "sched.h"

#define ARENA_BASE 0x200000000000ull /* fixed: addresses are the same in every process */
#define ARENA_SIZE (32u << 20)
#define CHUNK_SHIFT 12
#define CHUNKS (ARENA_SIZE >> CHUNK_SHIFT)
#define GRANULE_SHIFT 4
#define GRANULES (ARENA_SIZE >> GRANULE_SHIFT)
#define CHUNK_WORDS (1u << (CHUNK_SHIFT - 2))
#define WORDS (ARENA_SIZE >> 2)
#define MAX_HOT 8192u
#define MAX_RACES 64u
#define TIMES 64u

/* S.hot: an index, and whether plain accesses to the word are decisions as well. */
#define HOT_INDEX 0x7fffu
#define HOT_PLAIN 0x8000u

/* What a granule of the arena is. */
enum { MEM_NEVER, MEM_LIVE, MEM_FREED };

/* Per word that two actors touch and one of them writes. */
struct hot_word {
	uint64_t last_write; /* hash of the event */
	uint64_t reads;      /* sum of the hashes of the reads since */
	uint32_t after_write[SCHED_ALL], after_reads[SCHED_ALL]; /* order.c: clocks */
};

/* A stamp: clock << STAMP_SHIFT | actor. */
#define STAMP_SHIFT 3
#define STAMP_ACTOR ((1u << STAMP_SHIFT) - 1)

/* When each word was last touched; order.c.  A wide access is one to all of a chunk. */
struct shadow {
	uint32_t write[WORDS];           /* stamp */
	uint32_t read[SCHED_ALL][WORDS]; /* clock */
	uint32_t wide_write[CHUNKS], wide_read[SCHED_ALL][CHUNKS];
	uint32_t any_write[SCHED_ALL][CHUNKS], any_read[SCHED_ALL][CHUNKS]; /* but wide ones */
};

/*
 * Each actor has a part of the arena of its own, so that an address says nothing of the order in
 * which actors allocated.
 */
struct region {
	uint32_t start, end; /* offsets */
	uint32_t brk;        /* handed out so far */
	uint32_t snap;       /* brk of the snapshot */
};

struct sched {
	struct sched_actor actors[SCHED_ALL];
	struct sched_actor *cur;         /* NULL: outside of all actors */
	struct sched_actor *interrupted; /* by RCU callbacks */
	unsigned nr_actors;
	void *main_sp;
	unsigned atomic; /* depth */
	bool aborting;
	struct sched_actor *aside; /* who is telling a step: cur is NULL meanwhile */

	sched_choose choose;
	void *choose_ctx;
	uint32_t steps;
	unsigned alloc_failures, alloc_failures_left;
	enum sched_outcome outcome;
	char violation[512];
	jmp_buf escape; /* for failures outside of all actors */
	bool escape_armed;

	/* point.c */
	uint16_t seen[WORDS]; /* who read (low byte) and wrote (high byte), over all runs */
	uint16_t hot[WORDS];  /* 0: no decision; else index into hot_words, HOT_PLAIN */
	struct hot_word hot_words[MAX_HOT];
	uint32_t hot_list[MAX_HOT]; /* their words */
	unsigned nr_hot, nr_plain;
	bool learned, all_points;

	/* order.c */
	struct shadow shadow;
	uint32_t clock;                       /* the last one given out */
	uint32_t knows[SCHED_ALL][SCHED_ALL]; /* [a][b]: a is behind b's accesses up to then */
	uint32_t races[MAX_RACES];            /* words */
	unsigned nr_races;
	/* sched_event() has been told of the access to come: where; one read, one write of it. */
	const volatile void *told;
	bool told_read, told_write;

	/* heap.c */
	uint8_t mem[GRANULES];
	uint8_t dirty[CHUNKS];
	struct region regions[SCHED_ALL + 1]; /* the last: of nobody, the set-up */
	uint32_t ram_start, ram_end;
	void (*frame_free)(const void *p, size_t bytes);
	sched_watcher watch;

	/* grace.c */
	struct quire_rcu_head *queue, **queue_tail;
	bool in_callback;      /* one that is not in the queue any more */
	unsigned times[TIMES]; /* by rcu_now(): the readers of then that have not left */
	uint64_t nr_times;

	/* telling */
	void (*tell)(void *ctx, unsigned actor, const char *text);
	void *tell_ctx;
	bool tell_raw;
};

extern struct sched S;

/* Words in the arena for what is shared but no memory of the core. */
struct pseudo_words {
	uint32_t rcu;
	uint32_t pad[15];
};
#define PSEUDO ((struct pseudo_words *)ARENA_BASE)

static inline unsigned self_index(void)
{
	return (unsigned)(S.cur - S.actors);
}

static inline bool in_arena(const volatile void *p)
{
	return (uintptr_t)p - ARENA_BASE < ARENA_SIZE;
}

static inline uint32_t arena_offset(const volatile void *p)
{
	return (uint32_t)((uintptr_t)p - ARENA_BASE);
}

#define AT_PLAIN_MAX 0x3fffu
_Static_assert(SCHED_STEP_LIMIT < 1u << SCHED_AT_PLAIN_SHIFT, "points of a run");

/* Names the decision that the actor is at. */
static inline uint32_t actor_at(const struct sched_actor *a)
{
	return a->points | a->plain << SCHED_AT_PLAIN_SHIFT;
}

/* ---- actors.c */
/* Blocks the running actor until somebody makes it ready. */
void actor_block(enum sched_block why, const uint32_t *addr, enum lock_rank rank);
void actor_ready(struct sched_actor *a);
/* Lets somebody else run. */
void actor_yield(void);
/* Lets `a` run now; returns when the present one is chosen again. */
void actor_switch_to(struct sched_actor *a);
/* Mask of actors that can run. */
unsigned actors_enabled(void);
/* Scheduling is on: an actor runs, and not within sched_atomic_begin(). */
static inline bool scheduling(void)
{
	return S.cur && !S.atomic;
}

/* ---- order.c */
void order_begin_run(void);
/* The running actor touches the bytes. */
void order_access(uint32_t at, size_t bytes, bool write);
/* Before and after the accesses that make an event of the running actor on a hot word. */
void order_acquire(const struct hot_word *h, bool write);
void order_release(struct hot_word *h, bool write);

/* ---- point.c */
/* A decision, whatever the actor does next. */
void point_here(void);
/* A plain access by an actor. */
void point_plain(const void *p, size_t bytes, bool write);
/* Content of a frame is copied in one piece: a decision before it, an event for each word. */
void content_decide(enum sched_op op, const void *p, size_t bytes);
void content_event(enum sched_op op, const void *p, size_t bytes);
void points_begin_run(void);
void points_learn(void);
/* Known from elsewhere to be shared. */
void point_make_hot(uint32_t word, bool plain);

/* ---- heap.c */
void heap_init(void);
void heap_reset(void);
void heap_snapshot(void);
void heap_restore(void);
/* Of memory that is not there; told as an access of `bytes`. */
_Noreturn void heap_bad_touch(const void *p, size_t bytes, bool write);
void heap_check_range(const void *p, size_t bytes, bool write);

/* p may be touched; if it is written, it is restored. */
static inline void heap_check(const void *p, size_t bytes, bool write)
{
	uint32_t at = arena_offset(p), end = at + (uint32_t)bytes - 1;

	if (at >> GRANULE_SHIFT != end >> GRANULE_SHIFT) {
		heap_check_range(p, bytes, write);
		return;
	}
	if (__builtin_expect(S.mem[at >> GRANULE_SHIFT] != MEM_LIVE, 0))
		heap_bad_touch(p, bytes, write);
	if (write)
		S.dirty[at >> CHUNK_SHIFT] = 1;
}

/* ---- locks.c */
const char *rank_name(enum lock_rank rank);
struct sched_actor *lock_holder(const uint32_t *word);

/* ---- grace.c */
void grace_reset(void);
void grace_actor(void *arg);
/* Somebody left a read-side section, or queued: callbacks that may run do so now. */
void grace_advance(void);
unsigned grace_readers(void);
void grace_drain(void);
void sched_rcu_read_lock(void *ctx);
void sched_rcu_read_unlock(void *ctx);
void sched_call_rcu(void *ctx, struct quire_rcu_head *head,
		    void (*func)(struct quire_rcu_head *head));
void sched_synchronize_rcu(void *ctx);
void sched_rcu_barrier(void *ctx);
uint64_t sched_rcu_now(void *ctx);
bool sched_rcu_over(void *ctx, uint64_t number, bool hurry);

/* ---- telling */
void tell_access(enum sched_op op, const volatile void *p);

#endif
