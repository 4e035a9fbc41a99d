/* SPDX-License-Identifier: MIT */
/*
 * lib.c: executes a script by calls of the library: a machine for each script, an address space
 * for each of its processes, all in one thread.
 */
#include "replay/lib/lib.h"

#include <quire/port_host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Room in all: what a script's machine does not use of it costs nothing. */
#define MOST_RAM (8ull << 30)
#define RAM_BYTES (64ull << 20)
#define HEAP_START 0x200000000000ull

/* The port's task: of the actor whose step is being done. */
static struct quire_task *present_task;

static struct quire_task *task_of(void *ctx)
{
	(void)ctx;
	return present_task;
}

static void on_log(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	fprintf(stderr, "quire replay: the library: %s\n", line);
}

/* On the host it is the tool itself that executes scripts: so its data counts there, and here. */
static uint64_t own_data_bytes(void)
{
	enum { START_DATA = 45, END_DATA = 46 }; /* fields of /proc/PID/stat, from 1 */
	unsigned long long start = 0, end = 0;
	char text[2048];
	FILE *f = fopen("/proc/self/stat", "re");
	char *rest = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
	char *word = rest ? strtok(rest, " ") : NULL;

	for (int field = 2; word; word = strtok(NULL, " "), field++) {
		start = field == START_DATA ? strtoull(word, NULL, 10) : start;
		end = field == END_DATA ? strtoull(word, NULL, 10) : end;
	}
	if (f)
		fclose(f);
	return end - start;
}

static bool begin(struct lib *l)
{
	static struct quire_port port;
	static uint64_t own_data;
	static uint8_t *ram;
	struct quire_machine_options options = {.size = sizeof(options)};
	struct quire_mm_options mm = {
	    .size = sizeof(mm), .cookie = &l->tlbs[0], .ignore_memlock = true};

	if (!ram) {
		ram = mmap(NULL, MOST_RAM, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		quire_port_host(&port);
		own_data = own_data_bytes();
		port.log = on_log;
		port.tlb_flush = lib_tlb_flush;
		port.task = task_of;
	}
	options.ram = l->ram = ram;
	options.ram_bytes = RAM_BYTES + lib_huge_ram(&l->board->script);
	if (options.ram_bytes > MOST_RAM)
		options.ram_bytes = MOST_RAM;
	options.nodes = l->board->script.nodes;
	if (quire_machine_create(&port, &options, &l->machine) ||
	    quire_mm_create(l->machine, &mm, &l->mms[0]))
		return false;
	quire_mm_set_brk(l->mms[0], HEAP_START);
	quire_mm_set_data(l->mms[0], own_data);
	l->board->vars[VAR_HEAP] = HEAP_START;
	return true;
}

static void report(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "quire replay: the library's state is broken: %s\n", line);
}

static void end(struct lib *l)
{
	if (quire_verify(l->machine, report, NULL))
		abort();
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (l->files[i].file && lib_file_sync(&l->files[i])) {
			report(NULL, "what was stored in a file is not on its disk");
			abort();
		}
	for (unsigned i = 0; i < MAX_ACTORS; i++)
		if (l->mms[i])
			quire_mm_put(l->mms[i]);
	for (unsigned i = 0; i < MAX_FILES; i++)
		lib_file_end(&l->files[i]);
	quire_huge_subpool_put(l->mount);
	quire_machine_destroy(l->machine);
}

static int64_t do_fork(struct lib *l, uint8_t to)
{
	l->thread[to] = false;
	l->tasks[to] = *l->task;
	return quire_mm_fork(l->mm, &l->tlbs[to], &l->mms[to]);
}

static int64_t do_thread(struct lib *l, uint8_t to)
{
	quire_mm_get(l->mm);
	l->mms[to] = l->mm;
	l->thread[to] = true;
	l->tasks[to] = *l->task;
	return 0;
}

static int64_t do_exit(struct lib *l, uint8_t who)
{
	struct quire_mm *mm = l->mm;

	if (l->thread[who]) {
		quire_mm_put(mm);
		l->mms[who] = NULL;
		return 0;
	}
	for (unsigned i = 0; i < MAX_ACTORS; i++) {
		if (l->mms[i] != mm)
			continue;
		l->mms[i] = NULL;
		quire_mm_put(mm);
	}
	l->mm = NULL;
	return 0;
}

static int64_t do_call(struct lib *l)
{
	switch (l->step->verb) {
	case VERB_FORK:
		return do_fork(l, (uint8_t)l->step->target);
	case VERB_THREAD:
		return do_thread(l, (uint8_t)l->step->target);
	case VERB_EXIT:
		return do_exit(l, l->step->actor);
	default:
		return lib_call(l);
	}
}

static void do_step(struct lib *l, const struct step *step, struct result *r)
{
	l->step = step;
	l->result = r;
	l->mm = l->mms[step->actor];
	l->task = present_task = &l->tasks[step->actor];
	if (!l->mm) {
		r->outcome = OUTCOME_NOBODY;
		return;
	}
	for (unsigned i = 0; i < MAX_ARGS; i++)
		l->a[i] = board_value(l->board, step->args[i]);
	r->outcome = OUTCOME_VALUE;
	r->value = do_call(l);
	if (l->mm)
		lib_view(l, l->mm, &r->view);
	if (step->into != VAR_NONE && r->value >= 0)
		l->board->vars[step->into] = r->vars_at = (uint64_t)r->value;
}

void library_execute(struct board *b)
{
	struct lib l = {.board = b};

	if (!begin(&l)) {
		fprintf(stderr, "quire replay: the library does not start\n");
		abort();
	}
	for (; b->turn < b->script.nr_steps; b->turn++)
		do_step(&l, &b->script.steps[b->turn], &b->results[b->turn]);
	end(&l);
}
