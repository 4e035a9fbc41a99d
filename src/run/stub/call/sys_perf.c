/* SPDX-License-Identifier: MIT */
/*
 * sys_perf.c: perf_event_open, for what would reach other processes than the one that it names.
 *
 *   1. A probe is put into a file's text, in every process that executes it, the supervisor
 *      included, and adds to a word there that the guest names.  No guest has use for one: what it
 *      executes is mapped in another way than the host's probes look for.
 *   2. Samples of all processes, or of a cgroup's, are the supervisor's, too: of those neither
 *      stacks nor registers.
 *   3. The host gets the copy that has been looked at: another thread could change the guest's own.
 */
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/perf_event.h>

#define CONTENTS (PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER | PERF_SAMPLE_REGS_INTR)

/* Where no number could be found out, whatever is given a name may be a probe. */
static bool is_probe(const struct perf_event_attr *attr)
{
	for (unsigned i = 0; i < RUN_NR_PROBE_TYPES; i++) {
		uint32_t type = INFO->probe_types[i];

		if (type == RUN_PROBE_UNKNOWN ? attr->type >= PERF_TYPE_MAX && attr->config1
					      : attr->type == type)
			return true;
	}
	return false;
}

static bool is_of_all(const struct call *c)
{
	return (int)c->a[1] == -1 || (c->a[4] & PERF_FLAG_PID_CGROUP);
}

/* As the host reads it: its size is in it, and what it does not know has to be 0. */
static int64_t copy_attr(struct call *c, char *copy)
{
	struct perf_event_attr *attr = (struct perf_event_attr *)copy;
	uint32_t size;

	memset(copy, 0, PAGE);
	if (guest_read(copy, c->a[0], PERF_ATTR_SIZE_VER0))
		return -EFAULT;
	size = attr->size;
	/* The host says so itself. */
	if (size < PERF_ATTR_SIZE_VER0 || size > PAGE)
		return 0;
	if (guest_read(copy, c->a[0], size))
		return -EFAULT;
	attr->size = size;
	return 0;
}

static int64_t refuse(struct call *c, uint64_t why)
{
	rpc_unsupported(c->t, c->nr, why);
	return -EACCES;
}

int64_t sys_perf_event_open(struct call *c)
{
	char *copy = thread_scratch(c->t);
	struct perf_event_attr *attr = (struct perf_event_attr *)copy;
	uint64_t from = c->a[0];
	int64_t r = copy_attr(c, copy);

	if (r)
		return r;
	if (is_probe(attr))
		return refuse(c, NOTE_PROBES);
	if (is_of_all(c) && (attr->sample_type & CONTENTS))
		return refuse(c, NOTE_CONTENTS);
	c->a[0] = sys_ptr(copy);
	r = call_native(c);
	/* It tells the size that it knows. */
	if (r == -E2BIG && guest_write(from + offsetof(struct perf_event_attr, size), &attr->size,
				       sizeof(attr->size)))
		return -EFAULT;
	return r;
}
