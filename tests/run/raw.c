/* SPDX-License-Identifier: MIT */
/*
 * raw.c CASE: a guest that goes behind its stub's back: it makes the host's system calls from the
 * stub's text, which the filter lets pass, and writes into the channels.  Under `quire run` only.
 */
#include "run/proto.h"
#include "stub_test.h"

#include <sched.h>
#include <sys/socket.h>

#define INFO ((const volatile struct run_info *)CHAN_BASE)
#define THREAD_SLOT 12 /* where a struct thread has its slot's number */

static const char *gadget; /* syscall; ret */

static void find_gadget(void)
{
	gadget = (const char *)STUB_BASE + 4096;
	while (memcmp(gadget, "\x0f\x05\xc3", 3))
		gadget++;
}

static long host(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register const char *at __asm__("rbx") = gadget;
	long r;

	/* Below the red zone. */
	__asm__ volatile("subq $128, %%rsp\n\tcall *%%rbx\n\taddq $128, %%rsp"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(at)
			 : "rcx", "r11", "memory");
	return r;
}

/* The first thread's; a forked child's as well. */
static uint32_t own_slot(void)
{
	return *(volatile uint32_t *)(THREADS_BASE + THREAD_SLOT);
}

static struct chan *chan_of(uint32_t slot)
{
	return (struct chan *)CHAN_SLOT(slot);
}

/* A request as a stub makes it, but that flushes are not executed. */
static int64_t request(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	uint32_t slot = own_slot(), turn;
	struct chan *c = chan_of(slot);

	c->op = op;
	c->a[0] = a0;
	c->a[1] = a1;
	c->a[2] = a2;
	do {
		turn = c->turn + 1;
		__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&c->turn, __ATOMIC_SEQ_CST) == turn)
			host(RUN_KICK_NR, slot, turn, 0, 0, 0);
	} while (c->cmd == CMD_FLUSH);
	return c->ret;
}

/* A parent that was slow names a child whose slot has meanwhile been given to the next. */
static void stale_child(void)
{
	uint64_t none = (uint64_t)-EAGAIN, first, second;
	int64_t slot = request(OP_FORK, CLONE_VM, 0, 0), other;

	first = chan_of(own_slot())->v[0];
	CHECK(slot >= 0 && request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	second = chan_of(own_slot())->v[0];
	CHECK(second != first);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	/* It is still there: its slot is not free. */
	other = request(OP_FORK, CLONE_VM, 0, 0);
	CHECK(other >= 0 && other != slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)other, none, chan_of(own_slot())->v[0]) == 0);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, second) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, chan_of(own_slot())->v[0]) == 0);
}

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {{"stale_child", stale_child}};

int main(int argc, char **argv)
{
	if (!INFO->use_notify)
		return 77;
	alarm(60);
	find_gadget();
	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].fn();
		return failures != 0;
	}
	return 2;
}
