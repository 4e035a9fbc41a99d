/* SPDX-License-Identifier: MIT */
/* raw_flush.c CASE: pages taken from processes in whose stubs something unusual has happened. */
#include "must_fork.h"
#include "raw.h"

#include <pthread.h>

#define PAGE_BYTES 4096

static volatile char *page;
static volatile uint32_t *word; /* shared as well */

static void share(void)
{
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	word = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void stop(pid_t pid)
{
	int status;

	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

static pid_t fork_or_end(void)
{
	pid_t pid = must_fork();

	if (pid < 0)
		exit(1);
	return pid;
}

/* Ends without a word to anybody. */
static void *vanish(void *arg)
{
	page[0] = 1;
	word[1] = (uint32_t)host(SYS_gettid, 0, 0, 0, 0, 0);
	word[0] = 1;
	host(SYS_exit, 0, 0, 0, 0, 0);
	return arg;
}

static void lose_thread(void)
{
	pthread_t t;

	alarm(600);
	page[0] = 1;
	pthread_create(&t, NULL, vanish, NULL);
	while (!word[0] || !syscall(SYS_tgkill, getpid(), word[1], 0))
		sched_yield();
	word[2] = 1;
	for (;;)
		sched_yield();
}

/* A thread that is no more holds nobody up, though the supervisor thinks that it lives. */
static void lost_thread(void)
{
	pid_t pid;

	share();
	pid = fork_or_end();
	if (!pid)
		lose_thread();
	while (!word[2])
		sched_yield();
	stop(pid);
	CHECK(madvise((void *)page, PAGE_BYTES, MADV_REMOVE) == 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

#define MOVED_PAGES 16

/* Moves what is shared, and stops when it is asked to flush where that was. */
static void stop_in_flush(char *to)
{
	struct chan *c = own_chan;
	uint64_t bytes = MOVED_PAGES * PAGE_BYTES, flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	/* volatile: its constants are read here, not below. */
	volatile uint64_t a[6] = {SYS_mremap, (uint64_t)page, bytes, bytes, flags, (uint64_t)to};
	uint32_t turn = c->turn + 1;
	pid_t self = getpid();

	/* From here on no fault may come: it would be a request.  So all code has run once. */
	host(SYS_getpid, 0, 0, 0, 0, 0);
	kick(own_slot(), c->turn);
	c->op = OP_SYSCALL;
	for (int i = 0; i < 6; i++)
		c->a[i] = a[i];
	__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&c->turn, __ATOMIC_SEQ_CST) == turn)
		kick(own_slot(), turn);
	word[0] = own_answer->cmd == CMD_FLUSH;
	host(SYS_kill, self, SIGSTOP, 0, 0, 0);
}

static void move_shared(void)
{
	char *to =
	    mmap(NULL, MOVED_PAGES * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	alarm(600);
	for (int i = 0; i < MOVED_PAGES; i++)
		page[i * PAGE_BYTES] = 1;
	word[0] = 0;
	stop_in_flush(to);
	_exit(1);
}

/* A thread that is stopped in a flush of its own keeps nobody from the file. */
static void stopped_flush(void)
{
	int status = 0;
	pid_t pid;

	share();
	page = mmap(NULL, MOVED_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork_or_end();
	if (!pid)
		move_shared();
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && word[0]);
	CHECK(madvise((void *)page, PAGE_BYTES, MADV_REMOVE) == 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* The answer to an access; *flushes counts.  No fault may come meanwhile. */
static int64_t ask(uint64_t addr, uint64_t access, unsigned *flushes)
{
	struct chan *c = own_chan;
	uint32_t turn;

	c->op = OP_FAULT;
	c->a[0] = addr;
	c->a[1] = access;
	for (*flushes = 0;; ++*flushes) {
		turn = c->turn + 1;
		__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&c->turn, __ATOMIC_SEQ_CST) == turn)
			kick(own_slot(), turn);
		if (own_answer->cmd != CMD_FLUSH)
			return own_answer->ret;
	}
}

/* A copied page is not mapped anew after all: its old mapping goes when the next is refused. */
static void unfilled(void)
{
	char *own = anon(PAGE_BYTES);
	unsigned flushes[2];
	int64_t answers[2];
	int status;
	pid_t pid;

	own[0] = 1;
	pid = fork_or_end();
	if (!pid) {
		CHECK(((volatile char *)own)[0] == 1);
		answers[0] = ask((uint64_t)own, 1, &flushes[0]);
		answers[1] = ask((uint64_t)own, 2, &flushes[1]);
		_exit(answers[0] || flushes[0] || answers[1] != 1 || flushes[1] != 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"lost_thread", lost_thread},
	    {"stopped_flush", stopped_flush},
	    {"unfilled", unfilled},
	    {NULL, NULL},
	};

	return run_case(cases, argc > 1 ? argv[1] : NULL);
}
