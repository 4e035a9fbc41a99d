/* SPDX-License-Identifier: MIT */
/*
 * sched.h: the deterministic port: actors, and the scheduler that decides who runs.
 *
 *   actors.c   coroutines: run, switch, block, wake; deadlock; the end of a run
 *   point.c    accesses: which are decisions, and the hash of who saw what
 *   order.c    plain accesses that nothing orders
 *   heap.c     the arena: allocation, poison and quarantine, snapshot and restore
 *   hooks.c    each plain access of the core is checked against the arena (compiler's hooks)
 *   locks.c    locks, their holders and ranks
 *   grace.c    RCU: sections, grace periods, callbacks
 *   learned.c  the words learned, for explorations that go on elsewhere
 *   port.c     fills in struct quire_port
 *
 * A run: the scenario's state is restored, its actors run one at a time, and at each decision
 * S.choose() says who goes on.  All state is in the one `struct sched S`: a process explores with
 * one thread.
 *
 *   1  A run is a function of the choices alone: same scenario, same choices, same run.
 *   2  An access to memory that no other actor ever touches (or that all only read) is no
 *      decision: letting another run before it gives nothing that letting it run before the next
 *      decision does not.  Which words those are is learned: sched_learned() says that the last
 *      run met new ones, and exploration starts over.
 *   3  Grace periods end as early as they may: a callback runs, as an actor of its own, at once
 *      when the last reader that was there when it was queued has left.
 */
#ifndef QUIRE_SCHED_H
#define QUIRE_SCHED_H

#include <setjmp.h>
#include <stddef.h>

#include "sync.h"

#define SCHED_ACTORS 4           /* of a scenario */
#define SCHED_GRACE SCHED_ACTORS /* the actor that runs RCU callbacks */
#define SCHED_ALL (SCHED_ACTORS + 1)
#define SCHED_MAX_HELD 16
#define SCHED_STEP_LIMIT 50000u /* points of a run: more is a livelock */
#define SCHED_AT_PLAIN_SHIFT 18 /* point.c, 5 */
#define SCHED_AT_POINT ((1u << SCHED_AT_PLAIN_SHIFT) - 1)

enum sched_state { ACTOR_NONE, ACTOR_READY, ACTOR_BLOCKED, ACTOR_DONE };

enum sched_block { BLOCK_LOCK, BLOCK_WAIT, BLOCK_GRACE, BLOCK_BARRIER, BLOCK_IDLE };

struct sched_held {
	const uint32_t *word; /* NULL: a rank alone (the folio lock) */
	enum lock_rank rank;
};

struct sched_actor {
	void *sp;
	char *stack; /* lowest byte */
	const char *name;
	void (*func)(void *arg);
	void *arg;
	enum sched_state state;
	enum sched_block why;       /* BLOCKED */
	const uint32_t *block_addr; /* BLOCK_LOCK, BLOCK_WAIT */
	enum lock_rank block_rank;
	unsigned readers_left; /* BLOCK_GRACE: mask of actors */
	unsigned rcu_depth;
	uint32_t points;              /* accesses so far: the time of this actor */
	unsigned lone_yields;         /* actor_yield(), with nobody else to run */
	uint32_t plain;               /* plain ones since the last of them */
	uint64_t hash;                /* of all that it did and saw */
	unsigned nr_held, first_held; /* from the first on: of the call within a callback */
	struct sched_held held[SCHED_MAX_HELD];
};

enum sched_kind {
	DECIDE_PREEMPT, /* the running actor could go on */
	DECIDE_SWITCH,  /* it cannot */
	DECIDE_CHOICE   /* a value 0 .. n-1; 0 is the usual one */
};

struct sched_decision {
	enum sched_kind kind;
	unsigned actor;   /* who is (was) running */
	uint32_t at;      /* (actor, at) names the decision: point.c, 5 */
	unsigned enabled; /* mask of actors that can run; DECIDE_CHOICE: unused */
	unsigned n;       /* DECIDE_CHOICE */
};

/* An actor, or a value; SCHED_PRUNE ends the run. */
#define SCHED_PRUNE (-1)
typedef int (*sched_choose)(void *ctx, const struct sched_decision *d);

enum sched_outcome { RUN_DONE, RUN_PRUNED, RUN_VIOLATION };

/* ---- actors.c */

/* Once per process: arena, stacks, signal handlers. */
void sched_init(void);
/* Between scenarios: an empty arena, nothing learned. */
void sched_reset(void);
/* Before a snapshot: actor i of the runs to come, on CPU i. */
void sched_actor(unsigned i, const char *name, void (*func)(void *arg), void *arg);
/* The state of the arena is what every run begins with. */
void sched_snapshot(void);
/*
 * One run from the snapshot.  Afterwards, unless pruned, `after` (which may sched_fail()) is
 * called outside all actors, with the state that the run has left.
 */
enum sched_outcome sched_run(sched_choose choose, void *ctx, void (*after)(void *arg), void *arg);
/* The run met words that two actors touch, and that were not known for it. */
bool sched_learned(void);
/* Every access is a decision, learned or not (for counting schedules, and for replays). */
bool sched_all_points(bool on); /* returns what it was */
/* Why RUN_VIOLATION. */
const char *sched_violation(void);
/* Accesses of the last run. */
uint32_t sched_steps(void);
/* A hash of what all actors have done and seen: equal hashes, equal states. */
uint64_t sched_state_hash(void);

/* Ends the run: a rule is broken.  Called by actors, the port and `after`. */
_Noreturn void sched_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The running actor's number; SCHED_ACTORS + 1 outside of all actors. */
unsigned sched_self(void);
const char *sched_actor_name(unsigned i);
/* A value that exploration tries all of; 0 first. */
unsigned sched_choice(unsigned n);
/* How many allocations of a run may be made to fail. */
void sched_alloc_failures(unsigned most);
/* A decision, and then none until the end: what a CPU does in one piece.  Nests. */
void sched_atomic_begin(void);
void sched_atomic_end(void);

/*
 * Telling: each line of sched_say() goes to `line` with the actor that says it.  raw: so does
 * every access.  NULL turns it off.
 */
void sched_tell(void (*line)(void *ctx, unsigned actor, const char *text), void *ctx, bool raw);

/* ---- point.c */

/* sched_at() in two: the decision before an access of `bytes`, and the access as an event. */
void sched_decide(enum sched_op op, const volatile void *p, size_t bytes);
void sched_event(enum sched_op op, const volatile void *p, size_t bytes);

/* ---- learned.c */

#define SCHED_MAX_WORDS 16384u
#define SCHED_WORD_PLAIN (1u << 31) /* of a word: its plain accesses are decisions too */

/* The words learned since sched_reset(), in ascending order; their number. */
unsigned sched_words(uint32_t *words, unsigned max);
/* Words that others have learned, of the same scenario. */
void sched_words_add(const uint32_t *words, unsigned n);

/* ---- heap.c */

void *sched_alloc(size_t bytes);
void sched_free(void *p, size_t bytes);
/* RAM for the machine, in the arena; its frames are out of use until mem_in_use(). */
void *sched_ram(size_t bytes);
/* "freed by A at its step 12" or what else is known of the address. */
void sched_describe(const void *p, char *buf, size_t len);
/* A range of RAM goes out of use: called first, to look for translations of it. */
void sched_on_frame_free(void (*func)(const void *p, size_t bytes));

/* ---- port.c */

/* tlb_flush is the caller's to set. */
void sched_port(struct quire_port *out);
/* The same with rcu_now() and rcu_over(). */
void sched_port_polled(struct quire_port *out);
/* Told of each access to the arena by an actor, with where in the code it is; NULL: off. */
typedef void (*sched_watcher)(unsigned actor, const void *p, size_t bytes, bool write,
			      const void *where);
void sched_watch(sched_watcher func);

#endif
