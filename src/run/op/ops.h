/* SPDX-License-Identifier: MIT */
/*
 * ops.h: requests, and what they do.
 */
#ifndef RUN_OPS_H
#define RUN_OPS_H

struct request;
struct run;
struct slot;

/* Reads, dispatches and answers what is in the slot. */
void request_serve(struct run *run, struct slot *s);

void op_fault(struct request *q);
void op_touch(struct request *q);
void op_bus(struct request *q);
void op_fork(struct request *q);
void op_fork_done(struct request *q);
void op_child_start(struct request *q);
void op_thread(struct request *q);
void op_thread_done(struct request *q);
void op_thread_start(struct request *q);
void op_thread_exit(struct request *q);
void op_exit(struct request *q);
void op_exec_prepare(struct request *q);
void op_exec_abort(struct request *q);
void op_exec_files(struct request *q);
void op_exec_load(struct request *q);
void op_proc_open(struct request *q);
void op_note(struct request *q);
void op_is_guest(struct request *q);
void op_machine_file(struct request *q);
void op_compact(struct request *q);

#endif
