/* SPDX-License-Identifier: MIT */
/*
 * planted.c: known bugs, each found at the bound of preemptions that it needs and not below, and
 * each repaired, where nothing is found.
 */
#include "engine.h"

struct program {
	const char *name;
	int bound; /* -1: repaired */
	void (*setup)(void);
	void (*actors[SCHED_ACTORS])(void *arg);
	void (*after)(void *arg);
};

static void nothing(void)
{
}

static void cells(void)
{
	for (unsigned i = 0; i < 3; i++) {
		sh->v[i] = sched_alloc(sizeof(struct cell));
		*sh->v[i] = (struct cell){.value = i};
		sh->frame[i] = sched_alloc(sizeof(struct cell));
		*sh->frame[i] = (struct cell){.value = i};
	}
	sh->ptr = sh->v[0];
	sh->v[0]->next = sh->v[1];
	sh->v[1]->next = sh->v[2];
	sh->tagged = 1;
	sh->pte = 1;
}

/* ---- lost update ------------------------------------------------------------------ */

static void add_torn(void *arg)
{
	uint32_t x = atomic_load(&sh->x);

	(void)arg;
	atomic_store(&sh->x, x + 1);
}

static void add_whole(void *arg)
{
	(void)arg;
	atomic_add(&sh->x, 1);
}

static void add_plain(void *arg)
{
	(void)arg;
	sh->x = sh->x + 1;
}

/* A plain store that follows the load of the same word. */
static void set_bit_torn(void *arg)
{
	uint32_t x = atomic_load(&sh->x);

	sh->x = x | (uint32_t)(uintptr_t)arg;
}

static void set_bit_1(void *arg)
{
	(void)arg;
	set_bit_torn((void *)1);
}

static void set_bit_2(void *arg)
{
	(void)arg;
	set_bit_torn((void *)2);
}

static void set_bit_1_whole(void *arg)
{
	(void)arg;
	atomic_or(&sh->x, 1);
}

static void set_bit_2_whole(void *arg)
{
	(void)arg;
	atomic_or(&sh->x, 2);
}

static void both_bits(void *arg)
{
	(void)arg;
	if (sh->x != 3)
		sched_fail("a bit is lost");
}

static void add_locked(void *arg)
{
	(void)arg;
	spin_lock(&sh->port, &sh->a, RANK_PTL);
	sh->x = sh->x + 1;
	spin_unlock(&sh->a, RANK_PTL);
}

static void two_came(void *arg)
{
	(void)arg;
	if (sh->x != 2)
		sched_fail("an update is lost");
}

/* ---- ABA: a stack of v[0], v[1], v[2] ------------------------------------------------ */

static struct cell *pop(void)
{
	struct cell *top = atomic_load(&sh->ptr), *next;

	do {
		next = atomic_load(&top->next);
	} while (!atomic_cas(&sh->ptr, &top, next));
	return top;
}

static void push(struct cell *c)
{
	struct cell *top = atomic_load(&sh->ptr);

	do {
		atomic_store(&c->next, top);
	} while (!atomic_cas(&sh->ptr, &top, c));
}

static void pop_one(void *arg)
{
	(void)arg;
	pop();
}

static void pop_two_push_one(void *arg)
{
	struct cell *c = pop();

	(void)arg;
	sh->got[1] = (uint32_t)pop()->value;
	push(c);
}

/* What actor 1 has taken for itself is not in the stack. */
static void taken_is_gone(void *arg)
{
	(void)arg;
	for (struct cell *c = sh->ptr; c; c = c->next)
		if (c->value == sh->got[1])
			sched_fail("a cell is in the stack and taken");
}

/* The same with indices and a count of changes in one word: count << 8 | index + 1. */
static struct cell *pop_tagged(void)
{
	uint32_t top = atomic_load(&sh->tagged), next;

	do {
		struct cell *c = atomic_load(&sh->v[(top & 0xff) - 1]->next);

		next = (top & ~0xffu) + 0x100 + (c ? (uint32_t)c->value + 1 : 0);
	} while (!atomic_cas(&sh->tagged, &top, next));
	return sh->v[(top & 0xff) - 1];
}

static void push_tagged(struct cell *c)
{
	uint32_t top = atomic_load(&sh->tagged), next;

	do {
		uint32_t below = top & 0xff;

		atomic_store(&c->next, below ? sh->v[below - 1] : NULL);
		next = (top & ~0xffu) + 0x100 + (uint32_t)c->value + 1;
	} while (!atomic_cas(&sh->tagged, &top, next));
}

static void pop_one_tagged(void *arg)
{
	(void)arg;
	pop_tagged();
}

static void pop_two_push_one_tagged(void *arg)
{
	struct cell *c = pop_tagged();

	(void)arg;
	sh->got[1] = (uint32_t)pop_tagged()->value;
	push_tagged(c);
}

static void taken_is_gone_tagged(void *arg)
{
	(void)arg;
	for (struct cell *c = sh->v[(sh->tagged & 0xff) - 1]; c; c = c->next)
		if (c->value == sh->got[1])
			sched_fail("a cell is in the stack and taken");
}

/* ---- missing wake-up ------------------------------------------------------------------- */

static void sleep_late(void *arg)
{
	(void)arg;
	while (!atomic_load(&sh->flag))
		sh->port.wait(sh->port.ctx, &sh->seq, atomic_load(&sh->seq));
}

static void sleep_well(void *arg)
{
	(void)arg;
	for (;;) {
		uint32_t seq = atomic_load(&sh->seq);

		if (atomic_load(&sh->flag))
			return;
		sh->port.wait(sh->port.ctx, &sh->seq, seq);
	}
}

static void wake(void *arg)
{
	(void)arg;
	atomic_store(&sh->flag, 1);
	atomic_add(&sh->seq, 1);
	sh->port.wake(sh->port.ctx, &sh->seq, 1);
}

/* One of two sleepers is woken, and wakes the other. */
static void sleep_in_turn(void *arg)
{
	(void)arg;
	atomic_add(&sh->x, 1);
	sh->port.wait(sh->port.ctx, &sh->flag, 0);
	if (atomic_add(&sh->y, 1) == 1 && atomic_load(&sh->t) == 2 && sched_self() == 2)
		sched_fail("the second was woken first");
	sh->port.wake(sh->port.ctx, &sh->flag, 1);
}

static void wake_one(void *arg)
{
	(void)arg;
	atomic_store(&sh->t, atomic_load(&sh->x));
	atomic_store(&sh->flag, 1);
	sh->port.wake(sh->port.ctx, &sh->flag, 1);
}

/* ---- lock inversion -------------------------------------------------------------------- */

static void both(struct spinlock *first, struct spinlock *second)
{
	spin_lock(&sh->port, first, RANK_NONE);
	spin_lock(&sh->port, second, RANK_NONE);
	spin_unlock(second, RANK_NONE);
	spin_unlock(first, RANK_NONE);
}

static void lock_ab(void *arg)
{
	(void)arg;
	both(&sh->a, &sh->b);
}

static void lock_ba(void *arg)
{
	(void)arg;
	both(&sh->b, &sh->a);
}

/* ---- use after free -------------------------------------------------------------------- */

static void read_plain(void *arg)
{
	struct cell *c = atomic_load(&sh->ptr);

	(void)arg;
	if (c)
		sh->got[0] = (uint32_t)c->value;
}

static void read_atomic(void *arg)
{
	struct cell *c = atomic_load(&sh->ptr);

	(void)arg;
	if (c)
		sh->got[0] = (uint32_t)atomic_load(&c->value);
}

static void read_protected(void *arg)
{
	rcu_read_lock(&sh->port);
	read_plain(arg);
	rcu_read_unlock(&sh->port);
}

static void free_cell(struct quire_rcu_head *head)
{
	sched_free((char *)head - offsetof(struct cell, rcu), sizeof(struct cell));
}

static void unpublish_free(void *arg)
{
	struct cell *c = sh->ptr;

	(void)arg;
	atomic_store(&sh->ptr, NULL);
	sched_free(c, sizeof(*c));
}

static void unpublish_free_rcu(void *arg)
{
	struct cell *c = sh->ptr;

	(void)arg;
	atomic_store(&sh->ptr, NULL);
	sh->port.call_rcu(sh->port.ctx, &c->rcu, free_cell);
}

static void unpublish_wait_free(void *arg)
{
	struct cell *c = sh->ptr;

	(void)arg;
	atomic_store(&sh->ptr, NULL);
	sh->port.synchronize_rcu(sh->port.ctx);
	sched_free(c, sizeof(*c));
}

static void free_rcu_unpublish(void *arg)
{
	struct cell *c = sh->ptr;

	(void)arg;
	sh->port.call_rcu(sh->port.ctx, &c->rcu, free_cell);
	atomic_store(&sh->ptr, NULL);
}

/* ---- a barrier waits for the callback that runs, too -------------------------------------- */

static void comes_and_goes(struct quire_rcu_head *head)
{
	(void)head;
	atomic_store(&sh->flag, 1);
	atomic_store(&sh->flag, 2);
}

static void queues(void *arg)
{
	(void)arg;
	sh->port.call_rcu(sh->port.ctx, &sh->v[0]->rcu, comes_and_goes);
}

static void waits_for_all(void *arg)
{
	uint32_t began = atomic_load(&sh->flag);

	(void)arg;
	sh->port.rcu_barrier(sh->port.ctx);
	if (began && atomic_load(&sh->flag) != 2)
		sched_fail("the callback has not ended");
}

/* ---- stale translation ------------------------------------------------------------------ */

/* One instruction: a translation cached or walked to, and the access. */
static void access_frame(void)
{
	sched_atomic_begin();
	if (!atomic_load(&sh->tlb))
		atomic_store(&sh->tlb, atomic_load(&sh->pte));
	if (atomic_load(&sh->tlb))
		sh->got[0] = (uint32_t)sh->frame[atomic_load(&sh->tlb) - 1]->value;
	atomic_add(&sh->tlb, 0);
	sched_atomic_end();
}

static void access_twice(void *arg)
{
	(void)arg;
	access_frame();
	access_frame();
}

static void free_frame(void *arg)
{
	(void)arg;
	atomic_store(&sh->pte, 0);
	sched_free(sh->frame[0], sizeof(struct cell));
}

static void flush_free_frame(void *arg)
{
	(void)arg;
	atomic_store(&sh->pte, 0);
	atomic_store(&sh->tlb, 0);
	sched_free(sh->frame[0], sizeof(struct cell));
}

/* ---- so many preemptions: the turn goes back and forth ------------------------------------ */

static void turn(uint64_t from)
{
	if (atomic_load(&sh->t) == from)
		atomic_store(&sh->t, from + 1);
}

static void turns(uint64_t from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		turn(from + 2 * i);
}

static void even_twice(void *arg)
{
	(void)arg;
	turns(0, 2);
}

static void even_thrice(void *arg)
{
	(void)arg;
	turns(0, 3);
}

static void odd_twice(void *arg)
{
	(void)arg;
	turns(1, 2);
}

static void locked(void (*f)(void *arg), void *arg)
{
	spin_lock(&sh->port, &sh->a, RANK_PTL);
	f(arg);
	spin_unlock(&sh->a, RANK_PTL);
}

static void even_twice_locked(void *arg)
{
	locked(even_twice, arg);
}

static void even_thrice_locked(void *arg)
{
	locked(even_thrice, arg);
}

static void odd_twice_locked(void *arg)
{
	locked(odd_twice, arg);
}

static void not_four(void *arg)
{
	(void)arg;
	if (sh->t == 4)
		sched_fail("four turns");
}

static void not_five(void *arg)
{
	(void)arg;
	if (sh->t == 5)
		sched_fail("five turns");
}

/* What waits for a lock is let go on for nothing: docs of locks.c, 1. */
static void stores_in_and_out(void *arg)
{
	(void)arg;
	spin_lock(&sh->port, &sh->a, RANK_PTL);
	atomic_store(&sh->x, 1);
	spin_unlock(&sh->a, RANK_PTL);
	atomic_store(&sh->y, 1);
}

static void sees_between(void *arg)
{
	uint32_t x = atomic_load(&sh->x), y = atomic_load(&sh->y);

	(void)arg;
	spin_lock(&sh->port, &sh->a, RANK_PTL);
	if (x && !y && atomic_load(&sh->y))
		sched_fail("y came while the lock was waited for");
	spin_unlock(&sh->a, RANK_PTL);
}

static void only_holds(void *arg)
{
	(void)arg;
	spin_lock(&sh->port, &sh->a, RANK_PTL);
	spin_unlock(&sh->a, RANK_PTL);
}

static void tries(void *arg)
{
	(void)arg;
	if (!spin_trylock(&sh->port, &sh->a, RANK_PTL))
		sched_fail("the lock is held");
	spin_unlock(&sh->a, RANK_PTL);
}

static const struct program programs[] = {
    {"lost update", 1, nothing, {add_torn, add_torn}, two_came},
    {"lost update, mended", -1, nothing, {add_whole, add_whole}, two_came},
    {"lost plain update", 1, nothing, {add_plain, add_plain}, two_came},
    {"lost plain update, mended", -1, nothing, {add_locked, add_locked}, two_came},
    {"lost bit, plain store", 1, nothing, {set_bit_1, set_bit_2}, both_bits},
    {"lost bit, mended", -1, nothing, {set_bit_1_whole, set_bit_2_whole}, both_bits},
    {"aba", 1, cells, {pop_one, pop_two_push_one}, taken_is_gone},
    {"aba, mended", -1, cells, {pop_one_tagged, pop_two_push_one_tagged}, taken_is_gone_tagged},
    {"missing wake-up", 1, nothing, {sleep_late, wake}, NULL},
    {"missing wake-up, mended", -1, nothing, {sleep_well, wake}, NULL},
    {"woken first", 0, nothing, {wake_one, sleep_in_turn, sleep_in_turn}, NULL},
    {"lock inversion", 1, nothing, {lock_ab, lock_ba}, NULL},
    {"lock inversion, mended", -1, nothing, {lock_ab, lock_ab}, NULL},
    {"use after free, plain", 1, cells, {read_plain, unpublish_free}, NULL},
    {"use after free, atomic", 1, cells, {read_atomic, unpublish_free}, NULL},
    {"use after free, no section", 1, cells, {read_plain, unpublish_free_rcu}, NULL},
    {"use after free, other order", 1, cells, {read_protected, free_rcu_unpublish}, NULL},
    {"use after free, mended", -1, cells, {read_protected, unpublish_free_rcu}, NULL},
    {"use after free, waited", -1, cells, {read_protected, unpublish_wait_free}, NULL},
    {"barrier beside a callback", -1, cells, {queues, waits_for_all}, NULL},
    {"stale translation", 1, cells, {access_twice, free_frame}, NULL},
    {"stale translation, mended", -1, cells, {access_twice, flush_free_frame}, NULL},
    {"two preemptions", 2, nothing, {even_twice, odd_twice}, not_four},
    {"two preemptions, mended", -1, nothing, {even_twice_locked, odd_twice_locked}, not_four},
    {"three preemptions", 3, nothing, {even_thrice, odd_twice}, not_five},
    {"three preemptions, mended", -1, nothing, {even_thrice_locked, odd_twice_locked}, not_five},
    {"before an unlock", 1, nothing, {stores_in_and_out, sees_between}, NULL},
    {"trylock of a lock", 1, nothing, {only_holds, tries}, NULL},
};

/* ---- what is expected -------------------------------------------------------------------- */

static void build(const struct program *p, struct subject *sub)
{
	static const char *const names[] = {"A", "B", "C", "D"};

	world_new();
	p->setup();
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (p->actors[i])
			sched_actor(i, names[i], p->actors[i], NULL);
	sched_snapshot();
	*sub = (struct subject){p->after, NULL};
}

static struct explore_result explored(const struct program *p, unsigned bound)
{
	struct explore_options o = {.bound = bound};
	struct explore_result r;
	struct subject sub;

	build(p, &sub);
	explore(&sub, &o, &r);
	return r;
}

/* In a world that knows nothing but the schedule's text. */
static void replays(const struct program *p, const struct schedule *found)
{
	struct schedule read, taken;
	char id[4096], violation[512];
	struct subject sub;

	schedule_format(found, id, sizeof(id));
	CHECK(schedule_parse(id, &read));
	build(p, &sub);
	CHECK(replay(&sub, &read, &taken, violation, sizeof(violation)));
	schedule_format(&taken, id, sizeof(id));
	printf("  %s: %s\n", id, violation);
}

static void is_found(const struct program *p)
{
	struct explore_result r;
	struct subject sub;

	if (p->bound > 0) {
		r = explored(p, (unsigned)p->bound - 1);
		CHECK(r.verdict == EXPLORE_EXHAUSTED);
	}
	r = explored(p, (unsigned)p->bound);
	CHECK(r.verdict == EXPLORE_VIOLATION);
	CHECK(schedule_preemptions(&r.found) == (unsigned)p->bound);
	build(p, &sub);
	shrink(&sub, &r.found, r.violation, sizeof(r.violation));
	CHECK(schedule_preemptions(&r.found) == (unsigned)p->bound);
	replays(p, &r.found);
}

static void random_finds(const struct program *p)
{
	struct explore_options o = {.bound = 3, .limit = 20000, .seed = 7};
	struct explore_result r, again;
	struct subject sub;

	build(p, &sub);
	explore_pct(&sub, &o, &r);
	CHECK((r.verdict == EXPLORE_VIOLATION) == (p->bound >= 0));
	build(p, &sub);
	explore_pct(&sub, &o, &again);
	CHECK(again.schedules == r.schedules && again.steps == r.steps);
	if (p->bound < 0)
		return;
	build(p, &sub);
	shrink(&sub, &r.found, r.violation, sizeof(r.violation));
	replays(p, &r.found);
}

int main(void)
{
	sched_init();
	for (unsigned i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		const struct program *p = &programs[i];

		printf("%s\n", p->name);
		fflush(stdout);
		if (p->bound >= 0)
			is_found(p);
		else
			CHECK(explored(p, 3).verdict == EXPLORE_EXHAUSTED);
		random_finds(p);
	}
	return 0;
}
