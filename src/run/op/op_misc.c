/* SPDX-License-Identifier: MIT */
/*
 * op_misc.c: what guests ask or tell about processes: /proc's texts, the program's path, notes.
 */
#include "quire/quire.h"
#include "run/call/compact.h"
#include "run/call/note.h"
#include "run/fd/closer.h"
#include "run/fd/ctl.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/op/ops.h"
#include "run/procfs/machine_tree.h"
#include "run/procfs/procfs.h"
#include "run/wire/atomic.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The process that pid means to this guest, both referenced.  0: itself. */
static struct proc *target(struct request *q, uint64_t pid, struct space **space)
{
	if (!pid || (pid_t)pid == q->proc->pid) {
		*space = space_get(q->space);
		return proc_get(q->proc);
	}
	return pid > INT32_MAX ? NULL : proc_find(q->run, (pid_t)pid, space);
}

/* What the caller may see of it. */
static struct proc_reader reader_of(const struct request *q, const struct proc *p)
{
	struct proc_reader r = {.looks = caller_may_look(q, p, true)};

	r.self = p == q->proc;
	memcpy(r.signals, &q->a[3], sizeof(r.signals));
	r.admin = q->a[1] == PROC_PAGEMAP && caller_capable(q, CAP_SYS_ADMIN);
	return r;
}

static int fill(struct request *q, int fd)
{
	struct space *space;
	struct proc *p;
	int err;

	if (q->a[1] >= RUN_NR_PROC)
		return -ENOENT;
	if (q->a[1] == PROC_MEMINFO || q->a[1] == PROC_SYSVIPC_SHM)
		return proc_text(q->run, NULL, NULL, (enum run_proc)q->a[1],
				 (struct proc_reader){0}, fd);
	p = target(q, q->a[2], &space);
	if (!p)
		return -ENOENT;
	err = proc_text(q->run, p, space, (enum run_proc)q->a[1], reader_of(q, p), fd);
	proc_put(p);
	space_put(space);
	return err;
}

void op_proc_open(struct request *q)
{
	int fd = ctl_take(q->run, q->slot->index, q->a[0]);

	q->ret = fd < 0 ? fd : fill(q, fd);
	if (fd >= 0)
		close_later(q->run, fd);
}

void op_is_guest(struct request *q)
{
	struct space *space;
	struct proc *p = target(q, q->a[0], &space);

	q->ret = p ? 0 : -ENOENT;
	if (!p)
		return;
	proc_put(p);
	space_put(space);
}

/* The text is copied first: the guest may write there meanwhile. */
static int64_t machine_write(struct request *q)
{
	char text[RUN_MACHINE_TEXT + 1];
	struct machine_write w = {.text = text, .all = q->a[2], .at = q->a[3]};

	w.n = w.all < RUN_MACHINE_TEXT ? w.all : RUN_MACHINE_TEXT;
	memcpy(text, q->slot->chan->data, w.n);
	text[w.n] = 0;
	return machine_tree_written(q, q->a[1], &w);
}

void op_machine_file(struct request *q)
{
	if (q->a[0] == MACHINE_MAKE)
		q->ret = machine_tree_make(q->run);
	else if (q->a[0] == MACHINE_OPENED)
		q->ret = machine_tree_opened(q->run, q->a[1], q->a[2]);
	else
		q->ret = q->a[0] == MACHINE_WRITE ? machine_write(q) : -EINVAL;
}

void op_compact(struct request *q)
{
	q->ret = 0;
	if (q->a[0] == COMPACT_OPENED)
		atomic_store(&q->run->info->compact_open, 1u);
	else if (q->a[0] == COMPACT_NOW)
		q->ret = compact_memory(q->run, q->a[1]);
	else
		q->ret = -EINVAL;
}

void op_note(struct request *q)
{
	if (q->a[0] == NOTE_UNSUPPORTED)
		note_unsupported(q->run, q->proc, (long)q->a[1], q->a[2]);
	q->ret = 0;
}
