/* SPDX-License-Identifier: MIT */
/*
 * board.h: the memory in which a script and what came of it go between the process that compares
 * and a stage, the process in which the script is executed.
 *
 * `turn` is the number of the step to be done.  The actor that is to do it has the board for
 * itself; all others wait for `turn` to change.
 */
#ifndef REPLAY_BOARD_H
#define REPLAY_BOARD_H

#include "replay/script/script.h"

#define MAX_VIEW_VMAS 48
#define FLAGS_LEN 64

extern const char *const usage_names[NR_USAGE];   /* as in smaps */
extern const char *const status_names[NR_STATUS]; /* as in status */

struct vma_view {
	uint64_t start, end, offset;
	char perms[5];         /* "rw-p" */
	int8_t file;           /* index in the script, or -1 */
	char flags[FLAGS_LEN]; /* smaps' VmFlags */
	uint32_t kb[NR_USAGE];
	uint64_t policy; /* of numa_maps; as told_policy() has it */
};

/* Pages of which the state is compared: the arena's, then those of the arena for huge pages. */
#define NR_CELLS (ARENA_PAGES + HUGE_PAGES)
static inline uint64_t cell_address(unsigned cell)
{
	return cell < ARENA_PAGES ? ARENA_START + cell * REPLAY_PAGE
				  : HUGE_START + (cell - ARENA_PAGES) * REPLAY_HUGE;
}
/* Of a huge page the first small one and this one are looked at. */
static inline uint64_t cell_last_page(unsigned cell)
{
	return cell_address(cell) + (cell < ARENA_PAGES ? 0 : REPLAY_HUGE - REPLAY_PAGE);
}
/* Of what is mapped there, the state is compared. */
static inline bool is_viewed(uint64_t start)
{
	return (start >= ARENA_START - REPLAY_PAGE * 512 && start < ARENA_END) ||
	       (start >= HUGE_START - REPLAY_HUGE && start < HUGE_START + HUGE_ROOM);
}

/* Of the pool of huge pages of 2 MiB. */
enum pool_counter { COUNTER_TOTAL, COUNTER_FREE, COUNTER_RESERVED, COUNTER_SURPLUS, NR_COUNTERS };

/* All of them as one number, as `counters` gives them: of each 15 bits. */
static inline int64_t told_counters(const int64_t counters[NR_COUNTERS])
{
	uint64_t told = 0;

	for (unsigned i = 0; i < NR_COUNTERS; i++)
		told = told << 15 | ((uint64_t)counters[i] & 0x7fff);
	return (int64_t)told;
}
static inline int told_counter(int64_t told, unsigned i)
{
	int n = (int)((uint64_t)told >> 15 * (NR_COUNTERS - 1 - i) & 0x7fff);

	return n > 0x3fff ? n - 0x8000 : n;
}

/* Blocks of a file system, and those that are free, as `statfs` gives them. */
static inline int64_t told_blocks(uint64_t all, uint64_t free)
{
	return (int64_t)((all & 0x7fffff) << 32 | (free & 0x7fffff));
}

/* What pagemap and mincore say of a page. */
enum page_bit {
	PAGE_MAPPED = 1,
	PAGE_PRESENT = 2,
	PAGE_FILE = 4,
	PAGE_EXCLUSIVE = 8,
	PAGE_INCORE = 16
};

struct view {
	uint32_t nr_vmas; /* of the arena; more than fit are not told */
	struct vma_view vmas[MAX_VIEW_VMAS];
	uint8_t pages[NR_CELLS];
	int64_t status[NR_STATUS];
	int64_t pool[NR_COUNTERS]; /* if the script is about huge pages */
};

enum outcome {
	OUTCOME_NONE,   /* not done */
	OUTCOME_VALUE,  /* value: what the call returned, or -errno */
	OUTCOME_SIGNAL, /* signal, code, addr; value: bytes before it */
	OUTCOME_ABSENT, /* this side has no such call */
	OUTCOME_NOBODY, /* its actor could not be made */
};

struct result {
	uint8_t outcome;
	uint8_t nr_data; /* bytes of data that mean something */
	uint16_t code;
	int32_t signal;
	int64_t value;
	uint64_t addr;
	uint64_t sum;                /* of all bytes that were read */
	uint8_t data[16];            /* the first of them */
	uint64_t vars_at;            /* what variable `into` holds */
	uint16_t contents[NR_CELLS]; /* VERB_CONTENTS: a sum of each page; of no page 0 */
	struct view view;            /* of the process that did it, afterwards */
};

/* A memory policy as get_mempolicy(2) tells it: mode with flags, or a node; and a set of nodes. */
static inline uint64_t told_policy(uint32_t mode_or_node, uint64_t nodes)
{
	return (uint64_t)(uint32_t)nodes << 16 | (mode_or_node & 0xffff);
}

struct board {
	uint32_t guest;              /* it is that of a program under `quire run` */
	uint32_t host;               /* it is the host's */
	uint32_t huge;               /* the script is about huge pages */
	uint32_t turn;               /* a futex */
	int32_t pids[MAX_ACTORS];    /* of the process that an actor is or belongs to; 0: none */
	int32_t segments[MAX_FILES]; /* of System V: identifier + 1; 0: the file is none */
	uint64_t vars[MAX_VARS];
	struct script script;
	struct result results[MAX_STEPS];
};

/* What smaps says of the mapping at an address; -ENOMEM: there is none in the view. */
int64_t view_usage(const struct view *v, uint64_t addr, uint32_t field);

/* A number of a step, as it is now. */
static inline uint64_t board_value(const struct board *b, struct value v)
{
	return v.add + (v.var == VAR_NONE ? 0 : b->vars[v.var]);
}

#endif
