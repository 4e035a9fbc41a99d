/* SPDX-License-Identifier: MIT */
/*
 * proc_text_signals.c: what the host's texts say of the stub's signals instead of the guest's: it
 * catches SIGSEGV, SIGBUS and SIGSYS always and blocks them never (run.md, "Signals").  And the
 * thread that asks is running, though the host sees it wait for us.
 *
 * A process that asks about itself says what is true of these three; of another one nothing is
 * known: default, not blocked.
 */
#include "quire/quire.h"
#include "run/procfs/proc_text.h"
#include "run/procfs/procfs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT(sig) (1ull << ((sig)-1))
#define VIRTUAL (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGSYS))
#define HEX_DIGITS 16
#define RUNNING "R (running)"

static uint64_t with_own(uint64_t host, enum proc_signal_set which, const struct proc_reader *r)
{
	return (host & ~VIRTUAL) | (r->self ? r->signals[which] & VIRTUAL : 0);
}

/* Behind the key in the status text; NULL: no such line. */
static char *value_of(char *status, const char *key)
{
	char *at = strstr(status, key);

	return at ? at + strlen(key) : NULL;
}

static void put_set(char *status, const char *key, enum proc_signal_set which,
		    const struct proc_reader *r)
{
	char *at = value_of(status, key), text[HEX_DIGITS + 1];

	if (!at || strspn(at, "0123456789abcdef") != HEX_DIGITS)
		return;
	snprintf(text, sizeof(text), "%016llx",
		 (unsigned long long)with_own(strtoull(at, NULL, 16), which, r));
	memcpy(at, text, HEX_DIGITS);
}

/* The words that it takes the place of are no shorter. */
static void put_running(char *status)
{
	char *at = value_of(status, "\nState:\t"), *end = at ? strchr(at, '\n') : NULL;
	size_t n = strlen(RUNNING);

	if (!end || (size_t)(end - at) < n)
		return;
	memcpy(at, RUNNING, n);
	memmove(at + n, end, strlen(end) + 1);
}

void status_signals(char *status, const struct proc_reader *r)
{
	put_set(status, "\nSigPnd:\t", SIGNALS_PENDING, r);
	put_set(status, "\nShdPnd:\t", SIGNALS_SHARED, r);
	put_set(status, "\nSigBlk:\t", SIGNALS_BLOCKED, r);
	put_set(status, "\nSigIgn:\t", SIGNALS_IGNORED, r);
	put_set(status, "\nSigCgt:\t", SIGNALS_CAUGHT, r);
	if (r->self)
		put_running(status);
}

uint64_t stat_signals(uint64_t host, enum proc_signal_set which, const struct proc_reader *r)
{
	return with_own(host, which, r) & INT32_MAX;
}
