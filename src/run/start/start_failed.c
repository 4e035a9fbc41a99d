/* SPDX-License-Identifier: MIT */
/*
 * start_failed.c: the line that says why a run does not start, and what may help.
 */
#include "run/start/start_failed.h"

#include "quire/quire.h"
#include "run/base/own_limits.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/port/ram.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What a smaller machine would not run into. */
static bool for_want_of_memory(const struct run *run, int err)
{
	if (run->ram_bytes <= ram_least())
		return false;
	if (err == -EFBIG)
		return own_limits_hard(RLIMIT_FSIZE) >= ram_least_file();
	return err == -ENOMEM || err == -ENOSPC || err == -EINVAL || err == -EOVERFLOW;
}

static bool limited(__rlimit_resource_t resource)
{
	return own_limits_hard(resource) != RLIM_INFINITY;
}

/* By a limit that we could not raise; "" if it is none of them. */
static const char *limits_that_refuse(int err)
{
	bool addresses = limited(RLIMIT_AS), data = limited(RLIMIT_DATA);

	if (err == -EFBIG)
		return "-Hf";
	if (err == -EAGAIN && limited(RLIMIT_NPROC))
		return addresses || data ? "-Hu, -Hv, -Hd" : "-Hu";
	if (err != -ENOMEM && err != -EAGAIN)
		return "";
	if (addresses && data)
		return "-Hv, -Hd";
	return addresses ? "-Hv" : data ? "-Hd" : "";
}

void start_failed(struct run *run, const char *what, int err)
{
	const char *limits = limits_that_refuse(err);
	bool smaller = for_want_of_memory(run, err);

	run_say(run, "cannot %s: %s%s%s%s%s%s%s", what, strerror(-err),
		smaller || *limits ? " (try " : "", smaller ? "a smaller --ram" : "",
		smaller && *limits ? " or " : "", *limits ? "a higher ulimit " : "", limits,
		smaller || *limits ? ")" : "");
}

void start_failed_machine(struct run *run, int err)
{
	const uint64_t *huge = run->opts->huge_pages;
	char large[64] = "";

	if (err != -ENOMEM || !(huge[QUIRE_HUGE_2M] | huge[QUIRE_HUGE_1G])) {
		start_failed(run, "start", err);
		return;
	}
	if (huge[QUIRE_HUGE_1G])
		snprintf(large, sizeof(large), " and %llu of 1 GiB",
			 (unsigned long long)huge[QUIRE_HUGE_1G]);
	run_say(
	    run,
	    "cannot make %llu huge pages of 2 MiB%s out of %llu MiB of RAM (try a larger --ram)",
	    (unsigned long long)huge[QUIRE_HUGE_2M], large,
	    (unsigned long long)(run->ram_bytes >> 20));
}
