/* SPDX-License-Identifier: MIT */
/*
 * grace.c: RCU: read-side sections, grace periods, callbacks.
 *
 * Owns S.queue, S.in_callback and S.times.  A callback waits for the actors that were in a section
 * when it was queued (head->reserved[0]: their mask) and runs at once when the last of them has
 * left: nothing lives longer than the rules promise.
 *
 * Sections begin and end as reads of one word, callbacks are queued and run as writes to it.
 */
#include "internal.h"

static uintptr_t waits_for(const struct quire_rcu_head *h)
{
	return (uintptr_t)h->reserved[0];
}

void grace_reset(void)
{
	S.queue = NULL;
	S.queue_tail = &S.queue;
	S.in_callback = false;
	S.nr_times = 0;
}

/* The actors that are in a section. */
unsigned grace_readers(void)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (S.actors[i].rcu_depth)
			mask |= 1u << i;
	return mask;
}

static struct quire_rcu_head **runnable(void)
{
	for (struct quire_rcu_head **pp = &S.queue; *pp; pp = &(*pp)->next)
		if (!waits_for(*pp))
			return pp;
	return NULL;
}

static struct quire_rcu_head *take(struct quire_rcu_head **pp)
{
	struct quire_rcu_head *h = *pp;

	*pp = h->next;
	if (!*pp)
		S.queue_tail = pp;
	return h;
}

static void wake_barriers(void)
{
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (S.actors[i].state == ACTOR_BLOCKED && S.actors[i].why == BLOCK_BARRIER)
			actor_ready(&S.actors[i]);
}

static void run_callbacks(void)
{
	struct quire_rcu_head **pp;

	while ((pp = runnable())) {
		struct quire_rcu_head *h = take(pp);

		sched_event(SCHED_RMW, &PSEUDO->rcu, 4);
		STEP("runs an RCU callback");
		S.in_callback = true;
		h->func(h);
		S.in_callback = false;
	}
	if (!S.queue)
		wake_barriers();
}

/* Goes on with the actor that the callbacks interrupted: that is no decision. */
static void go_idle(void)
{
	struct sched_actor *a = S.interrupted;

	S.interrupted = NULL;
	if (!a) {
		actor_block(BLOCK_IDLE, NULL, RANK_NONE);
		return;
	}
	S.cur->state = ACTOR_BLOCKED;
	S.cur->why = BLOCK_IDLE;
	actor_switch_to(a);
}

void grace_actor(void *arg)
{
	(void)arg;
	for (;;) {
		run_callbacks();
		go_idle();
	}
}

void grace_advance(void)
{
	struct sched_actor *rcu = &S.actors[SCHED_GRACE];

	if (S.cur == rcu || !runnable() || rcu->state != ACTOR_BLOCKED || rcu->why != BLOCK_IDLE)
		return;
	S.interrupted = S.cur;
	actor_ready(rcu);
	actor_switch_to(rcu);
}

/* Outside of all actors: nobody reads. */
void grace_drain(void)
{
	while (S.queue) {
		struct quire_rcu_head *h = take(&S.queue);

		h->func(h);
	}
}

/* Actor i has left its section. */
static void left_by(unsigned i)
{
	uintptr_t bit = 1ul << i;

	for (unsigned k = 0; k < TIMES; k++)
		S.times[k] &= ~(unsigned)bit;
	for (struct quire_rcu_head *h = S.queue; h; h = h->next)
		h->reserved[0] = (void *)(waits_for(h) & ~bit);
	for (unsigned k = 0; k < SCHED_ACTORS; k++) {
		struct sched_actor *a = &S.actors[k];

		if (a->state != ACTOR_BLOCKED || a->why != BLOCK_GRACE)
			continue;
		a->readers_left &= ~(unsigned)bit;
		if (!a->readers_left)
			actor_ready(a);
	}
	grace_advance();
}

void sched_rcu_read_lock(void *ctx)
{
	(void)ctx;
	if (!scheduling())
		return;
	if (!S.cur->rcu_depth)
		sched_at(SCHED_LOAD, &PSEUDO->rcu, 4);
	S.cur->rcu_depth++;
}

void sched_rcu_read_unlock(void *ctx)
{
	(void)ctx;
	if (!scheduling())
		return;
	if (!S.cur->rcu_depth)
		sched_fail("%s leaves a read-side section that it is not in",
			   sched_actor_name(self_index()));
	if (S.cur->rcu_depth == 1)
		sched_at(SCHED_LOAD, &PSEUDO->rcu, 4);
	if (!--S.cur->rcu_depth)
		left_by(self_index());
}

void sched_call_rcu(void *ctx, struct quire_rcu_head *head,
		    void (*func)(struct quire_rcu_head *head))
{
	(void)ctx;
	sched_at(SCHED_RMW, &PSEUDO->rcu, 4);
	heap_check_range(head, sizeof(*head), true);
	*head = (struct quire_rcu_head){.func = func, .reserved = {(void *)(uintptr_t)0}};
	head->reserved[0] = (void *)(uintptr_t)grace_readers();
	*S.queue_tail = head;
	S.queue_tail = &head->next;
	if (scheduling())
		grace_advance();
}

void sched_synchronize_rcu(void *ctx)
{
	(void)ctx;
	if (!scheduling())
		return;
	if (S.cur->rcu_depth)
		sched_fail("%s waits for a grace period inside a read-side section",
			   sched_actor_name(self_index()));
	sched_at(SCHED_RMW, &PSEUDO->rcu, 4);
	S.cur->readers_left = grace_readers();
	if (!S.cur->readers_left)
		return;
	actor_block(BLOCK_GRACE, NULL, RANK_NONE);
	sched_event(SCHED_RMW, &PSEUDO->rcu, 4); /* what the readers did comes before */
}

void sched_rcu_barrier(void *ctx)
{
	(void)ctx;
	if (!scheduling()) {
		grace_drain();
		return;
	}
	sched_at(SCHED_LOAD, &PSEUDO->rcu, 4);
	if (!S.queue && !S.in_callback)
		return;
	actor_block(BLOCK_BARRIER, NULL, RANK_NONE);
	sched_event(SCHED_LOAD, &PSEUDO->rcu, 4);
}

uint64_t sched_rcu_now(void *ctx)
{
	(void)ctx;
	sched_at(SCHED_RMW, &PSEUDO->rcu, 4);
	S.times[S.nr_times % TIMES] = grace_readers();
	return S.nr_times++;
}

/* Of a time that is long past: only if nobody reads at all. */
bool sched_rcu_over(void *ctx, uint64_t number, bool hurry)
{
	(void)ctx;
	(void)hurry;
	sched_at(SCHED_RMW, &PSEUDO->rcu, 4);
	return !(number + TIMES >= S.nr_times ? S.times[number % TIMES] : grace_readers());
}
