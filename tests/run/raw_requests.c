/* SPDX-License-Identifier: MIT */
/* raw_requests.c CASE: requests that a stub does not make. */
#include "must_fork.h"
#include "raw.h"

/* A parent that was slow names a child whose slot has meanwhile been given to the next. */
static void stale_child(void)
{
	uint64_t none = (uint64_t)-EAGAIN, first, second;
	int64_t slot = request(OP_FORK, CLONE_VM, 0, 0), other;

	first = own_answer->v[0];
	CHECK(slot >= 0 && request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	second = own_answer->v[0];
	CHECK(second != first);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	/* It is still there: its slot is not free. */
	other = request(OP_FORK, CLONE_VM, 0, 0);
	CHECK(other >= 0 && other != slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)other, none, own_answer->v[0]) == 0);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, second) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, own_answer->v[0]) == 0);
}

#define MANY 64

/* Forks until the slot is granted, or many others are; takes all of them back. */
static bool is_granted(int64_t slot)
{
	int64_t again[MANY];
	uint64_t serial[MANY];
	bool found = false;
	int n = 0;

	while (!found && n < MANY) {
		again[n] = request(OP_FORK, CLONE_VM, 0, 0);
		serial[n] = own_answer->v[0];
		CHECK(again[n] >= 0);
		if (again[n] < 0)
			break;
		found = again[n++] == slot;
	}
	while (n-- > 0)
		CHECK(request(OP_FORK_DONE, (uint64_t)again[n], (uint64_t)-EAGAIN, serial[n]) == 0);
	return found;
}

/* A child that was killed and waited for before its parent could name it is given up. */
static void dead_child(void)
{
	pid_t gone = must_fork();
	int64_t slot;

	if (!gone)
		_exit(0);
	CHECK(waitpid(gone, NULL, 0) == gone && kill(gone, 0) && errno == ESRCH);
	slot = request(OP_FORK, CLONE_VM, 0, 0);
	CHECK(slot >= 0 &&
	      request(OP_FORK_DONE, (uint64_t)slot, (uint64_t)gone, own_answer->v[0]) == 0);
	/* It is free soon, beside others that were given back:
	 * the test's time limit ends the wait. */
	while (!is_granted(slot))
		sched_yield();
}

/* Who has started cannot start again, and is told without a word to anybody else. */
static void second_start(void)
{
	CHECK(request(OP_CHILD_START, (uint64_t)getpid(), 12345, 0) == -EINVAL);
}

/* A file that is gone is told of in one line. */
static void no_image(void)
{
	CHECK(request(OP_EXEC_LOAD, (uint64_t)getpid(), UINT64_MAX, UINT64_MAX) == -EBADF);
}

static void expect_killed(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Hands over, is spoken for by its sibling, and then speaks itself. */
static void be_victim(volatile uint32_t *word)
{
	struct chan *c = own_chan;
	uint32_t turn;

	c->op = OP_NOTE;
	c->a[0] = UINT64_MAX; /* a note of nothing */
	/* From here to the answer no fault may come: it would be a request. */
	word[3] = 1;
	sched_yield();
	kick(own_slot(), c->turn);
	while (own_answer->attached)
		sched_yield();
	turn = hand_over(c);
	word[1] = turn;
	word[0] = own_slot() + 1;
	while (!word[2])
		sched_yield();
	while (c->turn == turn)
		kick(own_slot(), turn);
	_exit(own_answer->ret != 0);
}

static void speak_for_sibling(void)
{
	volatile uint32_t *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t victim = must_fork(), liar;
	int status;

	if (!victim)
		be_victim(word);
	liar = must_fork();
	if (!liar) {
		while (!word[0])
			sched_yield();
		kick(word[0] - 1, word[1]);
		_exit(0);
	}
	expect_killed(liar);
	word[2] = 1;
	CHECK(waitpid(victim, &status, 0) == victim && status == 0);
}

/* For a child that was granted and has not spoken. */
static void speak_for_child(void)
{
	pid_t liar = must_fork();

	if (!liar) {
		int64_t slot = request(OP_FORK, CLONE_VM, 0, 0);
		struct chan *c = chan_of((uint32_t)slot);

		c->op = OP_CHILD_START;
		kick((uint32_t)slot, hand_over(c));
		_exit(0);
	}
	expect_killed(liar);
}

/* A stranger's number does not become a child's: who has it may not speak for the child. */
static void stranger(void)
{
	volatile uint32_t *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t liar = must_fork(), parent;
	int status;

	if (!liar) {
		struct chan *c;
		uint32_t slot;

		while (!word[0])
			sched_yield();
		slot = word[0] - 1;
		c = chan_of(slot);
		c->op = OP_NOTE;
		c->a[0] = UINT64_MAX;
		kick(slot, hand_over(c));
		_exit(0);
	}
	/* Not the liar's sibling: CLONE_PARENT makes such. */
	parent = must_fork();
	if (!parent && must_fork()) {
		wait(&status);
		_exit(status != 0);
	}
	if (!parent) {
		int64_t slot = request(OP_FORK, CLONE_VM, 0, 0);
		uint64_t serial = own_answer->v[0];

		CHECK(request(OP_FORK_DONE, (uint64_t)slot, (uint64_t)liar, serial) == 0);
		word[0] = (uint32_t)slot + 1;
		while (!word[1])
			sched_yield();
		_exit(failures);
	}
	expect_killed(liar);
	word[1] = 1;
	CHECK(waitpid(parent, &status, 0) == parent && status == 0);
}

/* On a channel that is free. */
static void speak_for_nobody(void)
{
	pid_t liar = must_fork();

	if (!liar) {
		uint32_t slot = INFO->nr_slots - 1;

		kick(slot, hand_over(chan_of(slot)));
		_exit(0);
	}
	expect_killed(liar);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"stale_child", stale_child},
	    {"dead_child", dead_child},
	    {"second_start", second_start},
	    {"no_image", no_image},
	    {"speak_for_sibling", speak_for_sibling},
	    {"speak_for_child", speak_for_child},
	    {"stranger", stranger},
	    {"speak_for_nobody", speak_for_nobody},
	    {NULL, NULL},
	};

	return run_case(cases, argc > 1 ? argv[1] : NULL);
}
