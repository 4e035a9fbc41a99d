/* SPDX-License-Identifier: MIT */
/*
 * point.c: accesses: which of them are decisions, and what each tells of the order of the others.
 *
 * Owns S.seen, S.hot and S.hot_words.
 *
 *   1  A word is hot if, in some run so far, two actors touched it and one of them wrote it.
 *      An access to any other word commutes with all that the other actors do: the decision
 *      before it would be that before the next hot one (or the end), made a little early.
 *   2  S.hot changes between runs only: a run is a function of the choices.
 *   3  hash of an actor = f(its hash before, the word, the last write to the word, for a write
 *      also the reads since).  So the hashes of all actors say in what order conflicting accesses
 *      happened and nothing else, which determines the state that they have led to.
 *   4  Plain accesses to a word are decisions and events once two of them were seen that nothing
 *      orders (order.c): HOT_PLAIN.
 *   5  (actor, at) names a decision, whatever is hot: at is the number of the access among those
 *      of sync.h, and above SCHED_AT_PLAIN_SHIFT that of the plain one since.
 */
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x =
	    (a ^ (b + 0x9e3779b97f4a7c15ull + (a << 6) + (a >> 2))) * 0xbf58476d1ce4e5b9ull;

	x ^= x >> 29;
	x *= 0x94d049bb133111ebull;
	return x ^ (x >> 32);
}

/* ---- learning ---------------------------------------------------------------- */

static bool conflicting(uint16_t seen)
{
	unsigned writers = seen >> 8, all = (seen | writers) & 0xff;

	return writers && (all & (all - 1));
}

static inline void note_seen(uint32_t word, enum sched_op op)
{
	uint16_t bit = (uint16_t)((op == SCHED_LOAD ? 1u : 0x100u) << self_index());

	if (S.seen[word] & bit)
		return;
	S.seen[word] |= bit;
	if (!S.hot[word] && conflicting(S.seen[word]))
		S.learned = true;
}

/* Fewer words than there are would be a promise that is not kept. */
static void make_hot(uint32_t word)
{
	if (S.hot[word])
		return;
	if (S.nr_hot + 1 == MAX_HOT) {
		fprintf(stderr, "quire-check: more than %u shared words\n", MAX_HOT - 1);
		exit(2);
	}
	S.hot_list[++S.nr_hot] = word;
	S.hot[word] = (uint16_t)S.nr_hot;
}

static void make_plain(uint32_t word)
{
	make_hot(word);
	if (S.hot[word] & HOT_PLAIN)
		return;
	S.hot[word] |= HOT_PLAIN;
	S.nr_plain++;
	S.learned = true;
}

void point_make_hot(uint32_t word, bool plain)
{
	if (plain)
		make_plain(word);
	else
		make_hot(word);
}

bool sched_learned(void)
{
	return S.learned;
}

static void learn_between(uint32_t from, uint32_t to)
{
	for (uint32_t word = from >> 2; word < to >> 2; word++)
		if (!S.hot[word] && conflicting(S.seen[word]))
			make_hot(word);
}

/* After a run: what was met in it is hot in the next. */
void points_learn(void)
{
	if (!S.learned) {
		for (unsigned i = 0; i < S.nr_races; i++)
			make_plain(S.races[i]);
		return;
	}
	learn_between(0, sizeof(struct pseudo_words));
	for (unsigned i = 0; i <= SCHED_ALL; i++)
		learn_between(S.regions[i].start, S.regions[i].brk);
}

void points_begin_run(void)
{
	S.learned = false;
	for (unsigned i = 1; i <= S.nr_hot; i++)
		S.hot_words[i] = (struct hot_word){.last_write = 0};
	order_begin_run();
}

bool sched_all_points(bool on)
{
	bool was = S.all_points;

	S.all_points = on;
	return was;
}

/* ---- decisions --------------------------------------------------------------- */

static void decide(void)
{
	struct sched_decision d = {
	    .kind = DECIDE_PREEMPT, .actor = self_index(), .at = actor_at(S.cur)};
	int next;

	d.enabled = actors_enabled();
	if (!(d.enabled & (d.enabled - 1)))
		return;
	next = S.choose(S.choose_ctx, &d);
	if (next == SCHED_PRUNE) {
		S.outcome = RUN_PRUNED;
		actor_switch_to(NULL);
	}
	if (S.cur == &S.actors[SCHED_GRACE] && next != SCHED_GRACE)
		S.interrupted = NULL; /* the callbacks are an actor like others now */
	actor_switch_to(&S.actors[next]);
}

static void count_step(void)
{
	S.cur->points++;
	S.cur->plain = 0;
	if (++S.steps > SCHED_STEP_LIMIT)
		sched_fail("livelock: %s goes on and on", sched_actor_name(self_index()));
}

void point_here(void)
{
	count_step();
	decide();
}

/* An access of 8 bytes is one of two words. */
static unsigned words_of(size_t bytes)
{
	return bytes > 4 ? 2 : 1;
}

void sched_decide(enum sched_op op, const volatile void *p, size_t bytes)
{
	uint32_t word = arena_offset(p) >> 2;
	unsigned hot = S.all_points;

	if (!scheduling())
		return;
	count_step();
	if (!in_arena(p))
		return;
	for (unsigned i = 0; i < words_of(bytes); i++) {
		note_seen(word + i, op);
		hot |= S.hot[word + i];
	}
	if (hot)
		decide();
}

static inline struct hot_word *hot_word(uint32_t word)
{
	return &S.hot_words[S.hot[word] & HOT_INDEX];
}

/* A load is one plain access, a store one, another change one of each. */
static inline void tell_of(enum sched_op op, const volatile void *p)
{
	S.told = p;
	S.told_read = op != SCHED_STORE;
	S.told_write = op != SCHED_LOAD;
}

/* True: this plain access is what was told of.  It is used up by that. */
static inline bool was_told(const void *p, bool write)
{
	bool *told = write ? &S.told_write : &S.told_read;

	if (p != S.told || !*told) {
		S.told = NULL;
		return false;
	}
	*told = false;
	return true;
}

static void word_event(enum sched_op op, uint32_t word)
{
	struct hot_word *h = hot_word(word);
	struct sched_actor *a = S.cur;

	if (op == SCHED_LOAD) {
		a->hash = mix(a->hash, mix(word, h->last_write));
		h->reads += a->hash;
	} else {
		a->hash = mix(a->hash, mix(word, h->last_write + h->reads) + 1);
		h->last_write = a->hash;
		h->reads = 0;
	}
	order_release(h, op != SCHED_LOAD);
}

void sched_event(enum sched_op op, const volatile void *p, size_t bytes)
{
	uint32_t word = arena_offset(p) >> 2;

	if (!S.cur || !in_arena(p))
		return;
	for (unsigned i = 0; i < words_of(bytes); i++) {
		note_seen(word + i, op);
		if (S.hot[word + i])
			order_acquire(hot_word(word + i), op != SCHED_LOAD);
	}
	order_access(arena_offset(p), bytes, op != SCHED_LOAD);
	for (unsigned i = 0; i < words_of(bytes); i++)
		if (S.hot[word + i])
			word_event(op, word + i);
	tell_of(op, p);
}

void *sched_at(enum sched_op op, const volatile void *p, size_t bytes)
{
	if (!S.cur)
		return (void *)(uintptr_t)p;
	if (__builtin_expect(S.tell_raw, 0))
		tell_access(op, p);
	sched_decide(op, p, bytes);
	sched_event(op, p, bytes);
	return (void *)(uintptr_t)p;
}

static bool any_plain(uint32_t first, uint32_t last)
{
	for (uint32_t word = first; word <= last; word++)
		if (S.hot[word] & HOT_PLAIN)
			return true;
	return false;
}

static void plain_acquire(bool write, uint32_t first, uint32_t last)
{
	for (uint32_t word = first; word <= last; word++)
		if (S.hot[word] & HOT_PLAIN)
			order_acquire(hot_word(word), write);
}

static void plain_events(bool write, uint32_t first, uint32_t last)
{
	for (uint32_t word = first; word <= last; word++)
		if (S.hot[word] & HOT_PLAIN)
			word_event(write ? SCHED_STORE : SCHED_LOAD, word);
}

/* What sched_event() was told of is done by a plain access, which is no other one. */
void point_plain(const void *p, size_t bytes, bool write)
{
	uint32_t at = arena_offset(p), first = at >> 2, last = (at + (uint32_t)bytes - 1) >> 2;
	bool hot;

	if (was_told(p, write))
		return;
	S.cur->plain++;
	hot = S.nr_plain && any_plain(first, last);
	if ((hot || S.all_points) && scheduling() && S.cur->plain <= AT_PLAIN_MAX)
		decide();
	if (hot)
		plain_acquire(write, first, last);
	order_access(at, bytes, write);
	if (hot)
		plain_events(write, first, last);
}

/* ---- content of frames --------------------------------------------------------- */

static bool in_ram(const void *p, size_t bytes)
{
	return bytes && arena_offset(p) - S.ram_start < S.ram_end - S.ram_start;
}

/* Most of a page lies in words that nobody else touches. */
void content_decide(enum sched_op op, const void *p, size_t bytes)
{
	uint32_t first = arena_offset(p) >> 2, last = (arena_offset(p) + (uint32_t)bytes - 1) >> 2;
	bool hot = S.all_points;

	if (!scheduling() || !in_ram(p, bytes))
		return;
	count_step();
	for (uint32_t word = first; word <= last; word++) {
		note_seen(word, op);
		hot |= S.hot[word] != 0;
	}
	if (hot)
		decide();
}

void content_event(enum sched_op op, const void *p, size_t bytes)
{
	uint32_t first = arena_offset(p) >> 2, last = (arena_offset(p) + (uint32_t)bytes - 1) >> 2;

	if (!S.cur || !in_ram(p, bytes))
		return;
	for (uint32_t word = first; word <= last; word++)
		if (S.hot[word])
			order_acquire(hot_word(word), op != SCHED_LOAD);
	order_access(arena_offset(p), bytes, op != SCHED_LOAD);
	for (uint32_t word = first; word <= last; word++)
		if (S.hot[word])
			word_event(op, word);
	tell_of(op, p);
}

unsigned sched_choice(unsigned n)
{
	struct sched_decision d = {.kind = DECIDE_CHOICE, .n = n};
	int value;

	if (!scheduling())
		return 0;
	count_step();
	d.actor = self_index();
	d.at = S.cur->points;
	value = n > 1 ? S.choose(S.choose_ctx, &d) : 0;
	if (value == SCHED_PRUNE) {
		S.outcome = RUN_PRUNED;
		actor_switch_to(NULL);
	}
	S.cur->hash = mix(S.cur->hash, (uint64_t)value + 7);
	return (unsigned)value;
}

/* What an actor did since its last event is no part of its hash: it may have ended. */
static uint64_t where(const struct sched_actor *a)
{
	return ((uint64_t)actor_at(a) << 3 | a->state) * 0x9e3779b97f4a7c15ull;
}

uint64_t sched_state_hash(void)
{
	uint64_t h = 0;

	for (unsigned i = 0; i < SCHED_ALL; i++)
		h = mix(h, S.actors[i].hash + where(&S.actors[i]));
	/* Two actors that leave their sections commute, but the callbacks return to one of them. */
	return S.interrupted ? h + (uint64_t)(S.interrupted - S.actors) + 1 : h;
}
