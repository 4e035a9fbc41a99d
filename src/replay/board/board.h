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

/* Of smaps: fields that are compared, in kB. */
enum usage_field {
	USAGE_RSS,
	USAGE_PSS,
	USAGE_PSS_DIRTY,
	USAGE_SHARED_CLEAN,
	USAGE_SHARED_DIRTY,
	USAGE_PRIVATE_CLEAN,
	USAGE_PRIVATE_DIRTY,
	USAGE_REFERENCED,
	USAGE_ANONYMOUS,
	USAGE_LAZYFREE,
	USAGE_SWAP,
	USAGE_LOCKED,
	NR_USAGE
};
extern const char *const usage_names[NR_USAGE]; /* as in smaps */

/* Of status: fields that are compared, in kB, as they have changed since the script began. */
enum status_field { STATUS_SIZE, STATUS_LOCKED, STATUS_DATA, STATUS_STACK, NR_STATUS };
extern const char *const status_names[NR_STATUS]; /* as in status */

struct vma_view {
	uint64_t start, end, offset;
	char perms[5];         /* "rw-p" */
	int8_t file;           /* index in the script, or -1 */
	char flags[FLAGS_LEN]; /* smaps' VmFlags */
	uint32_t kb[NR_USAGE];
	uint64_t policy; /* of numa_maps; as told_policy() has it */
};

/* What pagemap and mincore say of a page of the arena. */
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
	uint8_t pages[ARENA_PAGES];
	int64_t status[NR_STATUS];
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
	uint64_t sum;                   /* of all bytes that were read */
	uint8_t data[16];               /* the first of them */
	uint64_t vars_at;               /* what variable `into` holds */
	uint16_t contents[ARENA_PAGES]; /* VERB_CONTENTS: a sum of each page; of no page 0 */
	struct view view;               /* of the process that did it, afterwards */
};

/* A memory policy as get_mempolicy(2) tells it: mode with flags, or a node; and a set of nodes. */
static inline uint64_t told_policy(uint32_t mode_or_node, uint64_t nodes)
{
	return (uint64_t)(uint32_t)nodes << 16 | (mode_or_node & 0xffff);
}

struct board {
	uint32_t guest;              /* it is that of a program under `quire run` */
	uint32_t turn;               /* a futex */
	int32_t pids[MAX_ACTORS];    /* of the process that an actor is or belongs to; 0: none */
	int32_t segments[MAX_FILES]; /* of System V: identifier + 1; 0: the file is none */
	uint64_t vars[MAX_VARS];
	struct script script;
	struct result results[MAX_STEPS];
};

/* A number of a step, as it is now. */
static inline uint64_t board_value(const struct board *b, struct value v)
{
	return v.add + (v.var == VAR_NONE ? 0 : b->vars[v.var]);
}

#endif
