/* SPDX-License-Identifier: MIT */
/*
 * actor.h: what the files of the executor by system calls share: one process or thread of a script.
 */
#ifndef REPLAY_ACTOR_H
#define REPLAY_ACTOR_H

#include "replay/board/content.h"

#include <setjmp.h>

/* Executes the board's script by system calls, each process of it in a process of its own. */
void actors_execute(struct board *b);

/* Of a process; its threads share it.  Of each file either fd or shm is not -1. */
struct actor_files {
	int fd[MAX_FILES];
	uint64_t ino[MAX_FILES];
	int shm[MAX_FILES]; /* the segment's identifier */
	int mount;          /* the hugetlbfs that the script has mounted */
};
extern struct actor_files actor_files;

/* Makes the call of a step and fills in *r, but for the view.  Not fork, thread, exit. */
void actor_call(struct board *b, const struct step *step, struct result *r);
/* The script begins: status is counted from now on.  Forks and threads of this process know it. */
void actor_view_begin(void);
/* This process has got so many bytes for a thread's stack, which are not the script's. */
void actor_view_own_stack(uint64_t bytes);
/* The state of this process's arena, and of its memory as a whole. */
void actor_view(const struct board *b, struct view *v);
/* Which policy each mapping of a view has (actor_numa.c). */
void actor_numa_maps(struct view *v);
/* A field of this process's status: how much it has changed since the script began, in kB. */
int64_t actor_status(enum status_field field);
/* VERB_CONTENTS */
void actor_contents(const struct board *b, struct result *r);
/* What a pool of huge pages says (actor_huge.c). */
void actor_counters(enum huge_size size, int64_t counters[NR_COUNTERS]);

/* Lines of a file of /proc, read no further than is asked for (actor_view.c). */
struct lines {
	int fd;
	size_t at, end;
	char buf[8192];
};
void lines_open(struct lines *l, const char *path);
/* NULL: there is none any more.  Until the next call. */
char *lines_next(struct lines *l);
void lines_close(const struct lines *l);

/*
 * Accesses that may be refused (actor_access.c): they end at the signal, which goes into *r.
 */
void actor_catch_signals(void);
void actor_read(uint64_t addr, uint64_t len, struct result *r);
/* Every `step` bytes one. */
void actor_write(uint64_t addr, uint64_t len, uint64_t step, uint8_t byte, struct result *r);
/* A page's bytes summed up; CONTENT_*. */
uint16_t actor_page_sum(uint64_t addr);

#endif
