/* SPDX-License-Identifier: MIT */
/*
 * report.c: the report at the end of a run: collects it and sees to it that it gets out.
 *
 * It is made in memory and written at once: whoever reads the file finds all of it or nothing.
 */
#include "run/report/report.h"

#include "quire/quire.h"
#include "run/base/options.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/huge/unpromised.h"
#include "run/report/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool wants_json(const char *file)
{
	size_t len = strlen(file);

	return len >= 5 && !strcasecmp(file + len - 5, ".json");
}

static int make(const struct report *r, bool json, char **text, size_t *len)
{
	FILE *mem = open_memstream(text, len);
	int err;

	if (!mem)
		return -ENOMEM;
	err = json ? report_json(r, mem) : report_text(r, mem);
	return fclose(mem) && !err ? -ENOMEM : err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* A disk that is full may say so as late as close(2).  Half a report is none. */
static int write_regular(struct run *run, const char *file, const char *text, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (close(fd) && !err)
		err = -errno;
	if (err && truncate(file, 0))
		run_say(run, "%s: half a report is left there", file);
	return err;
}

static int write_stderr(const struct run_options *opts, const char *text, size_t len)
{
	static const char clear[] = "\r\033[K";

	/* The live line is still there. */
	if (opts->stat_seconds > 0 && isatty(STDERR_FILENO))
		write_all(STDERR_FILENO, clear, sizeof(clear) - 1);
	return write_all(STDERR_FILENO, text, len);
}

static int write_out(const struct report *r)
{
	const struct run_options *opts = r->run->opts;
	char *text = NULL;
	size_t len = 0;
	int err = make(r, opts->report && wants_json(opts->report), &text, &len);

	if (err)
		;
	else if (!opts->report)
		err = write_stderr(opts, text, len);
	else if (opts->report_fd >= 0)
		err = write_all(opts->report_fd, text, len);
	else
		err = write_regular(r->run, opts->report, text, len);
	free(text);
	return err;
}

/* A program that has failed may have failed for that, which it need not say. */
static void say_unpromised(struct run *run)
{
	const struct unpromised_list *l = run->unpromised;

	for (unsigned i = 0; i < l->nr; i++) {
		const struct unpromised *u = &l->v[i];

		run_say(run, "%d (%s): mmap of %llu huge pages of %s was refused: ENOMEM: %s",
			(int)u->note.pid, u->note.comm, (unsigned long long)u->note.event.pages,
			report_huge_size(u->note.event.page_size),
			quire_fault_reason_name((enum quire_fault_reason)u->note.event.reason));
	}
}

int report_write(struct run *run, const struct run_verdict *verdict)
{
	const struct run_options *opts = run->opts;
	struct report r;
	int err;

	if (!WIFEXITED(run->first_status) || WEXITSTATUS(run->first_status))
		if (opts->quiet || opts->report)
			say_unpromised(run);
	if (opts->quiet && !opts->report)
		return 0;
	err = report_collect(&r, run, verdict);
	if (!err)
		err = write_out(&r);
	if (err)
		run_say(run, "cannot write the report%s%s: %s", opts->report ? " to " : "",
			opts->report ? opts->report : "", strerror(-err));
	report_free(&r);
	return err;
}
