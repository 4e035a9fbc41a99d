// SPDX-License-Identifier: MIT
/*
 * report.c: the report at the end of a run: collects it and sees to it that it gets out.
 */
#include "run/report.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool wants_json(const char *file)
{
	size_t len = strlen(file);

	return len >= 5 && !strcmp(file + len - 5, ".json");
}

static int write_file(const struct report *r, const char *file)
{
	FILE *out = fopen(file, "we");
	int err;

	if (!out)
		return -errno;
	err = wants_json(file) ? report_json(r, out) : report_text(r, out);
	if (fclose(out) && !err)
		err = -errno;
	return err;
}

static int write_stderr(const struct report *r)
{
	/* The live line is still there. */
	if (r->run->opts->stat_seconds > 0 && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	return report_text(r, stderr);
}

int report_write(struct run *run, const struct run_verdict *verdict)
{
	const struct run_options *opts = run->opts;
	struct report r;
	int err;

	if (opts->quiet && !opts->report)
		return 0;
	err = report_collect(&r, run, verdict);
	if (!err)
		err = opts->report ? write_file(&r, opts->report) : write_stderr(&r);
	if (err)
		run_say("cannot write the report%s%s: %s", opts->report ? " to " : "",
			opts->report ? opts->report : "", strerror(-err));
	report_free(&r);
	return err;
}
