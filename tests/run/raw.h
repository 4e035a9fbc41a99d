/* SPDX-License-Identifier: MIT */
/*
 * raw.h: for guests that go behind their stub's back: they make the host's system calls from the
 * stub's text, which the filter lets pass, and so have the descriptors of the stub and all
 * channels.  Under `quire run` only.
 */
#ifndef RAW_H
#define RAW_H

#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/stub/base/layout.h"
#include "stub_test.h"

#include <sched.h>

#define INFO ((const volatile struct run_info *)INFO_BASE)

static const char *gadget; /* syscall; ret */

static inline void find_gadget(void)
{
	gadget = (const char *)STUB_BASE + 4096;
	while (memcmp(gadget, "\x0f\x05\xc3", 3))
		gadget++;
}

static inline long host(long nr, long a, long b, long c, long d, long e)
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
static inline uint32_t own_slot(void)
{
	return *(volatile uint32_t *)(THREADS_BASE + THREAD_SLOT);
}

/* The first thread's channel, and what it only reads. */
#define own_chan ((struct chan *)CHAN_AT(own_slot()))
#define own_answer ((const volatile struct answer *)ANSWER_AT(own_slot()))

/* Any slot's, mapped behind the stub's back. */
static inline struct chan *chan_of(uint32_t slot)
{
	static const char *at = (const char *)CHAN_AT(RUN_MAX_SLOTS);
	long fd = (long)INFO->fd_base + RUN_FD_CHAN;
	register const char *gadget_at __asm__("rbx") = gadget;
	register long flags __asm__("r10") = MAP_SHARED | MAP_FIXED;
	register long from __asm__("r8") = fd;
	register long offset __asm__("r9") = (long)CHAN_OFFSET(slot);
	long r;

	__asm__ volatile("subq $128, %%rsp\n\tcall *%%rbx\n\taddq $128, %%rsp"
			 : "=a"(r)
			 : "0"(SYS_mmap), "D"(at), "S"((long)CHAN_SLOT_SIZE),
			   "d"(PROT_READ | PROT_WRITE), "r"(flags), "r"(from), "r"(offset),
			   "r"(gadget_at)
			 : "rcx", "r11", "memory");
	return (struct chan *)r;
}

static inline void kick(uint32_t slot, uint32_t turn)
{
	host(RUN_KICK_NR, slot, turn, 0, 0, 0);
}

/* The turn is the supervisor's, and nobody has told it. */
static inline uint32_t hand_over(struct chan *c)
{
	uint32_t turn = c->turn + 1;

	__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
	return turn;
}

/* A request as a stub makes it, but that flushes are not executed. */
static inline int64_t request(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	uint32_t slot = own_slot(), turn;
	struct chan *c = own_chan;

	c->op = op;
	c->a[0] = a0;
	c->a[1] = a1;
	c->a[2] = a2;
	do {
		turn = c->turn + 1;
		__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&c->turn, __ATOMIC_SEQ_CST) == turn)
			kick(slot, turn);
	} while (own_answer->cmd == CMD_FLUSH);
	return own_answer->ret;
}

/* The exit status. */
static inline int run_case(const struct test_case *cases, const char *name)
{
	if (!INFO->use_notify) {
		printf("skipped: the host has no seccomp notifications\n");
		return 77;
	}
	alarm(600);
	find_gadget();
	return run_named(cases, name);
}

#endif
