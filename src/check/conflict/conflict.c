/* SPDX-License-Identifier: MIT */
/*
 * conflict.c: the cache lines that two actors both touch, one of them writing.
 *
 * Two actors do, one after the other, what is meant not to disturb each other; each access to the
 * arena is noted for its line of 64 bytes.  What is done once and not again (tables, the lists of
 * frames of each CPU) is done before and not noted.  Each case is run in both orders.
 *
 *   1  Faults in pages under different last-level tables write no line that another one touches.
 *   2  Under one table they share its lock.
 *   3  A fault reads what a change of mappings elsewhere writes: the tree, by its root.  What it
 *      writes and the other one touches are its counters, read before an unmap, and the lock
 *      of its table, if that table was made together with the one above, whose lock lies beside.
 *
 * Not compiled with the hooks: what is noted is the library.
 */
#include "check/conflict/conflict.h"

#include <stdio.h>
#include <string.h>

#include "port/sched/internal.h"
#undef PAGE
#include "check/world/scenario.h"

#define LINE_SHIFT 6
#define LINES (ARENA_SIZE >> LINE_SHIFT)
#define EDGE (512 * PAGE) /* from BASE: where one last-level table ends, another begins */
#define PAGES 6u          /* that each actor faults in */
#define MAX_TOLD 16u

/* Bits are actors. */
struct line {
	uint8_t readers, writers;
	const void *read_by[SCHED_ALL], *written_by[SCHED_ALL]; /* the first */
};

static struct line lines[LINES];
static bool noting;

enum known { KNOWN_NONE, KNOWN_PTL, KNOWN_READS };

struct conflict_case {
	struct scenario scenario;
	enum known known;
};

static const char *line_start(uint32_t i)
{
	return (const char *)ARENA_BASE + ((size_t)i << LINE_SHIFT);
}

/* ---- noting ------------------------------------------------------------------------- */

static void note_line(struct line *l, unsigned actor, bool write, const void *where)
{
	const void **by = write ? &l->written_by[actor] : &l->read_by[actor];

	if (write)
		l->writers |= (uint8_t)(1u << actor);
	else
		l->readers |= (uint8_t)(1u << actor);
	if (!*by)
		*by = where;
}

static void note_access(unsigned actor, const void *p, size_t bytes, bool write, const void *where)
{
	uint32_t first = arena_offset(p) >> LINE_SHIFT;
	uint32_t last = (arena_offset(p) + (uint32_t)bytes - 1) >> LINE_SHIFT;

	for (uint32_t i = first; noting && i <= last; i++)
		note_line(&lines[i], actor, write, where);
}

/* ---- what actors do ------------------------------------------------------------------ */

static void fault_in(struct world *w, uint64_t addr)
{
	expect(quire_fault(w->mm, addr, QUIRE_WRITE, NULL) == QUIRE_FAULT_OK, "fault");
}

/* The first fault fetches frames and tables; entries of the others lie lines apart from it. */
static void fault_pages(struct world *w, uint64_t addr)
{
	fault_in(w, addr);
	noting = true;
	for (unsigned i = 1; i <= PAGES; i++)
		fault_in(w, addr + i * 8 * PAGE);
	noting = false;
}

static void map_once(struct world *w, uint64_t addr)
{
	must(quire_mmap(w->mm, addr, 4 * PAGE, PROT_RW, MAP_ANON_PRIVATE, NULL, 0, &addr), "mmap");
	fault_in(w, addr);
	must(quire_munmap(w->mm, addr, 4 * PAGE), "munmap");
}

static void fault_here(struct world *w)
{
	fault_pages(w, w->addr + EDGE - 128 * PAGE);
}

static void fault_next_table(struct world *w)
{
	fault_pages(w, w->addr + EDGE);
}

static void fault_same_table(struct world *w)
{
	fault_pages(w, w->addr + EDGE - 64 * PAGE);
}

static void map_elsewhere(struct world *w)
{
	uint64_t addr = w->addr + 64 * EDGE;

	map_once(w, addr);
	noting = true;
	map_once(w, addr);
	noting = false;
}

static void setup_one(struct world *w)
{
	map_anon(w, w->addr + EDGE - 128 * PAGE, 192, PROT_RW);
}

static void setup_two(struct world *w)
{
	map_anon(w, w->addr + EDGE - 128 * PAGE, 64, PROT_RW);
	map_anon(w, w->addr + EDGE, 64, PROT_RW);
}

static const struct conflict_case cases[] = {
    {{.name = "one-mapping",
      .title = "faults in one mapping, under different tables",
      .frames = 224,
      .setup = setup_one,
      .actors = {{"one", fault_here}, {"two", fault_next_table}}},
     KNOWN_NONE},
    {{.name = "two-mappings",
      .title = "faults in different mappings",
      .frames = 224,
      .setup = setup_two,
      .actors = {{"one", fault_here}, {"two", fault_next_table}}},
     KNOWN_NONE},
    {{.name = "one-table",
      .title = "faults in one mapping, under one table",
      .frames = 224,
      .setup = setup_one,
      .actors = {{"one", fault_here}, {"two", fault_same_table}}},
     KNOWN_PTL},
    {{.name = "map-elsewhere",
      .title = "faults while another maps, faults and unmaps elsewhere",
      .frames = 224,
      .setup = setup_one,
      .actors = {{"fault", fault_here}, {"map", map_elsewhere}}},
     KNOWN_READS},
};

/* ---- telling ---------------------------------------------------------------------------- */

static void tell_side(unsigned actor, const char *does, const void *where)
{
	char name[100];

	if (!where)
		return;
	symbol_name(where, name, sizeof(name));
	printf(", %s %s (%s)", sched_actor_name(actor), does, name);
}

static void tell_line(const struct world *w, uint32_t i)
{
	const struct line *l = &lines[i];
	char what[120];

	line_name(w, line_start(i), what, sizeof(what));
	printf("    %s", what);
	for (unsigned a = 0; a < 2; a++) {
		tell_side(a, "reads", l->read_by[a]);
		tell_side(a, "writes", l->written_by[a]);
	}
	printf("\n");
}

/* ---- what is expected ------------------------------------------------------------------- */

static bool conflicting(const struct line *l)
{
	unsigned all = (unsigned)(l->readers | l->writers) & 3;

	return (l->writers & 3) && all == 3;
}

/* The metadata of two tables, one of them an upper one, may lie in one line. */
static bool is_known(const struct world *w, enum known known, uint32_t i)
{
	const char *p = line_start(i);

	if (known == KNOWN_PTL)
		return line_of_tables(w, p);
	if (known != KNOWN_READS)
		return false;
	return !(lines[i].writers & 1) || line_of_tables(w, p) ||
	       (line_of_stripe(w, p) && !(lines[i].writers & 2));
}

/* Nobody is interrupted; `first` begins. */
struct order {
	unsigned first;
	bool begun;
};

static int in_turn(void *ctx, const struct sched_decision *d)
{
	struct order *o = ctx;
	int usual = usual_decision(d);

	if (!o->begun)
		usual = (int)o->first;
	o->begun = true;
	return usual;
}

static unsigned tell_order(const struct conflict_case *c, const struct world *w, unsigned first)
{
	unsigned shared = 0, unknown = 0, written = 0;

	for (uint32_t i = 0; i < LINES; i++) {
		written += (lines[i].writers & 3) != 0;
		if (!conflicting(&lines[i]))
			continue;
		shared++;
		unknown += !is_known(w, c->known, i);
	}
	printf("  %s first: %u lines written, %u of them shared%s\n",
	       c->scenario.actors[first].name, written, shared,
	       unknown  ? ", which is new"
	       : shared ? ", as is known"
			: "");
	for (uint32_t i = 0, told = 0; i < LINES && told < MAX_TOLD; i++)
		if (conflicting(&lines[i])) {
			tell_line(w, i);
			told++;
		}
	return unknown + !written;
}

static unsigned run_case(const struct conflict_case *c)
{
	unsigned unknown = 0;
	struct subject sub;

	printf("%s\n", c->scenario.title);
	world_build(&c->scenario, &sub);
	for (unsigned first = 0; first < 2; first++) {
		struct order o = {.first = first};

		noting = false;
		memset(lines, 0, sizeof(lines));
		sched_watch(note_access);
		if (sched_run(in_turn, &o, NULL, NULL) != RUN_DONE) {
			printf("  %s\n", sched_violation());
			unknown++;
		}
		sched_watch(NULL);
		unknown += tell_order(c, sub.arg, first);
	}
	return unknown;
}

int conflicts(void)
{
	unsigned unknown = 0;

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		unknown += run_case(&cases[i]);
	return unknown != 0;
}
