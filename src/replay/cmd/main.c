/* SPDX-License-Identifier: MIT */
/*
 * main.c: `quire replay`: its options.
 */
#include "replay/cmd/search.h"
#include "replay/filter/filter.h"
#include "replay/side/stage.h"
#include "tool/number.h"
#include "tool/output.h"

#include <errno.h>
#include <getopt.h>
#include <quire/quire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_DIFFERS 1
#define STATUS_WRONG 2

enum { OPT_ON = 256, OPT_RANDOM, OPT_COUNT, OPT_SEEDS, OPT_FILTER, OPT_HUGE };

static const struct option long_options[] = {
    {"on", required_argument, NULL, OPT_ON},       {"random", required_argument, NULL, OPT_RANDOM},
    {"count", required_argument, NULL, OPT_COUNT}, {"seeds", required_argument, NULL, OPT_SEEDS},
    {"verbose", no_argument, NULL, 'v'},           {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},           {"filter", no_argument, NULL, OPT_FILTER},
    {"huge", no_argument, NULL, OPT_HUGE},         {NULL, 0, NULL, 0},
};

struct options {
	struct play play;
	struct search search;
	bool random;
	bool filter;             /* only tell what the host must not get */
	const char *only_random; /* an option that was given and has no meaning without */
	void (*instead)(void);   /* of executing anything */
};

static void replay_help(void)
{
	fputs(
	    "usage: quire replay [--on SIDE[,SIDE]] [-v] SCRIPT...\n"
	    "       quire replay [--on SIDE,SIDE] --random SEED [--count N] [--seeds N] [--huge]\n"
	    "       quire replay --filter SCRIPT...\n"
	    "\n"
	    "Executes scripts of memory operations on the library (quire), on the host kernel\n"
	    "(host), or in a program under `quire run` (run), and compares two of them.\n"
	    "\n"
	    "      --on SIDES         one side, or two to compare; both: quire,host (default)\n"
	    "      --random SEED      random scripts instead\n"
	    "      --count N          so many steps of a seed (default 2000)\n"
	    "      --seeds N          so many seeds, from SEED on (default 1)\n"
	    "      --huge             of huge pages; on one side, too\n"
	    "      --filter           executes nothing: says what the host must not get, and why\n"
	    "  -v, --verbose          the mappings after each step\n"
	    "  -h, --help             this text\n"
	    "  -V, --version          the version\n"
	    "\n"
	    "Exit status: 0; 1 if the sides differ, or what a script expects does not come, or a\n"
	    "script is filtered; 2 if something is wrong with a script or the options; 3 if the\n"
	    "host's huge pages are not as they were.  See quire-replay(1).\n",
	    stdout);
}

static void print_version(void)
{
	printf("quire %s\n", quire_version());
}

static int add_side(struct play *p, const char *name)
{
	int err;

	for (unsigned k = 0; k < NR_SIDES && p->nr_sides < 2; k++) {
		if (strcmp(side_names[k], name))
			continue;
		err = side_open(&p->sides[p->nr_sides], k);
		if (!err) {
			p->nr_sides++;
			return 0;
		}
		fprintf(stderr, "quire replay: %s: %s\n", name, strerror(-err));
		return STATUS_WRONG;
	}
	fprintf(stderr, "quire replay: --on: '%s': one or two of quire, host, run; or both\n",
		name);
	return STATUS_WRONG;
}

static int set_sides(struct play *p, const char *text)
{
	char copy[64], *rest = copy, *word;
	int err = 0;

	snprintf(copy, sizeof(copy), "%s", strcmp(text, "both") ? text : "quire,host");
	while (!err && (word = strsep(&rest, ",")))
		err = add_side(p, word);
	return err;
}

static int set_number(uint64_t *out, const char *option, const char *text, uint64_t min)
{
	if (parse_number(text, 10, min, UINT64_MAX, out))
		return 0;
	fprintf(stderr, "quire replay: --%s: '%s' is not a number%s\n", option, text,
		min ? " from 1 on" : "");
	return STATUS_WRONG;
}

static int set_option(struct options *o, int c)
{
	switch (c) {
	case OPT_ON:
		if (!o->play.nr_sides)
			return set_sides(&o->play, optarg);
		fprintf(stderr, "quire replay: --on is there twice\n");
		return STATUS_WRONG;
	case OPT_RANDOM:
		o->random = true;
		return set_number(&o->search.seed, "random", optarg, 0);
	case OPT_COUNT:
		o->only_random = "count";
		return set_number(&o->search.count, "count", optarg, 1);
	case OPT_SEEDS:
		o->only_random = "seeds";
		return set_number(&o->search.seeds, "seeds", optarg, 1);
	case OPT_HUGE:
		o->only_random = "huge";
		o->search.kind = RANDOM_HUGE;
		return 0;
	case OPT_FILTER:
		o->filter = true;
		return 0;
	case 'v':
		o->play.verbose = true;
		return 0;
	case 'h':
		o->instead = replay_help;
		return 0;
	case 'V':
		o->instead = print_version;
		return 0;
	default:
		return STATUS_WRONG;
	}
}

static int parse(struct options *o, int argc, char **argv)
{
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "vhV", long_options, NULL)) != -1)
		err = set_option(o, c);
	if (err || o->instead)
		return err;
	if (o->only_random && !o->random) {
		fprintf(stderr, "quire replay: --%s is for --random\n", o->only_random);
		return STATUS_WRONG;
	}
	if (o->filter && (o->play.nr_sides || o->random)) {
		fprintf(stderr, "quire replay: --filter executes nothing: no --on, no --random\n");
		return STATUS_WRONG;
	}
	if (!o->play.nr_sides && !o->filter)
		err = set_sides(&o->play, "both");
	if (err)
		return err;
	if (o->random ? optind == argc && (o->play.nr_sides == 2 || o->search.kind == RANDOM_HUGE)
		      : optind < argc)
		return 0;
	fprintf(stderr, o->random ? "quire replay: --random compares two sides, without a script\n"
				  : "quire replay: which script? `quire help replay` says more\n");
	return STATUS_WRONG;
}

/* ---- scripts ----------------------------------------------------------------- */

/* From malloc; NULL: standard error has been told. */
static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t len = 0;
	ssize_t n = f ? getdelim(&text, &len, 0, f) : -1;

	if (n < 0 && (!f || !feof(f))) {
		fprintf(stderr, "quire replay: %s: %s\n", path, strerror(errno));
		free(text);
		text = NULL;
	} else if (n < 0) {
		free(text);
		text = strdup("");
	} else if (strlen(text) < (size_t)n) {
		fprintf(stderr, "quire replay: %s: is not a text\n", path);
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static bool parse_file(struct script *s, const char *path, const char *text)
{
	struct parse_error e;
	const char *wrong;
	unsigned step;

	script_init(s);
	if (!script_parse(s, text, &e)) {
		fprintf(stderr, "quire replay: %s:%u: %s\n", path, e.line, e.text);
		return false;
	}
	wrong = script_invalid(s, &step);
	if (wrong)
		fprintf(stderr, "quire replay: %s:%u: %s\n", path, s->steps[step].line, wrong);
	return !wrong;
}

/* Executes nothing. */
static int filter_file(const struct script *s, const char *path)
{
	struct refusal r;

	if (!host_refuses(s, &r)) {
		printf("%s: nothing that the host must not get\n", path);
		return 0;
	}
	printf("%s:%u: the host must not get step %u: %s\n", path, s->steps[r.step].line,
	       r.step + 1, r.why);
	return STATUS_DIFFERS;
}

static int run_file(struct options *o, const char *path)
{
	static struct script s;
	char *text = read_file(path);
	bool ok = text && parse_file(&s, path, text);

	free(text);
	if (!ok)
		return STATUS_WRONG;
	if (o->filter)
		return filter_file(&s, path);
	return play_script(&o->play, &s) ? 0 : STATUS_DIFFERS;
}

static int run_files(struct options *o, int argc, char **argv)
{
	int status = 0;

	for (int i = optind; i < argc && status != STATUS_WRONG; i++) {
		int one = run_file(o, argv[i]);

		if (argc - optind > 1 && !o->filter)
			printf("%s: %s\n", argv[i], one ? "differs" : "agrees");
		status = one > status ? one : status;
	}
	return status;
}

static int replay_main(int argc, char **argv)
{
	static struct options o;
	int status;

	o = (struct options){.search = {.count = 2000, .seeds = 1}};
	status = parse(&o, argc, argv);
	if (o.instead && !status)
		o.instead();
	if (o.instead || status)
		return status;
	if (o.random)
		status = search_random(&o.play, &o.search) ? STATUS_DIFFERS : 0;
	else
		status = run_files(&o, argc, argv);
	allowances_print();
	for (unsigned i = 0; i < o.play.nr_sides; i++)
		if (!side_close(&o.play.sides[i]))
			status = STATUS_DAMAGED;
	return status;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], STAGE_COMMAND))
		return stage_main(argc - 2, argv + 2);
	output_check_at_exit("quire replay", STATUS_WRONG);
	return replay_main(argc, argv);
}
