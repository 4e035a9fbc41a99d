/* SPDX-License-Identifier: MIT */
/*
 * creds.c: who a guest's thread is, and what the host would let it do to another.
 *
 * A thread's identity is its host thread's, which the guest changes by the host's own calls; so it
 * is read when it matters, and is of that moment.  Reading costs some 20 µs: ask only where the
 * answer decides.
 *
 *   1  What cannot be found out is denied: a thread that is gone has no rights.
 *   2  A capability counts in the user namespace that it was given in, and below.  Of namespaces
 *      only the first and one's own are told apart: whoever made another one from outside has no
 *      rights in it here.
 */
#include "run/guest/creds.h"

#include "quire/quire.h"
#include "run/base/privilege.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_USER_NS 4026531837ull /* of the host's first user namespace, on every kernel */
#define STATUS_BYTES 16384

static const char *line_of(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? p + strlen(name) : "";
}

static void read_four(const char *p, uint32_t out[4])
{
	for (int i = 0; i < 4; i++) {
		char *end;

		out[i] = (uint32_t)strtoul(p, &end, 10);
		p = end;
	}
}

static void read_groups(const char *p, struct creds *out)
{
	while (*p && *p != '\n' && out->nr_groups < CREDS_MAX_GROUPS) {
		char *end;
		unsigned long g = strtoul(p, &end, 10);

		if (end == p)
			break;
		out->groups[out->nr_groups++] = (gid_t)g;
		for (p = end; *p == ' '; p++)
			;
	}
}

static uint64_t user_ns(pid_t pid, pid_t tid)
{
	char path[64], link[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/ns/user", (int)pid, (int)tid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 6)
		return 0;
	link[n] = 0;
	return strtoull(link + strlen("user:["), NULL, 10);
}

/* Files of a process that may not be looked at belong to root; those of root's always do. */
static bool is_dumpable(pid_t pid, uint32_t euid)
{
	char path[40];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return !stat(path, &st) && st.st_uid == euid;
}

bool creds_read(pid_t pid, pid_t tid, struct creds *out)
{
	char path[64], text[STATUS_BYTES];
	uint32_t id[4];

	memset(out, 0, sizeof(*out));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	read_four(line_of(text, "\nUid:"), id);
	out->uid = id[0], out->euid = id[1], out->suid = id[2], out->fsuid = id[3];
	read_four(line_of(text, "\nGid:"), id);
	out->gid = id[0], out->egid = id[1], out->sgid = id[2], out->fsgid = id[3];
	read_groups(line_of(text, "\nGroups:\t"), out);
	out->permitted = privilege_restored(strtoull(line_of(text, "\nCapPrm:"), NULL, 16));
	out->effective = privilege_restored(strtoull(line_of(text, "\nCapEff:"), NULL, 16));
	out->pid = pid;
	out->user_ns = user_ns(pid, tid);
	out->dumpable = is_dumpable(pid, out->euid);
	out->known = true;
	return true;
}

bool creds_caller(const struct request *q, struct creds *out)
{
	return creds_read(q->proc->pid, slot_tid(q->slot), out);
}

bool creds_capable(const struct creds *c, int cap)
{
	return c->user_ns == FIRST_USER_NS && (c->effective >> cap & 1);
}

bool creds_capable_over(const struct creds *c, const struct creds *other, int cap)
{
	if (creds_capable(c, cap))
		return true;
	return c->user_ns && c->user_ns == other->user_ns && (c->effective >> cap & 1);
}

bool creds_in_group(const struct creds *c, gid_t gid)
{
	bool in = c->known && c->fsgid == gid;

	for (unsigned i = 0; !in && i < c->nr_groups; i++)
		in = c->groups[i] == gid;
	return in;
}

bool creds_same_user(const struct creds *c, const struct creds *other, bool fs)
{
	uid_t uid = fs ? c->fsuid : c->uid;
	gid_t gid = fs ? c->fsgid : c->gid;

	return c->known && other->known && uid == other->euid && uid == other->suid &&
	       uid == other->uid && gid == other->egid && gid == other->sgid && gid == other->gid;
}

/* ptrace(2), "Ptrace access mode checking". */
bool creds_may_look(const struct creds *c, const struct creds *other, bool fs)
{
	uint64_t own = fs ? c->effective : c->permitted;

	if (!c->known || !other->known)
		return false;
	if (c->pid == other->pid || creds_capable_over(c, other, CAP_SYS_PTRACE))
		return true;
	return creds_same_user(c, other, fs) && other->dumpable && c->user_ns == other->user_ns &&
	       !(other->permitted & ~own);
}

bool slot_capable(const struct slot *s, int cap)
{
	struct creds c;

	return creds_read(s->proc->pid, slot_tid(s), &c) && creds_capable(&c, cap);
}

bool caller_capable(const struct request *q, int cap)
{
	return slot_capable(q->slot, cap);
}

bool caller_may_look(const struct request *q, const struct proc *other, bool fs)
{
	struct creds c, o;

	if (q->proc == other)
		return true;
	return creds_caller(q, &c) && creds_read(other->pid, other->pid, &o) &&
	       creds_may_look(&c, &o, fs);
}

int64_t caller_find(const struct request *q, pid_t pid, struct proc **p, struct space **space)
{
	*p = proc_find(q->run, pid, space);
	if (!*p)
		return RUN_NATIVE;
	if (caller_may_look(q, *p, false))
		return 0;
	proc_put(*p);
	space_put(*space);
	return -EPERM;
}
