/* SPDX-License-Identifier: MIT */
/*
 * random_model.h: random scripts come from a grammar of steps and arguments (random_steps.c), and
 * a model of what is mapped, so that most steps meet something.
 *
 * What would take the executing program's own memory is not made: ranges stay inside of the arena
 * and of what lies far above it, or are the script's own mappings that may go anywhere, or are
 * refused by every kernel for their size.
 */
#ifndef REPLAY_RANDOM_MODEL_H
#define REPLAY_RANDOM_MODEL_H

#include "replay/random/random.h"

#define USED_PAGES 40u /* of the arena: few, so that steps meet */
#define MAX_ANYWHERE 4u
#define TABLE_PAGES 512ull

/* A mapping that a variable holds, for its place was left to the kernel.  0 pages:
 * none, or gone. */
struct anywhere {
	uint64_t pages;
	uint8_t process; /* whose */
};

struct model {
	struct random_source *r;
	struct script *s;
	enum random_kind kind;
	const struct choice *choices;
	unsigned nr_choices;
	uint8_t mapped[MAX_ACTORS][USED_PAGES]; /* by process */
	uint8_t huge_mapped[MAX_ACTORS][HUGE_PAGES];
	uint8_t process[MAX_ACTORS];
	bool alive[MAX_ACTORS], thread[MAX_ACTORS];
	bool limited[MAX_ACTORS]; /* by process: there may be no memory for a thread's stack */
	struct anywhere anywhere[MAX_ANYWHERE]; /* of variable VAR_FIRST + i */
};

struct choice {
	enum verb verb;
	unsigned weight;
	void (*make)(struct model *m, struct step *s); /* the step's verb and actor are set */
};

/* random.c */
struct step *random_new_step(struct model *m, enum verb verb, uint8_t actor);
void random_new_actor(struct model *m, struct step *s);
void random_exit(struct model *m, struct step *s);

/* random_steps.c */
void random_choices(struct model *m);

bool chance(struct model *m, unsigned percent);
struct value number(uint64_t n);
struct value arena_page(uint64_t page);
/* Far above the arena, around the borders of what one page table maps. */
uint64_t far_page(struct model *m);
struct value any_length(struct model *m);
/* It wraps: no kernel takes such a range, whatever lies there. */
struct value wrong_length(struct model *m);
/* A range of the arena, or one that wraps: the step's first two arguments. */
void arena_range(struct model *m, struct step *s);
/* One of the process's own mappings that may be anywhere.  NULL: it has none. */
struct anywhere *any_anywhere(struct model *m, const struct step *s);
/* The range that arguments `addr` and `len` say is mapped from now on, or is not. */
void mark(struct model *m, const struct step *s, unsigned addr, unsigned len, uint8_t what);
/* A place in a file, mostly the beginning of a page. */
struct value file_place(struct model *m);

/* random_remap.c */
void random_remap(struct model *m, struct step *s);
void random_remap_far(struct model *m, struct step *s);

/* random_numa.c */
void random_mbind(struct model *m, struct step *s);
void random_set_mempolicy(struct model *m, struct step *s);
void random_get_mempolicy(struct model *m, struct step *s);
void random_home_node(struct model *m, struct step *s);
void random_move_pages(struct model *m, struct step *s);
void random_migrate_pages(struct model *m, struct step *s);

/* random_huge.c */
void random_huge_choices(struct model *m);
/* A pool, files and mappings, with which a script begins. */
void random_huge_begin(struct model *m);
/* False: the actor has nothing mapped that such a step could be about. */
bool random_huge_meets(const struct model *m, enum verb verb, uint8_t actor);

#endif
