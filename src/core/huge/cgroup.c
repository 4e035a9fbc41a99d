/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c: how many huge pages groups of processes may have.
 *
 * Owns struct quire_huge_group, under J.
 *
 *   1  A counter is the sum of what is charged to the group and those below, removed or not.
 *   2  A group is freed when it was removed, nobody refers to it, and nothing is charged to it.
 */
#include "core/huge/cgroup.h"
#include "core/base/kmem.h"
#include "core/base/mm_types.h"
#include "core/base/sized.h"
#include "core/huge/lists.h"

static bool copy_name(struct quire_huge_group *g, const char *name)
{
	size_t n = 0;

	while (n < sizeof(g->name) && name[n])
		n++;
	if (n == sizeof(g->name))
		return false;
	memcpy(g->name, name, n);
	return true;
}

static void set_no_limits(struct quire_huge_group *g)
{
	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		for (unsigned k = 0; k < QUIRE_NR_HUGE_COUNTS; k++)
			g->counters[i][k].limit = QUIRE_HUGE_NO_LIMIT;
}

/* J held, as for leave(): an address space, or a group below. */
static void join(struct quire_huge_group *g)
{
	g->refs++;
	g->users++;
}

int quire_huge_group_create(struct quire_machine *m, struct quire_huge_group *parent,
			    const char *name, struct quire_huge_group **out)
{
	struct quire_huge_group *g = kmem_zalloc(m, sizeof(*g));

	if (!g)
		return -QENOMEM;
	if (!copy_name(g, name)) {
		kmem_free(m, g, sizeof(*g));
		return -QEINVAL;
	}
	g->machine = m;
	g->parent = parent;
	g->refs = 1;
	set_no_limits(g);
	pool_lock(m);
	if (parent)
		join(parent);
	dlist_add_tail(&m->huge.books.groups, &g->node);
	pool_unlock(m);
	*out = g;
	return 0;
}

static bool has_charges(const struct quire_huge_group *g)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++)
		for (unsigned k = 0; k < QUIRE_NR_HUGE_COUNTS; k++)
			n += g->counters[i][k].usage;
	return n != 0;
}

/* J held.  Invariant 2: and then the one above may be gone, too. */
static void free_if_gone(struct quire_huge_group *g)
{
	while (g && !g->refs && !has_charges(g)) {
		struct quire_huge_group *parent = g->parent;

		dlist_del(&g->node);
		kmem_free(g->machine, g, sizeof(*g));
		if (parent)
			parent->refs--;
		g = parent;
	}
}

/* J held. */
static int remove_group(struct quire_huge_group *g)
{
	if (g->users)
		return -QEBUSY;
	g->removed = true;
	if (g->parent)
		g->parent->users--;
	g->refs--;
	free_if_gone(g);
	return 0;
}

int quire_huge_group_remove(struct quire_huge_group *g)
{
	struct quire_machine *m = g->machine;
	int err;

	pool_lock(m);
	err = remove_group(g);
	pool_unlock(m);
	return err;
}

static void leave(struct quire_huge_group *g)
{
	g->refs--;
	g->users--;
	free_if_gone(g);
}

void huge_group_enter(struct quire_machine *m, struct quire_huge_group **word,
		      struct quire_huge_group *g)
{
	pool_lock(m);
	if (g)
		join(g);
	if (*word)
		leave(*word);
	*word = g;
	pool_unlock(m);
}

void huge_group_inherit(struct quire_machine *m, struct quire_huge_group **word,
			struct quire_huge_group *const *parent)
{
	pool_lock(m);
	*word = *parent;
	if (*word)
		join(*word);
	pool_unlock(m);
}

void quire_mm_set_huge_group(struct quire_mm *mm, struct quire_huge_group *g)
{
	huge_group_enter(mm->machine, &mm->huge_group, g);
}

int quire_huge_group_set_limit(struct quire_huge_group *g, enum quire_huge size,
			       enum quire_huge_count which, uint64_t bytes)
{
	if ((unsigned)size >= QUIRE_NR_HUGE || (unsigned)which >= QUIRE_NR_HUGE_COUNTS)
		return -QEINVAL;
	pool_lock(g->machine);
	g->counters[size][which].limit =
	    bytes == QUIRE_HUGE_NO_LIMIT ? bytes : bytes / quire_huge_bytes(size);
	pool_unlock(g->machine);
	return 0;
}

static void read_counters(const struct quire_huge_group *g, enum quire_huge size,
			  struct quire_huge_group_info *i)
{
	for (unsigned k = 0; k < QUIRE_NR_HUGE_COUNTS; k++) {
		const struct huge_counter *c = &g->counters[size][k];

		i->counts[k].usage = c->usage;
		i->counts[k].peak = c->peak;
		i->counts[k].limit = c->limit;
		i->counts[k].refused = c->refused;
	}
	i->events = g->events[size];
	i->events_local = g->events_local[size];
}

int quire_huge_group_info_sized(struct quire_huge_group *g, enum quire_huge size,
				struct quire_huge_group_info *out, size_t out_size)
{
	struct quire_huge_group_info i;

	if ((unsigned)size >= QUIRE_NR_HUGE)
		return -QEINVAL;
	pool_lock(g->machine);
	read_counters(g, size, &i);
	pool_unlock(g->machine);
	fill_sized(out, out_size, &i, sizeof(i));
	return 0;
}

/* ---- J held ----------------------------------------------------------------------- */

static void count_refusal(struct quire_huge_group *g, struct quire_huge_group *limit,
			  const struct hstate *h, enum quire_huge_count which)
{
	limit->counters[h->size][which].refused++;
	g->events_local[h->size]++;
	for (; g; g = g->parent)
		g->events[h->size]++;
}

/* The lowest group at or above it that refuses n more, or NULL. */
static struct quire_huge_group *refusing(struct quire_huge_group *g, const struct hstate *h,
					 enum quire_huge_count which, uint64_t n)
{
	for (; g; g = g->parent) {
		const struct huge_counter *c = &g->counters[h->size][which];

		if (c->usage > c->limit || n > c->limit - c->usage)
			return g;
	}
	return NULL;
}

struct quire_huge_group *huge_group_charge(struct quire_huge_group *g, const struct hstate *h,
					   enum quire_huge_count which, uint64_t n)
{
	struct quire_huge_group *limit = n ? refusing(g, h, which, n) : NULL;

	if (limit) {
		count_refusal(g, limit, h, which);
		return limit;
	}
	for (; g; g = g->parent) {
		struct huge_counter *c = &g->counters[h->size][which];

		c->usage += n;
		if (c->usage > c->peak)
			c->peak = c->usage;
	}
	return NULL;
}

void huge_group_uncharge(struct quire_huge_group *g, const struct hstate *h,
			 enum quire_huge_count which, uint64_t n)
{
	struct quire_huge_group *first = g;

	for (; g; g = g->parent)
		g->counters[h->size][which].usage -= n;
	free_if_gone(first);
}
