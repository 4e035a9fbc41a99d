/* SPDX-License-Identifier: MIT */
/*
 * oom.h: memory has run out.
 */
#ifndef RUN_OOM_H
#define RUN_OOM_H

#include "quire/port.h"
#include "quire/quire.h"

#include <pthread.h>
#include <sys/types.h>

struct run;

/* Memory ran out, and a process was killed for it: how much each one held, in bytes. */
#define RUN_MAX_OOMS 16u
#define OOM_OTHERS 3u
struct oom_share {
	pid_t pid;
	uint64_t held;
	char comm[16];
};
struct oom_record {
	enum quire_memory what;
	uint64_t total; /* of it, all in all */
	struct oom_share victim;
	int adj;                             /* its oom_score_adj */
	struct oom_share others[OOM_OTHERS]; /* the processes that held most */
	unsigned nr_others, nr_rest;         /* shown; not shown, .. */
	uint64_t rest;                       /* .. which held this */
	uint64_t pools;                      /* in pools of huge pages, free */
	uint64_t nobodys;                    /* else in use by no living process */
};

/* All that died for it; the first of them in detail. */
struct oom_log {
	/* B: held while guests are waited for: not by the main thread, nor by the reaper. */
	pthread_mutex_t one_at_a_time;
	uint64_t kills;                    /* G */
	struct oom_record v[RUN_MAX_OOMS]; /* G */
};

/* 0 or -ENOMEM. */
int oom_create(struct run *run);
bool oom_kill(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what);

/* The record in words: which process was killed, and how much each one held. */
void oom_describe(const struct oom_record *r, char *buf, size_t len);
const char *oom_memory_name(enum quire_memory what);

/* The worker begins with another request: how long it waits for memory is counted anew. */
void oom_new_request(void);

#endif
