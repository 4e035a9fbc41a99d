/* SPDX-License-Identifier: MIT */
/*
 * request.c: one request: copied out, dispatched, answered.
 *
 *   1  After request_read() nothing is read from the channel again but data[], by operations that
 *      take text from it: they copy it first, and bound it.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/call/huge_call.h"
#include "run/call/memsys.h"
#include "run/file/far.h"
#include "run/file/files.h"
#include "run/file/files_leave.h"
#include "run/file/inode.h"
#include "run/file/zero_device.h"
#include "run/guest/peak.h"
#include "run/guest/request.h"
#include "run/guest/slot.h"
#include "run/link/channel.h"
#include "run/oom/oom.h"
#include "run/op/ops.h"
#include "run/port/ram.h"
#include "run/wire/atomic.h"
#include "run/wire/nodes.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"

#include <errno.h>

typedef void (*op_fn)(struct request *q);

static void op_none(struct request *q)
{
	q->ret = -ENOSYS;
}

static const op_fn ops[RUN_NR_OPS] = {
    [OP_NONE] = op_none,
    [OP_FAULT] = op_fault,
    [OP_TOUCH] = op_touch,
    [OP_BUS] = op_bus,
    [OP_SYSCALL] = op_syscall,
    [OP_MMAP_FILE] = op_mmap_file,
    [OP_MMAP_ZERO] = op_mmap_zero,
    [OP_FILE] = op_file,
    [OP_FAR] = op_far,
    [OP_FILE_CUT] = op_file_cut,
    [OP_WINDOWS_GONE] = op_windows_gone,
    [OP_FORK] = op_fork,
    [OP_FORK_DONE] = op_fork_done,
    [OP_CHILD_START] = op_child_start,
    [OP_THREAD] = op_thread,
    [OP_THREAD_DONE] = op_thread_done,
    [OP_THREAD_START] = op_thread_start,
    [OP_THREAD_EXIT] = op_thread_exit,
    [OP_EXIT] = op_exit,
    [OP_EXEC_PREPARE] = op_exec_prepare,
    [OP_EXEC_ABORT] = op_exec_abort,
    [OP_EXEC_LOAD] = op_exec_load,
    [OP_EXEC_FILES] = op_exec_files,
    [OP_PROC_OPEN] = op_proc_open,
    [OP_NOTE] = op_note,
    [OP_IS_GUEST] = op_is_guest,
    [OP_MACHINE_FILE] = op_machine_file,
    [OP_COMPACT] = op_compact,
    [OP_MMAP_HUGE] = op_mmap_huge,
    [OP_HUGE_FILE] = op_huge_file,
};

/* Before its program is loaded a process has no address space: only these make sense. */
static bool needs_no_space(uint32_t op)
{
	return op == OP_EXEC_FILES || op == OP_NOTE || op == OP_EXIT;
}

static void request_read(struct run *run, struct slot *s, struct request *q)
{
	struct chan *c = s->chan;

	*q = (struct request){.run = run, .slot = s, .proc = s->proc, .space = s->space};
	q->op = atomic_load_relaxed(&c->op);
	for (unsigned i = 0; i < 8; i++)
		q->a[i] = atomic_load_relaxed(&c->a[i]);
	if (run->info->nodes) {
		s->task.node =
		    node_of_cpu(run->info->nodes, run->info->cpus, atomic_load_relaxed(&c->cpu));
		s->task.missing = 0;
	}
	if (q->op >= RUN_NR_OPS || (!q->space && !needs_no_space(q->op)))
		q->op = OP_NONE;
}

static void request_answer(struct slot *s, const struct request *q)
{
	struct answer *a = s->answer;

	channel_settle(s);
	a->ret = q->ret;
	for (unsigned i = 0; i < 8; i++)
		a->v[i] = q->v[i];
	a->cmd = CMD_REPLY;
	channel_give_turn(s);
}

void request_serve(struct run *run, struct slot *s)
{
	struct request q;

	oom_new_request();
	request_read(run, s, &q);
	if (!atomic_load(&s->started) && q.op != OP_NONE)
		atomic_store(&s->started, true);
	atomic_count(&q.proc->stats.requests[q.op]);
	ops[q.op](&q);
	request_answer(s, &q);
	peak_look(run);
	if (q.fresh)
		ram_expect(run, q.fresh - 1);
}
