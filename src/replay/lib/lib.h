/* SPDX-License-Identifier: MIT */
/*
 * lib.h: what the files of the executor by the library share: a machine for one script.
 */
#ifndef REPLAY_LIB_H
#define REPLAY_LIB_H

#include "replay/board/content.h"

#include <quire/port.h>
#include <quire/quire.h>

/* Executes the board's script by calls of the library, all of them in this thread. */
void library_execute(struct board *b);

/* The device of a script's files: no other file of the library is on it. */
#define LIB_DEV 0x100u
#define MAX_COPY (64u << 10)

struct lib_file {
	struct quire_file *file;
	uint8_t *disk; /* FILE_DISK: its content (lib_file.c) */
};

/* The translations that a processor has cached for a process.  Of no page: pte is 0. */
#define LIB_TLB_ENTRIES 64
struct lib_tlb {
	struct lib_tlb_entry {
		uint64_t page; /* address / REPLAY_PAGE */
		uint64_t pte;
	} entries[LIB_TLB_ENTRIES];
};

struct lib {
	struct board *board;
	struct quire_machine *machine;
	uint8_t *ram;                     /* the machine's */
	struct quire_mm *mms[MAX_ACTORS]; /* a thread has its process's, with a reference */
	struct lib_tlb tlbs[MAX_ACTORS];  /* by process: the cookies of mms */
	bool thread[MAX_ACTORS];
	struct quire_task tasks[MAX_ACTORS]; /* of each process and thread: its memory policy */
	struct lib_file files[MAX_FILES];
	struct quire_huge_subpool *mount; /* of the script's hugetlbfs */
	const struct step *step;
	struct result *result;
	struct quire_mm *mm;     /* of the actor */
	struct quire_task *task; /* the actor's */
	uint64_t a[MAX_ARGS];
};

/* Makes the call of a step (lib_call.c); result->outcome is OUTCOME_VALUE before. */
int64_t lib_call(struct lib *l);
/* Where memory of the actor's is, faulted in if need be.  NULL: *f says why not (lib_tlb.c). */
uint8_t *lib_translate(struct lib *l, uint64_t addr, enum quire_access access,
		       struct quire_fault *f);
/* The port's tlb_flush; `cookie` is a struct lib_tlb. */
void lib_tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		   const struct quire_tlb_range *ranges, unsigned nr);
/* What status tells of an address space, in kB. */
void lib_status(struct quire_mm *mm, int64_t kb[NR_STATUS]);
/* The state of an address space's arena. */
void lib_view(struct lib *l, struct quire_mm *mm, struct view *v);

/* Memory policies and nodes (lib_numa.c). */
int64_t lib_mbind(struct lib *l);
int64_t lib_set_mempolicy(struct lib *l);
int64_t lib_get_mempolicy(struct lib *l);
int64_t lib_home_node(struct lib *l);
int64_t lib_move_pages(struct lib *l);
int64_t lib_migrate_pages(struct lib *l);

/* Huge pages (lib_huge.c). */

/* RAM that a script's machine has beyond that of every other, for its pools. */
uint64_t lib_huge_ram(const struct script *s);
void lib_counters(struct lib *l, enum huge_size size, int64_t counters[NR_COUNTERS]);
/* The calls that change or ask a pool. */
int64_t lib_pool_call(struct lib *l);
int64_t lib_mount(struct lib *l);
/* Of files of huge pages. */
int64_t lib_statfs(struct lib *l);
int64_t lib_fallocate(struct lib *l, struct quire_file *file);
/* The step's file has huge pages. */
bool lib_is_huge_file(const struct lib *l);

/* Files (lib_file.c). */
int64_t lib_file_create(struct lib *l);
/* fsync, and whether what was stored is on the disk then. */
int64_t lib_file_sync(const struct lib_file *f);
void lib_file_end(struct lib_file *f);
int64_t lib_file_call(struct lib *l);

#endif
