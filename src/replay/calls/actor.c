/* SPDX-License-Identifier: MIT */
/*
 * actor.c: the processes and threads that execute a script by system calls.
 *
 * They take turns by the board: the actor of the present step does it and moves the turn on.  After
 * the end of a process the stage does so, which has waited for it, so that its memory is gone then.
 */
#include "replay/calls/actor.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (128u << 10)

struct actor_files actor_files;
static struct board *board;

static void turn_to(struct board *b, uint32_t turn)
{
	__atomic_store_n(&b->turn, turn, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &b->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* The turn goes to the next step whose actor is there. */
static void pass_turn(struct board *b, uint32_t turn)
{
	for (; turn < b->script.nr_steps && !b->pids[b->script.steps[turn].actor]; turn++)
		b->results[turn].outcome = OUTCOME_NOBODY;
	turn_to(b, turn);
}

/* By no function of the C library, which would set the errno of the actor that has the turn. */
static void wait_for_change(const uint32_t *turn, uint32_t old)
{
	register const void *timeout __asm__("r10") = NULL;
	long nr = SYS_futex;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(turn), "S"(FUTEX_WAIT), "d"(old), "r"(timeout)
			 : "rcx", "r11", "memory");
}

/* The step that `me` is to do; nr_steps: there is none any more. */
static uint32_t await_turn(const struct board *b, int me)
{
	for (;;) {
		uint32_t turn = __atomic_load_n(&b->turn, __ATOMIC_SEQ_CST);

		if (turn >= b->script.nr_steps || b->script.steps[turn].actor == me)
			return turn;
		wait_for_change(&b->turn, turn);
	}
}

static void live(struct board *b, int me, bool is_thread);

static void value(struct result *r, int64_t v)
{
	r->outcome = OUTCOME_VALUE;
	r->value = v;
}

/* Every process is the stage's child, so that the stage learns of its end. */
static void do_fork(struct board *b, const struct step *step, struct result *r)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

	if (!pid) {
		live(b, step->target, false);
		_exit(0);
	}
	b->pids[step->target] = pid > 0 ? (int32_t)pid : 0;
	value(r, pid < 0 ? -errno : 0);
}

static int thread_main(void *arg)
{
	live(board, (int)(intptr_t)arg, true);
	return 0;
}

/*
 * Not the C library's threads: they need its heap, which is the script's.  So a thread shares
 * errno and all else that is a thread's own with the others, and only the actor that has the turn
 * uses it.
 */
static void do_thread(struct board *b, const struct step *step, struct result *r)
{
	char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	int tid = -1;

	if (stack != MAP_FAILED) {
		actor_view_own_stack(STACK_BYTES);
		tid = clone(thread_main, stack + STACK_BYTES,
			    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM,
			    (void *)(intptr_t)step->target);
	}
	b->pids[step->target] = tid > 0 ? getpid() : 0;
	value(r, tid < 0 ? -errno : 0);
}

/* False: the actor has come to its end. */
static bool do_step(struct board *b, uint32_t turn, bool is_thread)
{
	const struct step *step = &b->script.steps[turn];
	struct result *r = &b->results[turn];

	if (step->verb == VERB_EXIT && !is_thread)
		_exit(0);
	if (step->verb == VERB_EXIT)
		value(r, 0);
	else if (step->verb == VERB_FORK)
		do_fork(b, step, r);
	else if (step->verb == VERB_THREAD)
		do_thread(b, step, r);
	else
		actor_call(b, step, r);
	actor_view(b, &r->view);
	if (step->into != VAR_NONE && r->value >= 0) {
		b->vars[step->into] = (uint64_t)r->value;
		r->vars_at = (uint64_t)r->value;
	}
	pass_turn(b, b->turn + 1);
	return step->verb != VERB_EXIT;
}

static void live(struct board *b, int me, bool is_thread)
{
	uint32_t turn;

	b->pids[me] = getpid();
	while ((turn = await_turn(b, me)) < b->script.nr_steps)
		if (!do_step(b, turn, is_thread))
			return;
	if (!is_thread)
		_exit(0);
}

/* The present step is the end of this process; or it has died, and the script is over. */
static void process_ended(struct board *b, pid_t pid)
{
	uint32_t turn = b->turn;
	const struct step *step = &b->script.steps[turn];

	if (turn >= b->script.nr_steps)
		return;
	if (step->verb != VERB_EXIT || b->pids[step->actor] != pid) {
		turn_to(b, b->script.nr_steps);
		return;
	}
	value(&b->results[turn], 0);
	pass_turn(b, turn + 1);
}

/* Segments would outlive the script. */
static void remove_segments(const struct board *b)
{
	for (unsigned i = 0; i < MAX_FILES; i++)
		if (b->segments[i])
			shmctl(b->segments[i] - 1, IPC_RMID, NULL);
}

void actors_execute(struct board *b)
{
	pid_t pid;

	board = b;
	memset(&actor_files, -1, sizeof(actor_files));
	actor_catch_signals();
	b->vars[VAR_HEAP] = (uint64_t)syscall(SYS_brk, 0);
	actor_view_begin();
	pid = fork();
	if (!pid)
		live(b, 0, false);
	if (pid < 0) {
		fprintf(stderr, "quire replay: a process for a script: %s\n", strerror(errno));
		exit(1);
	}
	while ((pid = wait(NULL)) > 0 || errno == EINTR)
		if (pid > 0)
			process_ended(b, pid);
	remove_segments(b);
}
