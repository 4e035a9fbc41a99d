/* SPDX-License-Identifier: MIT */
/*
 * actors.c: coroutines, and a run of them.
 *
 * Owns S.actors and S.cur.  An actor's stack is its own; a run that ends early simply never
 * comes back to the stacks of the others.
 *
 *                 sched_run
 *      READY <--------------- DONE, or left over from a run that was cut off
 *       |  ^
 *  block|  |ready      A blocked actor looks again, when it is chosen, at what it waited for.
 *       v  |
 *      BLOCKED ----- nobody can run: deadlock
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define STACK_BYTES (128u << 10)
#define GUARD_BYTES 4096u

struct sched S;

void sched_switch(void **save, void *load) __attribute__((visibility("hidden")));

static const char *const idle_name = "outside of all actors";

unsigned sched_self(void)
{
	return S.cur ? self_index() : SCHED_ALL;
}

const char *sched_actor_name(unsigned i)
{
	if (i == SCHED_GRACE)
		return "rcu";
	return i < SCHED_ACTORS && S.actors[i].name ? S.actors[i].name : idle_name;
}

/* ---- switching -------------------------------------------------------------- */

static void leave_for(struct sched_actor *next)
{
	struct sched_actor *prev = S.cur;

	S.cur = next;
	S.told = NULL;
	sched_switch(&prev->sp, next ? next->sp : S.main_sp);
}

void actor_switch_to(struct sched_actor *a)
{
	if (a != S.cur)
		leave_for(a);
}

static _Noreturn void end_run(enum sched_outcome outcome)
{
	S.outcome = outcome;
	leave_for(NULL);
	abort();
}

void sched_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(S.violation, sizeof(S.violation), fmt, ap);
	va_end(ap);
	if (S.cur)
		end_run(RUN_VIOLATION);
	if (S.escape_armed)
		longjmp(S.escape, 1);
	fprintf(stderr, "quire-check: %s\n", S.violation);
	abort();
}

const char *sched_violation(void)
{
	return S.violation;
}

unsigned actors_enabled(void)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < SCHED_ALL; i++)
		if (S.actors[i].state == ACTOR_READY)
			mask |= 1u << i;
	return mask;
}

/* ---- blocking --------------------------------------------------------------- */

static size_t describe_blocked(const struct sched_actor *a, char *buf, size_t len)
{
	const char *name = sched_actor_name((unsigned)(a - S.actors));
	struct sched_actor *holder;
	int n;

	switch (a->why) {
	case BLOCK_LOCK:
		holder = lock_holder(a->block_addr);
		n = snprintf(buf, len, "%s waits for %s %p of %s; ", name, rank_name(a->block_rank),
			     (const void *)a->block_addr,
			     holder ? sched_actor_name((unsigned)(holder - S.actors)) : "nobody");
		break;
	case BLOCK_WAIT:
		n = snprintf(buf, len, "%s sleeps on the word %p; ", name,
			     (const void *)a->block_addr);
		break;
	case BLOCK_GRACE:
		n = snprintf(buf, len, "%s waits for a grace period; ", name);
		break;
	case BLOCK_BARRIER:
		n = snprintf(buf, len, "%s waits for callbacks; ", name);
		break;
	default:
		n = 0;
	}
	return n < 0 ? 0 : (size_t)n;
}

static _Noreturn void deadlock(void)
{
	char text[400];
	size_t n = 0;

	for (unsigned i = 0; i < SCHED_ALL && n < sizeof(text); i++)
		if (S.actors[i].state == ACTOR_BLOCKED)
			n += describe_blocked(&S.actors[i], text + n, sizeof(text) - n);
	sched_fail("deadlock: %s", text);
}

static bool all_done(void)
{
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (S.actors[i].state == ACTOR_READY || S.actors[i].state == ACTOR_BLOCKED)
			return false;
	return true;
}

static void switch_to_one_of(const struct sched_decision *d)
{
	int next =
	    d->enabled & (d->enabled - 1) ? S.choose(S.choose_ctx, d) : __builtin_ctz(d->enabled);

	if (next == SCHED_PRUNE)
		end_run(RUN_PRUNED);
	leave_for(&S.actors[next]);
}

/* The running actor cannot go on. */
static void switch_away(void)
{
	struct sched_decision d = {
	    .kind = DECIDE_SWITCH, .actor = self_index(), .at = S.cur->points};

	d.enabled = actors_enabled();
	if (!d.enabled) {
		if (all_done())
			end_run(RUN_DONE);
		deadlock();
	}
	switch_to_one_of(&d);
}

/* Of an actor that nobody else can run beside: so often it may look again. */
#define LONE_YIELDS 100u

/* Whoever spins waits for another.  A state that spins again is not the same:
 * a livelock is told. */
void actor_yield(void)
{
	struct sched_decision d = {
	    .kind = DECIDE_SWITCH, .actor = self_index(), .at = ++S.cur->points};

	S.cur->hash += S.cur->points * 0x9e3779b97f4a7c15ull;
	d.enabled = actors_enabled() & ~(1u << self_index());
	if (!d.enabled && ++S.cur->lone_yields <= LONE_YIELDS)
		return; /* what it waits for may have come just before */
	if (++S.steps > SCHED_STEP_LIMIT || !d.enabled)
		sched_fail("livelock: %s spins, and nobody ends that",
			   sched_actor_name(self_index()));
	switch_to_one_of(&d);
}

static void tell_block(const struct sched_actor *a)
{
	struct sched_actor *holder;

	switch (a->why) {
	case BLOCK_LOCK:
		holder = lock_holder(a->block_addr);
		STEP("waits for %s, held by %s", rank_name(a->block_rank),
		     holder ? sched_actor_name((unsigned)(holder - S.actors)) : "nobody");
		break;
	case BLOCK_WAIT:
		STEP("sleeps until somebody wakes it");
		break;
	case BLOCK_GRACE:
		STEP("waits for the readers to leave");
		break;
	case BLOCK_BARRIER:
		STEP("waits for the RCU callbacks");
		break;
	default:
		break;
	}
}

void actor_block(enum sched_block why, const uint32_t *addr, enum lock_rank rank)
{
	struct sched_actor *a = S.cur;

	if (!a)
		sched_fail("%s has to wait, with nobody to wait for: %s %p", idle_name,
			   rank_name(rank), (const void *)addr);
	if (a == &S.actors[SCHED_GRACE])
		S.interrupted = NULL;
	a->state = ACTOR_BLOCKED;
	a->why = why;
	a->block_addr = addr;
	a->block_rank = rank;
	if (__builtin_expect(sched_telling, 0))
		tell_block(a);
	switch_away();
}

void actor_ready(struct sched_actor *a)
{
	a->state = ACTOR_READY;
}

/* ---- a run ------------------------------------------------------------------- */

static _Noreturn void actor_main(void)
{
	struct sched_actor *a = S.cur;

	a->func(a->arg);
	if (a->rcu_depth)
		sched_fail("%s ends inside a read-side section", sched_actor_name(self_index()));
	if (a->nr_held)
		sched_fail("%s ends with a %s held", sched_actor_name(self_index()),
			   rank_name(a->held[a->nr_held - 1].rank));
	a->state = ACTOR_DONE;
	switch_away();
	abort();
}

/* The first switch returns into actor_main, on a stack aligned as after a call. */
static void prepare_stack(struct sched_actor *a)
{
	void **top = (void **)(void *)(a->stack + STACK_BYTES);

	*--top = NULL;
	*--top = (void *)(uintptr_t)actor_main;
	top -= 6;
	a->sp = top;
}

static void start_actor(struct sched_actor *a)
{
	a->state = a->func ? ACTOR_READY : ACTOR_NONE;
	a->rcu_depth = 0;
	a->points = a->plain = 0;
	a->lone_yields = 0;
	a->hash = (uint64_t)(a - S.actors) + 1;
	a->nr_held = a->first_held = 0;
	a->readers_left = 0;
	if (a->func)
		prepare_stack(a);
}

static void begin_run(void)
{
	for (unsigned i = 0; i < SCHED_ALL; i++)
		start_actor(&S.actors[i]);
	S.actors[SCHED_GRACE].state = ACTOR_BLOCKED;
	S.actors[SCHED_GRACE].why = BLOCK_IDLE;
	S.steps = 0;
	S.atomic = 0;
	S.interrupted = NULL;
	S.alloc_failures_left = S.alloc_failures;
	S.outcome = RUN_DONE;
	S.violation[0] = 0;
	points_begin_run();
}

/* Main is not an actor: it switches to the first and is switched back to by end_run(). */
static void run_actors(void)
{
	struct sched_decision d = {
	    .kind = DECIDE_SWITCH, .actor = SCHED_GRACE, .enabled = actors_enabled()};
	int first = S.choose(S.choose_ctx, &d);

	if (first == SCHED_PRUNE) {
		S.outcome = RUN_PRUNED;
		return;
	}
	S.cur = &S.actors[first];
	sched_switch(&S.main_sp, S.cur->sp);
}

static void call_after(void (*after)(void *arg), void *arg)
{
	S.escape_armed = true;
	if (setjmp(S.escape))
		S.outcome = RUN_VIOLATION;
	else
		after(arg);
	S.escape_armed = false;
	S.cur = NULL;
	S.atomic = 0;
}

enum sched_outcome sched_run(sched_choose choose, void *ctx, void (*after)(void *arg), void *arg)
{
	S.choose = choose;
	S.choose_ctx = ctx;
	heap_restore();
	grace_reset();
	begin_run();
	run_actors();
	if (S.outcome == RUN_DONE && after)
		call_after(after, arg);
	points_learn();
	return S.outcome;
}

uint32_t sched_steps(void)
{
	return S.steps;
}

/* ---- set-up ------------------------------------------------------------------ */

static void make_stack(struct sched_actor *a)
{
	char *p = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED || mprotect(p, GUARD_BYTES, PROT_NONE)) {
		perror("quire-check: stack of an actor");
		exit(2);
	}
	a->stack = p + GUARD_BYTES;
}

/* An actor followed a wild pointer, or one out of freed memory. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	sigset_t set;
	char what[200];

	(void)context;
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sched_describe(info->si_addr, what, sizeof(what));
	sched_fail("%s at %p: %s", sig == SIGFPE ? "arithmetic fault" : "wild access",
		   info->si_addr, what);
}

static void catch_faults(void)
{
	static char stack[64 << 10];
	const stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
}

void sched_init(void)
{
	heap_init();
	for (unsigned i = 0; i < SCHED_ALL; i++)
		make_stack(&S.actors[i]);
	catch_faults();
	sched_reset();
}

void sched_reset(void)
{
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		S.actors[i].func = NULL;
	S.actors[SCHED_GRACE].func = grace_actor;
	S.cur = NULL;
	S.nr_actors = 0;
	S.alloc_failures = 0;
	heap_reset();
	grace_reset();
	memset(S.seen, 0, sizeof(S.seen));
	memset(S.hot, 0, sizeof(S.hot));
	S.nr_hot = S.nr_plain = 0;
}

void sched_actor(unsigned i, const char *name, void (*func)(void *arg), void *arg)
{
	S.actors[i].name = name;
	S.actors[i].func = func;
	S.actors[i].arg = arg;
	if (i >= S.nr_actors)
		S.nr_actors = i + 1;
}

void sched_snapshot(void)
{
	grace_drain();
	heap_snapshot();
}

void sched_atomic_begin(void)
{
	if (scheduling())
		point_here();
	S.atomic++;
}

void sched_atomic_end(void)
{
	S.atomic--;
}
