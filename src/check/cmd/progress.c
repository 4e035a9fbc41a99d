/* SPDX-License-Identifier: MIT */
/*
 * progress.c: how far it is, on standard error.
 *
 * On a terminal one line that is written anew; elsewhere lines, if they are asked for.
 */
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "check/cmd/check.h"

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 10.0

static bool line_there;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* It is time for a line. */
static bool due(double interval)
{
	static double last;
	double t = now();

	if (last <= 0)
		last = t;
	if (t - last < interval)
		return false;
	last = t;
	return true;
}

static size_t terminal_width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || !w.ws_col)
		return 80;
	return w.ws_col;
}

static size_t append(char *buf, size_t len, size_t n, const struct progress_part *p)
{
	const struct item *item = p->item;
	char shard[40] = "";
	int k;

	if (item->nshards)
		snprintf(shard, sizeof(shard), " %u/%u", item->shard, item->nshards);
	k = snprintf(buf + n, len - n, "%s%s%s %s, %.0f %%", n ? "; " : "", item->scenario->name,
		     shard, grouped(p->schedules), p->done * 100);
	n += k > 0 ? (size_t)k : 0;
	return n < len ? n : len - 1;
}

void progress_show(const struct options *o, const struct progress_part *parts, unsigned n,
		   unsigned waiting)
{
	bool terminal = isatty(STDERR_FILENO);
	char line[1024] = "";
	size_t len = 0;

	if (!terminal && !o->verbose)
		return;
	if (!due(terminal ? TERMINAL_SECONDS : PLAIN_SECONDS))
		return;
	for (unsigned i = 0; i < n; i++)
		len = append(line, sizeof(line), len, &parts[i]);
	if (waiting && len < sizeof(line))
		snprintf(line + len, sizeof(line) - len, "; %u to do", waiting);
	if (terminal)
		fprintf(stderr, "\r\033[K%.*s", (int)terminal_width() - 1, line);
	else
		fprintf(stderr, "%s\n", line);
	line_there = terminal;
}

void progress_clear(void)
{
	if (line_there)
		fputs("\r\033[K", stderr);
	line_there = false;
}
