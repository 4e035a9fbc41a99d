/* SPDX-License-Identifier: MIT */
/*
 * model.h: what the filter believes of the private mappings of huge pages in a script's processes.
 *
 * It errs to one side:
 *
 * 1. What may be there is there: a mapping is dropped only when it is certainly gone.
 * 2. What may have been cut into pieces is `split`, and what a relative may have is `shared`: both
 *    for ever.
 * 3. A place that is not known may be any.
 */
#ifndef REPLAY_FILTER_MODEL_H
#define REPLAY_FILTER_MODEL_H

#include "replay/script/script.h"

#define MAX_OBJECTS 40

/* What a place is counted from: a variable that holds what the kernel chose, or one of these. */
enum { FROM_ZERO = -1, FROM_ANYWHERE = -2 };

struct range {
	int32_t from;
	bool certain; /* else it may be that range, or none of the script's */
	uint64_t start, end;
};

/* A private mapping of huge pages. */
struct object {
	struct range at;
	int8_t file; /* or -1 */
	bool owner;  /* this process has mapped it, not one that it was forked from */
	bool split, shared;
	uint16_t origin; /* the step that has mapped it */
};

struct process {
	bool full; /* there were more than fit */
	unsigned nr;
	struct object objects[MAX_OBJECTS];
};

/* What a variable holds. */
enum holds { HOLDS_NOTHING, HOLDS_ADDRESS, HOLDS_CHOSEN, HOLDS_ANYTHING };
struct variable {
	enum holds holds;
	uint64_t value; /* ADDRESS: that, if the step succeeded; CHOSEN: how long the mapping is */
};

struct model {
	const struct script *s;
	const struct step *step;
	unsigned nr_step;
	struct variable vars[MAX_VARS];
	struct process processes[MAX_ACTORS];
	uint8_t process_of[MAX_ACTORS];
	bool thread[MAX_ACTORS];
	bool other_sizes;      /* there are huge pages of 1 GiB: a range may end in one */
	bool let_go;           /* one that has shared pages has let go of some */
	uint64_t most_pool[2]; /* of each size, up to now */
	uint64_t most_overcommit[2], pool[2];
};

static inline struct process *model_process(struct model *m)
{
	return &m->processes[m->process_of[m->step->actor]];
}

/* The range that two numbers of the step say. */
struct range model_range(const struct model *m, struct value addr, struct value len);
/* Outwards to huge pages. */
struct range range_outwards(struct range r);
bool range_meets(const struct range *r, const struct object *o);
bool range_covers(const struct range *r, const struct object *o);

/* The step's variable holds what the call gives. */
void model_assign(struct model *m);
void model_add(struct model *m, const struct object *o);
/* Mappings of the range that reach beyond it are in pieces afterwards. */
void model_cut(struct model *m, struct range r);
/* Nothing is mapped in the range afterwards, if it is certain; else it may be so. */
void model_remove(struct model *m, struct range r);
void model_fork(struct model *m);
void model_exit(struct model *m);

#endif
