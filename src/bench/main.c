/* SPDX-License-Identifier: MIT */
/*
 * main.c: `quire bench`: its options and its table.
 */
#include "bench/count.h"
#include "bench/guest.h"
#include "bench/measure.h"
#include "bench/plot.h"
#include "tool/number.h"
#include "tool/output.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <quire/quire.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM_BYTES (1ull << 30)
#define STATUS_FAILED 1
#define STATUS_WRONG 2

struct options {
	const char *only, *json, *plot;
	unsigned pairs;
	bool run, threads; /* --threads is given */
	void (*instead)(void);
};

enum { OPT_ONLY = 256, OPT_JSON, OPT_PAIRS, OPT_RUN, OPT_THREADS, OPT_PLOT };

static const struct option long_options[] = {
    {"only", required_argument, NULL, OPT_ONLY},
    {"json", required_argument, NULL, OPT_JSON},
    {"pairs", required_argument, NULL, OPT_PAIRS},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"plot", required_argument, NULL, OPT_PLOT},
    {"run", no_argument, NULL, OPT_RUN},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

void bench_must(bool ok, const char *who, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "quire bench: %s: %s: %s\n", who, what, strerror(errno));
	exit(1);
}

static void bench_help(void)
{
	fputs(
	    "usage: quire bench [OPTION...]\n"
	    "\n"
	    "Measures each memory operation in the library and in the host kernel, in pairs, and\n"
	    "tells what it costs, as a ratio and in units of the machine's own limits.\n"
	    "\n"
	    "      --only NAME        operations whose name contains this\n"
	    "      --pairs N          so many pairs of each (default 15)\n"
	    "      --json FILE        the figures as JSON, too\n"
	    "      --threads N        threads that fault together (default 2)\n"
	    "      --plot DIRECTORY   pictures of cost against size, mappings and threads instead\n"
	    "      --run              what a program's operations cost under `quire run` instead\n"
	    "  -h, --help             this text\n"
	    "  -V, --version          the version\n",
	    stdout);
}

static void print_version(void)
{
	printf("quire %s\n", quire_version());
}

static int set_number(unsigned *out, unsigned max, const char *option)
{
	uint64_t n;

	if (parse_number(optarg, 10, 1, max, &n)) {
		*out = (unsigned)n;
		return 0;
	}
	fprintf(stderr, "quire bench: --%s: '%s' is not a number from 1 to %u\n", option, optarg,
		max);
	return STATUS_WRONG;
}

static int set_option(struct options *o, int c)
{
	switch (c) {
	case OPT_ONLY:
		o->only = optarg;
		return 0;
	case OPT_JSON:
		o->json = optarg;
		return 0;
	case OPT_PLOT:
		o->plot = optarg;
		return 0;
	case OPT_PAIRS:
		return set_number(&o->pairs, 101, "pairs");
	case OPT_THREADS:
		o->threads = true;
		return set_number(&bench_threads, 64, "threads");
	case OPT_RUN:
		o->run = true;
		return 0;
	case 'h':
		o->instead = bench_help;
		return 0;
	case 'V':
		o->instead = print_version;
		return 0;
	default:
		return STATUS_WRONG;
	}
}

static void print_head(const struct units *u)
{
	printf("Z %.0f ns (memset of a cold page), C %.0f ns (memcpy), A %.1f ns (atomic add)\n\n",
	       u->z, u->c, u->a);
	printf("%-32s%6s%12s%12s%8s%14s%12s\n", "operation", "per", "host", "quire", "ratio",
	       "half within", "aim");
}

static void print_figure(const struct figure *f)
{
	char within[32];

	if (f->host.median <= 0) {
		printf("%-32s%6s%12s%9.4g ns%8s%14s%9.4g ns%s\n", f->row->name, f->row->unit, "-",
		       f->quire.median, "-", "-", f->aim,
		       f->quire.median > f->aim ? "  above its aim" : "");
		fflush(stdout);
		return;
	}
	snprintf(within, sizeof(within), "%.2f..%.2f", f->ratio.low, f->ratio.high);
	printf("%-32s%6s%9.4g ns%9.4g ns%8.2f%14s%9.4g ns%s\n", f->row->name, f->row->unit,
	       f->host.median, f->quire.median, f->ratio.median, within, f->aim,
	       f->ratio.median > 1        ? "  above the host"
	       : f->quire.median > f->aim ? "  above its aim"
					  : "");
	fflush(stdout);
}

static json_t *json_spread(const struct spread *s)
{
	return json_pack("{s:f, s:f, s:f}", "median", s->median, "low", s->low, "high", s->high);
}

static void json_add(json_t *list, const struct figure *f)
{
	json_array_append_new(list,
			      json_pack("{s:s, s:s, s:o, s:o, s:o, s:f}", "operation", f->row->name,
					"per", f->row->unit, "host_ns", json_spread(&f->host),
					"quire_ns", json_spread(&f->quire), "ratio",
					json_spread(&f->ratio), "aim_ns", f->aim));
}

static int json_write(json_t *list, const struct units *u, const char *path)
{
	json_t *all = json_pack("{s:i, s:{s:f, s:f, s:f}, s:o}", "version", 1, "units_ns", "Z",
				u->z, "C", u->c, "A", u->a, "rows", list);
	int err = json_dump_file(all, path, JSON_INDENT(2));

	if (err)
		fprintf(stderr, "quire bench: %s: %s\n", path, strerror(errno));
	json_decref(all);
	return err ? 1 : 0;
}

/* What a run of this kind makes no use of is refused, as is a name that no operation has. */
static const char *unused(const struct options *o)
{
	if (o->run && o->plot)
		return "only one of --run and --plot";
	if ((o->run || o->plot) && o->json)
		return "--json is for the table of operations";
	if ((o->run || o->plot) && o->threads)
		return "--threads is for the table of operations";
	if (o->plot && o->only)
		return "--only is for tables";
	return NULL;
}

static bool any_named(const struct options *o)
{
	unsigned n = o->run ? nr_guest_rows : nr_rows;

	for (unsigned i = 0; i < n; i++)
		if (!o->only || strstr(o->run ? guest_rows[i].name : rows[i].name, o->only))
			return true;
	return false;
}

static int check(const struct options *o)
{
	const char *why = unused(o);

	if (why)
		fprintf(stderr, "quire bench: %s\n", why);
	else if (!any_named(o))
		fprintf(stderr, "quire bench: --only: no operation has '%s' in its name\n",
			o->only);
	else
		return 0;
	return STATUS_WRONG;
}

static int measure_all(const struct options *o)
{
	struct units units = units_measure();
	struct memory *host = memory_host(), *quire = memory_quire(RAM_BYTES);
	json_t *list = json_array();
	bool has_huge = bench_host_has_huge();

	print_head(&units);
	for (unsigned i = 0; i < nr_rows; i++) {
		struct figure f;

		if (o->only && !strstr(rows[i].name, o->only))
			continue;
		measure_row(&rows[i], rows[i].kind == ROW_HUGE && !has_huge ? NULL : host, quire,
			    o->pairs, &units, &f);
		print_figure(&f);
		json_add(list, &f);
	}
	if (!has_huge)
		printf("\nof huge pages the host has no figures: %u of 2 MiB are not free there\n",
		       BENCH_HUGE_PAGES);
	if (o->json)
		return json_write(list, &units, o->json);
	json_decref(list);
	return 0;
}

static int bench_main(int argc, char **argv)
{
	struct options o = {.pairs = 15};
	int c, err = 0;

	while (!err && (c = getopt_long(argc, argv, "hV", long_options, NULL)) != -1)
		err = set_option(&o, c);
	if (!err && !o.instead && optind < argc) {
		fprintf(stderr, "quire bench: '%s' is too much\n", argv[optind]);
		err = STATUS_WRONG;
	}
	if (err)
		return err;
	if (o.instead) {
		o.instead();
		return 0;
	}
	err = check(&o);
	if (err)
		return err;
	if (o.plot)
		return plot_all(o.plot, memory_host(), memory_quire(RAM_BYTES), o.pairs);
	return o.run ? guest_table(o.only, o.pairs) : measure_all(&o);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], GUEST_COMMAND))
		return guest_main(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], COUNT_COMMAND))
		return count_main(argc - 2, argv + 2);
	output_check_at_exit("quire bench", STATUS_FAILED);
	return bench_main(argc, argv);
}
