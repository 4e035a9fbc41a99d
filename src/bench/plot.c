/* SPDX-License-Identifier: MIT */
/*
 * plot.c: series of measurements, drawn by gnuplot.
 */
#include "bench/plot.h"
#include "bench/measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_REPEATS 101

struct series {
	const char *file, *title, *x, *y;
	double (*measure)(struct memory *m, unsigned at);
	unsigned at[8]; /* ends with 0 */
};

static double fork_of(struct memory *m, unsigned mib)
{
	return bench_fork(m, (uint64_t)mib << 20);
}

static double faults_of(struct memory *m, unsigned threads)
{
	unsigned before = bench_threads;
	double ns;

	bench_threads = threads;
	ns = fault_together(m);
	bench_threads = before;
	return ns;
}

static const struct series all[] = {
    {"fork", "fork of populated memory", "MiB", "ns a page", fork_of, {1, 4, 16, 64, 256, 0}},
    {"mmap",
     "mmap and munmap of a page",
     "other mappings",
     "ns a pair",
     bench_map_among,
     {1, 10, 100, 1000, 10000, 50000, 0}},
    {"threads", "threads that fault together", "threads", "ns a page", faults_of, {1, 2, 4, 8, 0}},
};

static FILE *create(const char *dir, const char *name, const char *ending)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, ending);
	f = fopen(path, "w");
	if (!f)
		fprintf(stderr, "quire bench: %s: %s\n", path, strerror(errno));
	return f;
}

static double median_of(const struct series *s, struct memory *m, unsigned at, unsigned repeats)
{
	double ns[MAX_REPEATS];

	for (unsigned i = 0; i < repeats; i++)
		ns[i] = s->measure(m, at);
	return spread_of(ns, repeats).median;
}

static int write_figures(const struct series *s, const char *dir, struct memory *host,
			 struct memory *quire, unsigned repeats)
{
	FILE *f = create(dir, s->file, "dat");

	if (!f)
		return 1;
	fprintf(f, "# %s: %s, host, quire (%s)\n", s->title, s->x, s->y);
	for (unsigned i = 0; s->at[i]; i++)
		fprintf(f, "%u %.3f %.3f\n", s->at[i], median_of(s, host, s->at[i], repeats),
			median_of(s, quire, s->at[i], repeats));
	return fclose(f) ? 1 : 0;
}

static int write_gnuplot(const struct series *s, const char *dir)
{
	FILE *f = create(dir, s->file, "gp");

	if (!f)
		return 1;
	fprintf(
	    f,
	    "set terminal svg size 640,400\nset output '%s.svg'\nset title '%s'\n"
	    "set xlabel '%s'\nset ylabel '%s'\nset logscale x\nset yrange [0:*]\nset key left top\n"
	    "plot '%s.dat' using 1:2 with linespoints title 'host', "
	    "'' using 1:3 with linespoints title 'quire'\n",
	    s->file, s->title, s->x, s->y, s->file);
	return fclose(f) ? 1 : 0;
}

/* 127: there is none. */
static int run_gnuplot(const struct series *s, const char *dir)
{
	char name[64];
	int status = 0;
	pid_t pid = fork();

	snprintf(name, sizeof(name), "%s.gp", s->file);
	if (!pid) {
		if (!chdir(dir))
			execlp("gnuplot", "gnuplot", name, NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int plot_one(const struct series *s, const char *dir, struct memory *host,
		    struct memory *quire, unsigned repeats)
{
	int err = write_figures(s, dir, host, quire, repeats) || write_gnuplot(s, dir);

	if (err)
		return err;
	err = run_gnuplot(s, dir);
	if (!err)
		printf("%s/%s.svg\n", dir, s->file);
	else
		fprintf(stderr, "quire bench: %s/%s.gp: %s\n", dir, s->file,
			err == 127 ? "gnuplot is not here: no picture" : "gnuplot fails");
	return err == 127 ? 0 : err;
}

int plot_all(const char *dir, struct memory *host, struct memory *quire, unsigned repeats)
{
	int err = 0;

	repeats = repeats < MAX_REPEATS ? repeats : MAX_REPEATS;
	for (unsigned i = 0; !err && i < sizeof(all) / sizeof(all[0]); i++)
		err = plot_one(&all[i], dir, host, quire, repeats);
	return err;
}
