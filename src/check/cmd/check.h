/* SPDX-License-Identifier: MIT */
/*
 * check.h: what the files of the command line `quire check` share.
 *
 *   main.c      options
 *   run.c       what is explored, in which parts
 *   report.c    the lines and the summary
 *   item.c      one piece of work, done: explore, shrink
 *   jobs.c      pieces of work in forked processes
 *   outcome.c   what came of it: parts put together
 *   json.c      outcomes as JSON lines
 *   merge.c     the outcomes of shards from files
 *   matrix.c    every rule against every scenario that guards it
 *   replay.c    ids: one run, told
 *   columns.c   a run as columns
 *   progress.c  how far it is
 *   list.c      scenarios and rules
 *   conflict.h  cache lines that actors share, a question of its own
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdio.h>

#include "check/known/known.h"

/* Exit statuses. */
enum {
	STATUS_EXHAUSTED = 0, /* and no violation */
	/* --matrix: some rule is not found, some guard does not hold; --conflicts: a new line */
	STATUS_VIOLATION = 1,
	STATUS_WRONG = 2,   /* the command line */
	STATUS_PARTIAL = 3, /* no violation, but something was not explored to the end */
	STATUS_BROKEN = 4,  /* no memory, no process, no file */
};

#define DEFAULT_BOUND 2u
#define MAX_VIOLATION 512
#define MAX_ID 4096

/* Shared words, as sched_words() has them. */
struct words {
	unsigned n;
	uint32_t v[SCHED_MAX_WORDS];
};

/* A piece of work. */
struct item {
	const struct scenario *scenario;
	bool off[NR_RULES];      /* rules without which */
	unsigned bound;          /* preemptions */
	uint64_t limit;          /* schedules, 0: all */
	uint64_t random, seed;   /* random schedules instead: how many */
	unsigned shard, nshards; /* 0, or 0 <= shard < nshards */
	bool no_cache;
	struct state_cache *cache; /* that workers share; or NULL */
	struct words known;        /* words that are known to be shared */
};

enum verdict { VERDICT_EXHAUSTED, VERDICT_VIOLATION, VERDICT_LIMIT, VERDICT_SEARCHED };

/* What came of an item, or of all shards of one. */
struct outcome {
	struct item item; /* known: what it knew in the end */
	enum verdict verdict;
	uint64_t schedules, pruned, steps;
	unsigned restarts;
	unsigned bound; /* the last one explored */
	double seconds; /* of CPU time, of all shards */
	unsigned preemptions;
	char violation[MAX_VIOLATION];
	char id[MAX_ID]; /* empty: a worker died */
};

struct options {
	unsigned bound; /* 0 is one: see bound_given */
	bool bound_given;
	bool off[NR_RULES];
	uint64_t random, seed;
	unsigned shard, nshards;
	unsigned jobs;
	uint64_t split; /* schedules of a scenario after which it goes to several of them */
	bool verbose, no_cache;
	struct outcome *learned; /* --learned: what others have found shared */
	unsigned nr_learned;
	FILE *json; /* or NULL */
	FILE *out;  /* for people */
	const struct scenario **scenarios;
	unsigned nr_scenarios;
	bool all; /* none was named */
};

/* ---- run.c */
struct item item_of(const struct options *o, const struct scenario *s);
/* Explores all of them, each whole or in shards as it takes; told of each in their order. */
void run_all(const struct options *o, const struct item *items, unsigned n,
	     void (*done)(void *ctx, const struct outcome *out), void *ctx);

/* ---- report.c */
int cmd_explore(const struct options *o);
/* To --json, if it is asked for. */
void outcome_save(const struct options *o, const struct outcome *out);
/* The line of a scenario, the violation in columns, and the sums. */
struct totals {
	unsigned n, violations, partial;
	uint64_t schedules, pruned;
	double seconds;
};
void print_outcome(const struct options *o, const struct outcome *out, struct totals *t);
int print_totals(const struct options *o, const struct totals *t);
/* 1234567 as "1,234,567", in one of a few buffers. */
const char *grouped(uint64_t n);

/* ---- item.c */
void item_run(const struct item *item, struct outcome *out,
	      void (*progress)(void *ctx, uint64_t schedules, double done), void *ctx);
void rules_set(const bool off[NR_RULES]);
bool same_question(const struct item *a, const struct item *b);

/* ---- jobs.c */
struct jobs;
struct jobs *jobs_new(const struct options *o);
/* `tag` comes back with the outcome. */
void jobs_add(struct jobs *j, const struct item *item, unsigned tag);
/* Works until nothing is left; `done` may add. */
void jobs_run(struct jobs *j, void (*done)(void *ctx, unsigned tag, const struct outcome *out),
	      void *ctx);
void jobs_free(struct jobs *j);

/* ---- progress.c */
struct progress_part {
	const struct item *item;
	uint64_t schedules;
	double done;
};
/* Now and then, at most a few times a second on a terminal. */
void progress_show(const struct options *o, const struct progress_part *parts, unsigned n,
		   unsigned waiting);
void progress_clear(void);

/* ---- outcome.c */
bool words_equal(const struct words *a, const struct words *b);
void words_join(struct words *to, const struct words *from);
/* Adds a shard's outcome to the whole's; the violation with fewest preemptions stays. */
void outcome_add(struct outcome *whole, const struct outcome *part);
const char *verdict_name(enum verdict v);

/* ---- json.c */
/* 0, or -1: no memory, or the file cannot be written. */
int outcome_write(const struct outcome *out, FILE *f);
/* NULL, or what is wrong with the line. */
const char *outcome_read(const char *line, struct outcome *out);

/* ---- merge.c */
int cmd_merge(const struct options *o, char **files);
/* Words of outcomes in files, for item_of(). False: told what is wrong. */
bool learned_read(struct options *o, const char *file);
void learned_apply(const struct options *o, struct item *item);

/* ---- matrix.c */
int cmd_matrix(const struct options *o);

/* ---- list.c */
void cmd_list(FILE *out);

/* ---- replay.c */
/* SCENARIO[~RULE,...]@SCHEDULE */
void id_format(const struct item *item, const struct schedule *s, char *buf, size_t len);
/* NULL, or what is wrong with it. */
const char *id_parse(const char *text, const struct scenario **s, bool off[NR_RULES],
		     struct schedule *schedule);
/* Runs it and prints it. */
enum id_told {
	ID_VIOLATION,
	ID_CLEAN,
	ID_MISSED /* no violation, but not all of its decisions came up either */
};
enum id_told id_tell(const struct options *o, const char *id, FILE *out);
int cmd_replay(const struct options *o, const char *id);

/* ---- columns.c */
struct columns;
struct columns *columns_new(const struct scenario *s);
void columns_step(struct columns *c, unsigned actor, const char *text);
/* A line across. */
void columns_rule(struct columns *c, const char *text);
void columns_print(const struct columns *c, FILE *out);
void columns_free(struct columns *c);

#endif
