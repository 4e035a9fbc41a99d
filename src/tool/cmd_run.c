/* SPDX-License-Identifier: MIT */
/*
 * cmd_run.c: `quire run`: its options, and the way into src/run.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "quire/quire.h"
#include "run/start/run_main.h"
#include "tool/parse.h"
#include "tool/tool.h"

/* Frame numbers have 32 bits, and tables need some of them. */
#define MAX_RAM (1ull << 43)
#define MIN_RAM (1ull << 20)

enum {
	OPT_RAM = 256,
	OPT_NODES,
	OPT_HUGEPAGES,
	OPT_OVERCOMMIT,
	OPT_HUGETLBFS,
	OPT_REPORT,
	OPT_FAIL,
	OPT_STAT
};

static const struct option long_options[] = {
    {"ram", required_argument, NULL, OPT_RAM},
    {"nodes", required_argument, NULL, OPT_NODES},
    {"hugepages", required_argument, NULL, OPT_HUGEPAGES},
    {"hugepages-overcommit", required_argument, NULL, OPT_OVERCOMMIT},
    {"hugetlbfs", required_argument, NULL, OPT_HUGETLBFS},
    {"quiet", no_argument, NULL, 'q'},
    {"report", required_argument, NULL, OPT_REPORT},
    {"fail", required_argument, NULL, OPT_FAIL},
    {"stat", required_argument, NULL, OPT_STAT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

/* What parsing ended with. */
enum parsed { PARSED_RUN, PARSED_DONE, PARSED_WRONG };

void cmd_run_help(void)
{
	fputs(
	    "usage: quire run [OPTION...] [--] PROG [ARG...]\n"
	    "\n"
	    "Runs PROG with all of its memory managed by Quire, passes its output, exit status "
	    "and\n"
	    "death by signal through, and reports what its memory did.\n"
	    "\n"
	    "      --ram SIZE         the machine's RAM, e.g. 512M or 4G (default: 3/4 of\n"
	    "                         what the host has available)\n"
	    "      --nodes N[:SIZE,...]\n"
	    "                         divide RAM and processors into N NUMA nodes, of these\n"
	    "                         sizes (default: of one size), e.g. 2 or 2:1G,512M\n"
	    "      --hugepages 2M=N[,1G=M]\n"
	    "                         N huge pages of 2 MiB and M of 1 GiB, out of RAM\n"
	    "      --hugepages-overcommit 2M=N\n"
	    "                         as many more of 2 MiB may be made when they are wanted\n"
	    "      --hugetlbfs PATH[,size=SIZE][,min_size=SIZE][,pagesize=2M|1G][,mode=MODE]\n"
	    "                         a file system of huge pages is mounted there, which only\n"
	    "                         PROG sees (for root)\n"
	    "  -q, --quiet            no report and no notes on standard error\n"
	    "      --report FILE      write the report to FILE, - for standard output: JSON if "
	    "the\n"
	    "                         name ends in .json\n"
	    "      --fail N[,M...]    fail the Nth, Mth ... allocation of the machine\n"
	    "      --stat SECONDS     a line on standard error so often (e.g. 1 or 0.5): time,\n"
	    "                         processes, RAM in use and of what kind, faults per second\n"
	    "  -h, --help             this text\n"
	    "  -V, --version          the version\n"
	    "\n"
	    "Exit status: PROG's; 125 if quire itself failed or its books did not balance, 126 if\n"
	    "PROG cannot be executed, 127 if it is not found.  See quire-run(1).\n",
	    stdout);
}

__attribute__((format(printf, 1, 2))) static enum parsed wrong(const char *fmt, ...)
{
	va_list ap;

	fputs("quire run: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return PARSED_WRONG;
}

static enum parsed set_ram(struct run_options *opts, const char *text)
{
	uint64_t bytes;

	if (!parse_size(text, &bytes))
		return wrong("--ram: '%s' is not a size; 512M and 4G are", text);
	if (bytes < MIN_RAM || bytes > MAX_RAM)
		return wrong("--ram: %s is out of range: 1M to 8T", text);
	opts->ram_bytes = bytes;
	return PARSED_RUN;
}

static enum parsed set_nodes(struct run_options *opts, const char *text)
{
	if (!parse_nodes(text, opts->node_bytes, RUN_MAX_NODES, &opts->nodes))
		return wrong("--nodes: '%s' is not a number from 1 to %d, with as many sizes or "
			     "none: 2 and 2:1G,512M are",
			     text, RUN_MAX_NODES);
	return PARSED_RUN;
}

static const uint64_t huge_sizes[QUIRE_NR_HUGE] = {
    [QUIRE_HUGE_2M] = 2ull << 20, [QUIRE_HUGE_1G] = 1ull << 30};

/* So many fit in the largest RAM. */
static bool too_many(const uint64_t *counts)
{
	uint64_t left = MAX_RAM;

	for (unsigned i = 0; i < QUIRE_NR_HUGE; i++) {
		if (counts[i] > left / huge_sizes[i])
			return true;
		left -= counts[i] * huge_sizes[i];
	}
	return false;
}

static enum parsed set_huge_pages(struct run_options *opts, const char *text)
{
	if (!parse_counts(text, huge_sizes, QUIRE_NR_HUGE, opts->huge_pages))
		return wrong("--hugepages: '%s' does not say how many of which size; 2M=64 and "
			     "2M=64,1G=1 do",
			     text);
	if (too_many(opts->huge_pages))
		return wrong("--hugepages: %s is more than the largest RAM, 8T", text);
	return PARSED_RUN;
}

static enum parsed set_overcommit(struct run_options *opts, const char *text)
{
	uint64_t counts[QUIRE_NR_HUGE];

	if (!parse_counts(text, huge_sizes, QUIRE_NR_HUGE, counts))
		return wrong("--hugepages-overcommit: '%s' does not say how many; 2M=64 does",
			     text);
	if (counts[QUIRE_HUGE_1G])
		return wrong("--hugepages-overcommit: only pages of 2M are made on demand");
	opts->huge_overcommit = counts[QUIRE_HUGE_2M];
	return PARSED_RUN;
}

static enum parsed add_hugetlbfs(struct run_options *opts, const char *text)
{
	struct run_hugetlbfs *fs = &opts->hugetlbfs[opts->nr_hugetlbfs];

	if (opts->nr_hugetlbfs == RUN_MAX_HUGETLBFS)
		return wrong("--hugetlbfs: there may be %d at most", RUN_MAX_HUGETLBFS);
	if (!parse_hugetlbfs(text, fs))
		return wrong(
		    "--hugetlbfs: '%s': wanted is PATH and size=, min_size=, pagesize= (2M "
		    "or 1G) or mode=: /mnt/huge,size=64M is",
		    text);
	if (fs->min_size > fs->size)
		return wrong("--hugetlbfs: min_size= is more than size=");
	opts->nr_hugetlbfs++;
	return PARSED_RUN;
}

/* The sizes are RAM's; where both are said, they are to agree. */
static enum parsed check_nodes(struct run_options *opts)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < opts->nodes; i++) {
		if (opts->node_bytes[0] &&
		    (!opts->node_bytes[i] || opts->node_bytes[i] % RUN_NODE_UNIT))
			return wrong("--nodes: the size of a node is a multiple of 4M");
		if (opts->node_bytes[i] > MAX_RAM)
			return wrong("--nodes: a size is out of range: 4M to 8T");
		sum += opts->node_bytes[i];
	}
	if (sum > MAX_RAM)
		return wrong("--nodes: the sizes are more than 8T together");
	if (sum && opts->ram_bytes && sum != opts->ram_bytes)
		return wrong("--nodes: the sizes are not those of --ram together");
	if (sum)
		opts->ram_bytes = sum;
	if (opts->nodes > 1 && opts->ram_bytes && opts->ram_bytes / opts->nodes < RUN_NODE_UNIT)
		return wrong("--nodes: --ram is less than 4M for each node");
	return PARSED_RUN;
}

/*
 * Asked for before the program runs for an hour.  A regular file is not kept open: somebody may
 * put another in its place, which is then the one that is meant.
 */
static enum parsed set_report(struct run_options *opts, const char *file)
{
	struct stat st;
	int fd = STDOUT_FILENO;

	if (!*file)
		return wrong("--report: the name of the file is empty");
	if (strcmp(file, "-"))
		fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0 || fstat(fd, &st))
		return wrong("--report: cannot write %s: %s", file, strerror(errno));
	if (opts->report_fd > STDERR_FILENO)
		close(opts->report_fd);
	opts->report_fd = fd;
	if (fd != STDOUT_FILENO && S_ISREG(st.st_mode)) {
		close(fd);
		opts->report_fd = -1;
	}
	opts->report = file;
	return PARSED_RUN;
}

static enum parsed set_option(struct run_options *opts, struct points *fail, int c)
{
	switch (c) {
	case OPT_RAM:
		return set_ram(opts, optarg);
	case OPT_NODES:
		return set_nodes(opts, optarg);
	case OPT_HUGEPAGES:
		return set_huge_pages(opts, optarg);
	case OPT_OVERCOMMIT:
		return set_overcommit(opts, optarg);
	case OPT_HUGETLBFS:
		return add_hugetlbfs(opts, optarg);
	case 'q':
		opts->quiet = true;
		return PARSED_RUN;
	case OPT_REPORT:
		return set_report(opts, optarg);
	case OPT_FAIL:
		if (parse_points(optarg, fail))
			return PARSED_RUN;
		return wrong("--fail: '%s' is not a list of numbers from 1, like 3 or 1,7,12",
			     optarg);
	case OPT_STAT:
		if (parse_seconds(optarg, &opts->stat_seconds))
			return PARSED_RUN;
		return wrong("--stat: '%s' is not a number of seconds from 0.01 to 86400", optarg);
	case 'h':
		cmd_run_help();
		return PARSED_DONE;
	case 'V':
		printf("quire %s\n", quire_version());
		return PARSED_DONE;
	default:
		return PARSED_WRONG;
	}
}

/* getopt's own messages say what is wrong; they begin with argv[0]. */
static enum parsed parse(struct run_options *opts, struct points *fail, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "+qhV", long_options, NULL)) != -1) {
		enum parsed p = set_option(opts, fail, c);

		if (p != PARSED_RUN)
			return p;
	}
	if (optind == argc)
		return wrong("there is no program to run");
	return check_nodes(opts);
}

int cmd_run(int argc, char **argv)
{
	struct run_options opts = {.report_fd = -1};
	struct points fail = {0};
	static char name[] = "quire run";
	int status;

	argv[0] = name;
	switch (parse(&opts, &fail, argc, argv)) {
	case PARSED_RUN:
		opts.fail_points = fail.v;
		opts.nr_fail_points = fail.n;
		opts.argv = argv + optind;
		status = run_main(&opts);
		break;
	case PARSED_DONE:
		status = 0;
		break;
	default:
		fputs("Try: quire run --help\n", stderr);
		status = STATUS_RUN;
	}
	free(fail.v);
	return status;
}
