/* SPDX-License-Identifier: MIT */
/*
 * creds.h: the present credentials of guests' threads (creds.c).
 */
#ifndef RUN_CREDS_H
#define RUN_CREDS_H

#include "run/guest/request.h"

#include <linux/capability.h>

#define CREDS_MAX_GROUPS 256 /* more are not looked at: they give no rights */

struct creds {
	bool known; /* false: nothing was found out */
	pid_t pid;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	gid_t groups[CREDS_MAX_GROUPS];
	unsigned nr_groups;
	uint64_t permitted, effective;
	uint64_t user_ns; /* 0: not told */
	bool dumpable;    /* true as well where it cannot be told (root's) */
};

/* False: there is no such thread, and *out has no rights. */
bool creds_read(pid_t pid, pid_t tid, struct creds *out);
/* Of the thread whose request this is. */
bool creds_caller(const struct request *q, struct creds *out);
/* It has this capability over the whole host; over what belongs to `other`. */
bool creds_capable(const struct creds *c, int cap);
bool creds_capable_over(const struct creds *c, const struct creds *other, int cap);
bool creds_in_group(const struct creds *c, gid_t gid);
/* All of the other's users and groups are the real (fs: the file system's) one of c. */
bool creds_same_user(const struct creds *c, const struct creds *other, bool fs);
/*
 * It may look at the other process as by PTRACE_MODE_READ.  fs: as an open of a file of /proc is
 * judged, by the file system's user and the effective capabilities; else by the real user and the
 * permitted ones, as process_vm_readv and move_pages are.
 */
bool creds_may_look(const struct creds *c, const struct creds *other, bool fs);

/* The same of a slot's thread, and of the caller; a process may always look at itself. */
bool slot_capable(const struct slot *s, int cap);
bool caller_capable(const struct request *q, int cap);
bool caller_may_look(const struct request *q, const struct proc *other, bool fs);
/*
 * The guest process of that pid, whose memory the caller may look into.  0: both are referenced
 * (proc_put(), space_put()).  RUN_NATIVE: no guest has it; -EPERM.
 */
int64_t caller_find(const struct request *q, pid_t pid, struct proc **p, struct space **space);

#endif
