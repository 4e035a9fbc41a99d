/* SPDX-License-Identifier: MIT */
/*
 * jobs.c: pieces of work, each in a process forked for it, so many at a time.
 *
 * A worker writes lines of JSON into a pipe: how far it is, and at last its outcome.  One that
 * ends without an outcome has broken a rule of its own kind: that is a violation of its scenario.
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/cmd/check.h"

#define POLL_MS 200

struct job {
	struct item item;
	unsigned tag;
};

struct worker {
	pid_t pid; /* 0: none */
	int fd;
	struct job job;
	char *text; /* what it has written so far */
	size_t len, size;
	uint64_t schedules;
	double done;
};

struct jobs {
	const struct options *o;
	struct job *queue;
	unsigned n, next, size;
	struct worker *workers;
	unsigned nr_workers;
	struct progress_part *parts;
};

static _Noreturn void broken(const char *what)
{
	fprintf(stderr, "quire check: %s: %s\n", what, strerror(errno));
	exit(STATUS_BROKEN);
}

static void *or_die(void *p)
{
	if (!p)
		broken("memory");
	return p;
}

struct jobs *jobs_new(const struct options *o)
{
	struct jobs *j = or_die(calloc(1, sizeof(*j)));

	j->o = o;
	j->nr_workers = o->jobs;
	j->workers = or_die(calloc(o->jobs, sizeof(*j->workers)));
	j->parts = or_die(calloc(o->jobs, sizeof(*j->parts)));
	return j;
}

void jobs_free(struct jobs *j)
{
	for (unsigned i = 0; i < j->nr_workers; i++)
		free(j->workers[i].text);
	free(j->workers);
	free(j->parts);
	free(j->queue);
	free(j);
}

void jobs_add(struct jobs *j, const struct item *item, unsigned tag)
{
	if (j->n == j->size) {
		j->size = j->size ? j->size * 2 : 16;
		j->queue = or_die(reallocarray(j->queue, j->size, sizeof(*j->queue)));
	}
	j->queue[j->n++] = (struct job){*item, tag};
}

/* ---- in the worker ------------------------------------------------------------------ */

static void say_progress(void *ctx, uint64_t schedules, double done)
{
	FILE *f = ctx;

	fprintf(f, "{\"progress\":%.4f,\"schedules\":%llu}\n", done, (unsigned long long)schedules);
	fflush(f);
}

static _Noreturn void work(const struct item *item, int fd)
{
	struct outcome out;
	FILE *f = fdopen(fd, "w");

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!f)
		_exit(STATUS_BROKEN);
	item_run(item, &out, say_progress, f);
	_exit(outcome_write(&out, f) ? STATUS_BROKEN : 0);
}

static void start(struct worker *w, const struct job *job)
{
	int fds[2];

	if (pipe(fds))
		broken("pipe");
	fflush(NULL);
	w->pid = fork();
	if (w->pid < 0)
		broken("fork");
	if (!w->pid) {
		close(fds[0]);
		work(&job->item, fds[1]);
	}
	close(fds[1]);
	w->fd = fds[0];
	w->job = *job;
	w->len = 0;
	w->schedules = 0;
	w->done = 0;
}

/* ---- what workers say --------------------------------------------------------------- */

static void take_progress(struct worker *w, const char *line)
{
	json_t *o = json_loads(line, 0, NULL);

	if (json_object_get(o, "progress")) {
		w->done = json_number_value(json_object_get(o, "progress"));
		w->schedules = (uint64_t)json_integer_value(json_object_get(o, "schedules"));
	}
	json_decref(o);
}

/* Lines but the last are progress; keeps what follows the last newline but one. */
static void take_lines(struct worker *w)
{
	char *line = w->text, *end;

	while ((end = strchr(line, '\n')) && end[1]) {
		*end = 0;
		take_progress(w, line);
		line = end + 1;
	}
	w->len -= (size_t)(line - w->text);
	memmove(w->text, line, w->len + 1);
	if (strstr(w->text, "{\"progress\"") == w->text)
		take_progress(w, w->text);
}

/* False: it has said all. */
static bool read_some(struct worker *w)
{
	ssize_t n;

	if (w->size - w->len < 4096) {
		w->size = w->size * 2 + 8192;
		w->text = or_die(realloc(w->text, w->size));
	}
	n = read(w->fd, w->text + w->len, w->size - w->len - 1);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	w->len += (size_t)n;
	w->text[w->len] = 0;
	take_lines(w);
	return true;
}

static void note_death(const struct worker *w, int status, struct outcome *out)
{
	memset(out, 0, sizeof(*out));
	out->verdict = VERDICT_VIOLATION;
	out->schedules = w->schedules;
	out->bound = w->job.item.bound;
	if (WIFSIGNALED(status))
		snprintf(out->violation, sizeof(out->violation),
			 "the worker was killed by SIG%s after %llu schedules or more",
			 sigabbrev_np(WTERMSIG(status)), (unsigned long long)w->schedules);
	else
		snprintf(out->violation, sizeof(out->violation),
			 "the worker ended with status %d and no outcome", WEXITSTATUS(status));
}

static void finish(struct worker *w, struct outcome *out)
{
	struct words known;
	int status;

	close(w->fd);
	while (waitpid(w->pid, &status, 0) < 0)
		if (errno != EINTR)
			broken("waitpid");
	w->pid = 0;
	if (!w->len || outcome_read(w->text, out))
		note_death(w, status, out);
	known = out->item.known;
	out->item = w->job.item;
	out->item.known = known;
}

/* ---- the loop ----------------------------------------------------------------------- */

static unsigned start_what_fits(struct jobs *j)
{
	unsigned running = 0;

	for (unsigned i = 0; i < j->nr_workers; i++) {
		if (!j->workers[i].pid && j->next < j->n)
			start(&j->workers[i], &j->queue[j->next++]);
		running += j->workers[i].pid != 0;
	}
	return running;
}

static void show(struct jobs *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < j->nr_workers; i++) {
		struct worker *w = &j->workers[i];

		if (w->pid)
			j->parts[n++] = (struct progress_part){&w->job.item, w->schedules, w->done};
	}
	progress_show(j->o, j->parts, n, j->n - j->next);
}

/* Waits for the workers, or until it is time to look at the clock; true: worker i has something. */
static void wait_for_some(const struct jobs *j, struct pollfd *p)
{
	for (unsigned i = 0; i < j->nr_workers; i++)
		p[i] = (struct pollfd){.fd = j->workers[i].pid ? j->workers[i].fd : -1,
				       .events = POLLIN};
	if (poll(p, j->nr_workers, POLL_MS) < 0 && errno != EINTR)
		broken("poll");
}

void jobs_run(struct jobs *j, void (*done)(void *ctx, unsigned tag, const struct outcome *out),
	      void *ctx)
{
	struct pollfd *p = or_die(calloc(j->nr_workers, sizeof(*p)));
	struct outcome out;

	while (start_what_fits(j)) {
		wait_for_some(j, p);
		for (unsigned i = 0; i < j->nr_workers; i++) {
			struct worker *w = &j->workers[i];

			if (!w->pid || !p[i].revents || read_some(w))
				continue;
			finish(w, &out);
			done(ctx, w->job.tag, &out);
		}
		show(j);
	}
	progress_clear();
	free(p);
}
