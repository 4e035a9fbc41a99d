/* SPDX-License-Identifier: MIT */
/*
 * privilege.c: no guest has CAP_SYS_PTRACE.
 *
 * It is what root looks into other processes with, and the supervisor is one.  Without it the host
 * itself keeps root's guests out of the supervisor's memory, descriptors, root and mappings, by
 * whatever name, mount or event they come: the supervisor is not dumpable.
 *
 *   1. It is gone from the bounding set, so no program that a guest executes gets it back.  In a
 *      user namespace of a guest's own it counts for what is in there.
 *   2. Where the supervisor decides on the host's behalf it still counts: for a guest that has
 *      all other capabilities of the supervisor.
 */
#include "run/base/privilege.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"

#include <stdbool.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WITHHELD (1u << CAP_SYS_PTRACE) /* in the lower word */

static bool get(struct __user_cap_data_struct caps[2])
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};

	memset(caps, 0, 2 * sizeof(caps[0]));
	return !syscall(SYS_capget, &head, caps);
}

void privilege_withhold(struct run *run)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2];

	if (prctl(PR_CAPBSET_READ, CAP_SYS_PTRACE, 0, 0, 0) == 1 &&
	    prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0) && !getuid())
		run_say(run,
			"root's programs can look into the supervisor here: CAP_SETPCAP is needed "
			"to take CAP_SYS_PTRACE from them");
	if (!get(caps))
		return;
	caps[0].effective &= ~WITHHELD;
	caps[0].permitted &= ~WITHHELD;
	caps[0].inheritable &= ~WITHHELD;
	syscall(SYS_capset, &head, caps);
}

/* The supervisor's own do not change. */
uint64_t privilege_restored(uint64_t set)
{
	struct __user_cap_data_struct caps[2];
	uint64_t others;

	if (!get(caps) || !(caps[0].permitted & WITHHELD))
		return set;
	others = (uint64_t)caps[1].permitted << 32 | (caps[0].permitted & ~WITHHELD);
	return others && !(others & ~set) ? set | WITHHELD : set;
}
