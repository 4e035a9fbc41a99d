/* SPDX-License-Identifier: MIT */
/*
 * actor_access.c: loads and stores that may end in a signal.
 */
#include "replay/calls/actor.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Of the actor that has the turn: where the signal of an access goes to.  The compiler sees no
 * reader. */
static sigjmp_buf *volatile landing;
static siginfo_t caught;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!landing) {
		signal(sig, SIG_DFL);
		return;
	}
	caught = *info;
	siglongjmp(*landing, 1);
}

void actor_catch_signals(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

static void note_signal(struct result *r)
{
	r->outcome = OUTCOME_SIGNAL;
	r->signal = caught.si_signo;
	r->code = (uint16_t)caught.si_code;
	r->addr = (uint64_t)caught.si_addr;
}

/* Stores *byte every `step` bytes; NULL: loads. */
static void access_memory(uint64_t addr, uint64_t len, uint64_t step, const uint8_t *byte,
			  struct result *r)
{
	sigjmp_buf here;
	volatile uint64_t done = 0;

	if (sigsetjmp(here, 0)) {
		note_signal(r);
	} else {
		landing = &here;
		for (; done < len; done += step) {
			volatile uint8_t *at = (volatile uint8_t *)(addr + done);

			if (byte)
				*at = *byte;
			else
				result_byte(r, *at);
		}
	}
	landing = NULL;
	r->value = (int64_t)done;
}

void actor_read(uint64_t addr, uint64_t len, struct result *r)
{
	access_memory(addr, len, 1, NULL, r);
}

void actor_write(uint64_t addr, uint64_t len, uint64_t step, uint8_t byte, struct result *r)
{
	access_memory(addr, len, step, &byte, r);
}

uint16_t actor_page_sum(uint64_t addr)
{
	struct result r = {0};

	actor_read(addr, REPLAY_PAGE, &r);
	if (r.outcome == OUTCOME_SIGNAL)
		return r.signal == SIGSEGV ? CONTENT_SEGV : CONTENT_BUS;
	return content_of_sum(r.sum);
}
