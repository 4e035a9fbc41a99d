/* SPDX-License-Identifier: MIT */
/*
 * main.c: the command line of `quire check`.
 */
#include <argp.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/cmd/check.h"
#include "check/conflict/conflict.h"
#include "tool/number.h"
#include "tool/output.h"

#define MAX_SHARDS 1000000u
#define MAX_JOBS 1024u
#define MAX_BOUND 60u
#define SPLIT_AFTER 100000u

enum {
	OPT_BOUND = 256,
	OPT_CONFLICTS,
	OPT_JSON,
	OPT_LEARNED,
	OPT_LIST,
	OPT_MATRIX,
	OPT_MERGE,
	OPT_NO_CACHE,
	OPT_REPLAY,
	OPT_SCHEDULES,
	OPT_SEED,
	OPT_SHARD,
	OPT_SPLIT,
	OPT_WITHOUT
};

static const struct argp_option argp_options[] = {
    {NULL, 0, NULL, 0, "What to do, if not to explore:", 1},
    {"conflicts", OPT_CONFLICTS, NULL, 0, "Say which cache lines faults share that need not", 1},
    {"list", OPT_LIST, NULL, 0, "Say which scenarios and rules there are", 1},
    {"matrix", OPT_MATRIX, NULL, 0, "Explore with each rule off and with all on", 1},
    {"merge", OPT_MERGE, NULL, 0, "Put together what --json of shards has written: FILE...", 1},
    {"replay", OPT_REPLAY, "ID", 0, "Run and tell one schedule", 1},
    {NULL, 0, NULL, 0, "What is explored:", 2},
    {"bound", OPT_BOUND, "K", 0, "Preemptions of a schedule, at most (default: 2)", 2},
    {"without", OPT_WITHOUT, "RULE", 0, "Switch a rule off; may be given again", 2},
    {"schedules", OPT_SCHEDULES, "N", 0, "N random schedules with K changes of priority", 2},
    {"seed", OPT_SEED, "S", 0, "Of random schedules (default: 1)", 2},
    {"shard", OPT_SHARD, "I/N", 0, "Only part I of N, counted from 0", 2},
    {"learned", OPT_LEARNED, "FILE", 0, "Begin with the shared words of these outcomes", 2},
    {"no-cache", OPT_NO_CACHE, NULL, 0, "Explore states again that were seen before", 2},
    {NULL, 0, NULL, 0, "How:", 3},
    {"jobs", 'j', "N", 0, "Processes at a time (default: as many as CPUs)", 3},
    {"split", OPT_SPLIT, "N", 0, "Give a scenario to several jobs after N schedules", 3},
    {"json", OPT_JSON, "FILE", 0, "Write outcomes as JSON lines; - is standard output", 3},
    {"verbose", 'v', NULL, 0, "Tell more: every access of a schedule, how far it is", 3},
    {NULL, 'h', NULL, OPTION_HIDDEN, NULL, 3},
    {0}};

enum command { EXPLORE, CONFLICTS, LIST, MATRIX, MERGE, REPLAY };

struct command_line {
	struct options o;
	enum command command;
	const char *id; /* --replay */
	char **files;   /* --merge */
	struct argp_state *state;
};

/* ---- values --------------------------------------------------------------------------- */

/* Digits alone, min .. max; anything else ends the program. */
static uint64_t number(struct argp_state *state, const char *option, const char *text, uint64_t min,
		       uint64_t max)
{
	uint64_t n = 0;

	if (!parse_number(text, 10, min, max, &n))
		argp_error(state, "%s: '%s' is not a number from %llu to %llu", option, text,
			   (unsigned long long)min, (unsigned long long)max);
	return n;
}

static void set_shard(struct options *o, const char *arg, struct argp_state *state)
{
	char text[40];
	char *slash;

	snprintf(text, sizeof(text), "%s", arg);
	slash = strchr(text, '/');
	if (!slash) {
		argp_error(state, "--shard: '%s' does not look like 3/16", arg);
		return;
	}
	*slash = 0;
	o->nshards = (unsigned)number(state, "--shard", slash + 1, 1, MAX_SHARDS);
	o->shard = (unsigned)number(state, "--shard", text, 0, o->nshards - 1);
}

static void set_without(struct options *o, const char *name, struct argp_state *state)
{
	int rule = rule_find(name);

	if (rule < 0)
		argp_error(state, "--without: there is no rule '%s'; --list has them", name);
	else
		o->off[rule] = true;
}

/* With JSON on standard output, what is for people goes to standard error. */
static void set_json(struct options *o, const char *file, struct argp_state *state)
{
	if (!strcmp(file, "-")) {
		o->json = stdout;
		o->out = stderr;
		return;
	}
	o->json = fopen(file, "w");
	if (!o->json)
		argp_error(state, "--json: cannot write %s: %s", file, strerror(errno));
}

static void set_command(struct command_line *c, enum command command, struct argp_state *state)
{
	if (c->command != EXPLORE && c->command != command)
		argp_error(state,
			   "only one of --conflicts, --list, --matrix, --merge and --replay");
	c->command = command;
}

/* ---- arguments ------------------------------------------------------------------------ */

static bool have(const struct options *o, const struct scenario *s)
{
	for (unsigned i = 0; i < o->nr_scenarios; i++)
		if (o->scenarios[i] == s)
			return true;
	return false;
}

static void choose(struct options *o, const char *pattern, struct argp_state *state)
{
	bool matched = false;

	for (const struct scenario *const *s = scenarios(); *s; s++) {
		if (fnmatch(pattern, (*s)->name, 0))
			continue;
		matched = true;
		if (!have(o, *s))
			o->scenarios[o->nr_scenarios++] = *s;
	}
	if (!matched)
		argp_error(state, "there is no scenario '%s'; --list has them", pattern);
}

static void take_arguments(struct command_line *c, struct argp_state *state)
{
	char **args = state->argv + state->next;

	state->next = state->argc;
	if (c->command == MERGE)
		c->files = args;
	else if (c->command != EXPLORE && c->command != MATRIX)
		argp_error(state, "unexpected argument '%s'", args[0]);
	else
		for (; *args; args++)
			choose(&c->o, *args, state);
}

static void no_arguments(struct command_line *c, struct argp_state *state)
{
	if (c->command == MERGE)
		argp_error(state, "--merge: there is no file to read");
	choose(&c->o, "*", state);
	c->o.all = true;
}

/* Each of these returns ARGP_ERR_UNKNOWN for what is another one's. */
static error_t parse_command(struct command_line *c, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_CONFLICTS:
		set_command(c, CONFLICTS, state);
		return 0;
	case OPT_LIST:
		set_command(c, LIST, state);
		return 0;
	case OPT_MATRIX:
		set_command(c, MATRIX, state);
		return 0;
	case OPT_MERGE:
		set_command(c, MERGE, state);
		return 0;
	case OPT_REPLAY:
		set_command(c, REPLAY, state);
		c->id = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_what(struct options *o, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_BOUND:
		o->bound = (unsigned)number(state, "--bound", arg, 0, MAX_BOUND);
		o->bound_given = true;
		return 0;
	case OPT_SCHEDULES:
		o->random = number(state, "--schedules", arg, 1, INT64_MAX);
		return 0;
	case OPT_SEED:
		o->seed = number(state, "--seed", arg, 0, INT64_MAX);
		return 0;
	case OPT_SHARD:
		set_shard(o, arg, state);
		return 0;
	case OPT_WITHOUT:
		set_without(o, arg, state);
		return 0;
	case OPT_LEARNED:
		if (!learned_read(o, arg))
			exit(STATUS_WRONG);
		return 0;
	case OPT_NO_CACHE:
		o->no_cache = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_how(struct options *o, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'j':
		o->jobs = (unsigned)number(state, "--jobs", arg, 1, MAX_JOBS);
		return 0;
	case OPT_SPLIT:
		o->split = number(state, "--split", arg, 1, INT64_MAX);
		return 0;
	case OPT_JSON:
		set_json(o, arg, state);
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		argp_state_help(state, stdout, ARGP_HELP_STD_HELP);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *c = state->input;

	if (key == ARGP_KEY_ARGS) {
		take_arguments(c, state);
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS) {
		no_arguments(c, state);
		return 0;
	}
	if (!parse_command(c, key, arg, state) || !parse_what(&c->o, key, arg, state))
		return 0;
	return parse_how(&c->o, key, arg, state);
}

static const struct argp argp = {
    .options = argp_options,
    .parser = parse_option,
    .args_doc =
	"[SCENARIO...]\n--conflicts\n--list\n--matrix [SCENARIO...]\n--merge FILE...\n--replay ID",
    .doc = "Explores every schedule of small concurrent scenarios over Quire's core, up to a "
	   "bound of preemptions. SCENARIO may be a pattern like 'fault-*'; without any, all are "
	   "explored.\v"
	   "Exit status: 0 no violation, 1 a violation (--matrix: a rule that nothing finds, "
	   "--conflicts: a line that is new), 2 a wrong command line, 3 no violation but not all "
	   "explored, 4 no memory, process or file.  See quire-check(1).",
};

const char *argp_program_version = "quire " QUIRE_VERSION;

static unsigned nr_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > (long)MAX_JOBS ? MAX_JOBS : (unsigned)n;
}

static unsigned nr_scenarios(void)
{
	unsigned n = 0;

	while (scenarios()[n])
		n++;
	return n;
}

static int run_command(const struct command_line *c)
{
	switch (c->command) {
	case CONFLICTS:
		rules_set(c->o.off);
		return conflicts() ? STATUS_VIOLATION : STATUS_EXHAUSTED;
	case LIST:
		cmd_list(c->o.out);
		return STATUS_EXHAUSTED;
	case MATRIX:
		return cmd_matrix(&c->o);
	case MERGE:
		return cmd_merge(&c->o, c->files);
	case REPLAY:
		return cmd_replay(&c->o, c->id);
	default:
		return cmd_explore(&c->o);
	}
}

int main(int argc, char **argv)
{
	static struct command_line c = {.o = {.seed = 1, .split = SPLIT_AFTER}};

	argp_err_exit_status = STATUS_WRONG;
	c.o.out = stdout;
	c.o.jobs = nr_cpus();
	c.o.scenarios = calloc(nr_scenarios() + 1, sizeof(*c.o.scenarios));
	if (!c.o.scenarios)
		return STATUS_BROKEN;
	output_check_at_exit("quire check", STATUS_BROKEN);
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	sched_init();
	return run_command(&c);
}
