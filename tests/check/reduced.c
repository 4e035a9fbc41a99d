/* SPDX-License-Identifier: MIT */
/*
 * reduced.c: random programs: what is left out of an exploration would have shown nothing.
 *
 * Each program is explored whole (every access a decision, no state left out) and reduced
 * (decisions where something is shared, states once), to the same bound of preemptions: the same
 * final states are reached, and one finds a violation if the other does.  So does the union of
 * three shards.  reduced [FIRST [LAST]]: numbers of programs.
 */
#include "engine.h"

#define MAX_STATES 65536u
#define MAX_OPS 4u
#define PROGRAMS 400u
#define SHARDS 3u

enum op_kind {
	OP_LOAD,
	OP_STORE,
	OP_ADD,
	OP_CAS,
	OP_PLAIN_LOAD,
	OP_PLAIN_STORE,
	OP_LOCKED_ADD,
	OP_NESTED,
	OP_TRYLOCK,
	OP_READ_SECTION,
	OP_CALL_RCU,
	OP_SYNCHRONIZE,
	OP_CHOICE,
	OP_WAKE,
	OP_WAIT,
	OP_WIDE_STORE,
	NR_OPS
};

struct op {
	enum op_kind kind;
	unsigned word, lock;
};

struct program {
	unsigned actors, bound;
	unsigned n[SCHED_ACTORS];
	struct op ops[SCHED_ACTORS][MAX_OPS];
};

struct states {
	unsigned n;
	uint64_t v[MAX_STATES];
};

static struct program prog;
static struct states *reached;
static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)((seed >> 33) % n);
}

/* ---- an actor ----------------------------------------------------------------------- */

static uint32_t *word(unsigned i)
{
	return i ? &sh->y : &sh->x;
}

static struct spinlock *lock(unsigned i)
{
	return i ? &sh->b : &sh->a;
}

static void see(uint32_t value)
{
	uint32_t *got = &sh->got[sched_self()];

	*got = *got * 31 + value + 1;
}

static void callback(struct quire_rcu_head *head)
{
	(void)head;
	atomic_add(&sh->seq, 3);
}

static void locked_add(const struct op *o)
{
	spin_lock(&sh->port, lock(o->lock), RANK_NONE);
	sh->plain = sh->plain * 3 + sched_self();
	atomic_add(word(o->word), 1);
	spin_unlock(lock(o->lock), RANK_NONE);
}

static void nested(const struct op *o)
{
	spin_lock(&sh->port, lock(o->lock), RANK_NONE);
	atomic_add(word(o->word), 2);
	spin_lock(&sh->port, lock(!o->lock), RANK_NONE);
	see(atomic_load(word(o->word)));
	spin_unlock(lock(!o->lock), RANK_NONE);
	spin_unlock(lock(o->lock), RANK_NONE);
}

static void try(const struct op *o)
{
	bool got = spin_trylock(&sh->port, lock(o->lock), RANK_NONE);

	see(got);
	if (got)
		spin_unlock(lock(o->lock), RANK_NONE);
}

static void cas(const struct op *o)
{
	uint32_t v = 1;

	see(atomic_cas(word(o->word), &v, 5));
	see(v);
}

static void section(const struct op *o)
{
	rcu_read_lock(&sh->port);
	see(atomic_load(&sh->seq));
	see(atomic_load(word(o->word)));
	rcu_read_unlock(&sh->port);
}

static void step(const struct op *o)
{
	struct cell *mine = sh->v[sched_self()];

	switch (o->kind) {
	case OP_LOAD:
		see(atomic_load(word(o->word)));
		break;
	case OP_STORE:
		atomic_store(word(o->word), sh->got[sched_self()] & 3);
		break;
	case OP_ADD:
		atomic_add(word(o->word), 1);
		break;
	case OP_CAS:
		cas(o);
		break;
	case OP_PLAIN_LOAD:
		see(sh->pte);
		break;
	case OP_PLAIN_STORE:
		sh->pte = sched_self() + 1;
		break;
	case OP_LOCKED_ADD:
		locked_add(o);
		break;
	case OP_NESTED:
		nested(o);
		break;
	case OP_TRYLOCK:
		try(o);
		break;
	case OP_READ_SECTION:
		section(o);
		break;
	case OP_CALL_RCU:
		if (mine && !mine->value++)
			sh->port.call_rcu(sh->port.ctx, &mine->rcu, callback);
		break;
	case OP_SYNCHRONIZE:
		sh->port.synchronize_rcu(sh->port.ctx);
		atomic_add(word(o->word), 7);
		break;
	case OP_CHOICE:
		see(sched_choice(2));
		break;
	case OP_WAKE:
		atomic_store(&sh->flag, 1);
		sh->port.wake(sh->port.ctx, &sh->flag, 1);
		break;
	case OP_WAIT:
		sh->port.wait(sh->port.ctx, &sh->flag, 0);
		see(9);
		break;
	default:
		memset(&sh->pte, (int)sched_self(), 8);
	}
}

static void actor(void *arg)
{
	unsigned i = sched_self();

	(void)arg;
	for (unsigned k = 0; k < prog.n[i]; k++)
		step(&prog.ops[i][k]);
}

/* ---- final states --------------------------------------------------------------------- */

static uint64_t state(void)
{
	const uint32_t v[] = {sh->x,      sh->y,      sh->seq,    sh->flag,   sh->plain, sh->pte,
			      sh->got[0], sh->got[1], sh->got[2], sh->got[3], sh->tlb};
	uint64_t h = 1;

	for (unsigned i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		h = (h ^ v[i]) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 32;
}

static void reach(void *arg)
{
	uint64_t h = state();

	(void)arg;
	for (unsigned i = 0; i < reached->n; i++)
		if (reached->v[i] == h)
			return;
	CHECK(reached->n < MAX_STATES);
	reached->v[reached->n++] = h;
}

static bool subset(const struct states *a, const struct states *b)
{
	for (unsigned i = 0; i < a->n; i++) {
		unsigned k = 0;

		while (k < b->n && b->v[k] != a->v[i])
			k++;
		if (k == b->n)
			return false;
	}
	return true;
}

/* ---- programs ------------------------------------------------------------------------- */

static void make_program(unsigned number)
{
	seed = number * 0x9e3779b97f4a7c15ull + 1;
	draw(2);
	prog.actors = 2 + !draw(3);
	prog.bound = draw(4);
	if (prog.actors == 3 && prog.bound == 3)
		prog.bound = 2;
	for (unsigned i = 0; i < prog.actors; i++) {
		prog.n[i] = 1 + draw(prog.actors == 3 ? 2 : MAX_OPS);
		for (unsigned k = 0; k < prog.n[i]; k++)
			prog.ops[i][k] = (struct op){(enum op_kind)draw(NR_OPS), draw(2), draw(2)};
	}
}

static void build(struct subject *sub)
{
	static const char *const names[] = {"A", "B", "C"};

	world_new();
	for (unsigned i = 0; i < 3; i++) {
		sh->v[i] = sched_alloc(sizeof(struct cell));
		memset(sh->v[i], 0, sizeof(struct cell));
	}
	for (unsigned i = 0; i < prog.actors; i++)
		sched_actor(i, names[i], actor, NULL);
	sched_snapshot();
	*sub = (struct subject){reach, NULL};
}

static struct explore_result run(struct states *to, const struct explore_options *o)
{
	struct explore_result r;
	struct subject sub;

	reached = to;
	to->n = 0;
	build(&sub);
	explore(&sub, o, &r);
	return r;
}

/* Shards that learn from each other until none has anything to learn. */
static bool run_shards(struct states *to)
{
	struct explore_options o = {.bound = prog.bound, .nshards = SHARDS};
	bool learned, violation;
	struct subject sub;

	reached = to;
	build(&sub);
	do {
		to->n = 0;
		learned = violation = false;
		for (o.shard = 0; o.shard < SHARDS; o.shard++) {
			struct explore_result r;

			explore(&sub, &o, &r);
			learned |= r.restarts > 0;
			violation |= r.verdict == EXPLORE_VIOLATION;
		}
	} while (learned && !violation);
	return violation;
}

static void print_program(unsigned number)
{
	printf("program %u, bound %u\n", number, prog.bound);
	for (unsigned i = 0; i < prog.actors; i++) {
		printf("  %u:", i);
		for (unsigned k = 0; k < prog.n[i]; k++)
			printf(" %u.%u.%u", prog.ops[i][k].kind, prog.ops[i][k].word,
			       prog.ops[i][k].lock);
		printf("\n");
	}
}

static bool same(unsigned number, bool verbose)
{
	static struct states all, some, parts;
	struct explore_options o = {.bound = 0, .no_cache = true};
	struct explore_result whole, reduced;
	bool in_parts;

	make_program(number);
	o = (struct explore_options){.bound = prog.bound};
	reduced = run(&some, &o);
	in_parts = run_shards(&parts);
	sched_all_points(true);
	o.no_cache = true;
	whole = run(&all, &o);
	sched_all_points(false);
	if (verbose)
		printf("%u: %llu schedules, reduced %llu, states %u\n", number,
		       (unsigned long long)whole.schedules, (unsigned long long)reduced.schedules,
		       all.n);
	if (whole.verdict != reduced.verdict || in_parts != (whole.verdict == EXPLORE_VIOLATION)) {
		print_program(number);
		printf("  whole: %d %s, reduced: %d %s, shards: %d\n", whole.verdict,
		       whole.violation, reduced.verdict, reduced.violation, in_parts);
		return false;
	}
	if (whole.verdict == EXPLORE_VIOLATION || (subset(&all, &some) && subset(&all, &parts)))
		return true;
	print_program(number);
	printf("  states: whole %u, reduced %u, shards %u\n", all.n, some.n, parts.n);
	return false;
}

int main(int argc, char **argv)
{
	unsigned first = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	unsigned last = argc > 2 ? (unsigned)atoi(argv[2]) : argc > 1 ? first : PROGRAMS - 1;
	unsigned bad = 0;

	sched_init();
	for (unsigned i = first; i <= last; i++)
		bad += !same(i, argc > 1);
	printf("%u programs, %u differ\n", last - first + 1, bad);
	return bad != 0;
}
