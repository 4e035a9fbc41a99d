/* SPDX-License-Identifier: MIT */
/*
 * bounce.h: results of system calls by way of the stub's own memory; see bounce.c.
 */
#ifndef STUB_BOUNCE_H
#define STUB_BOUNCE_H

#include "run/stub/mem/call.h"

struct bounced {
	int arg;
	uint64_t guest, bytes;
	char *mem, *before;
};

struct bounce {
	unsigned n;
	struct bounced list[6];
};

/* Replaces the pointers in c->a; all were touched. */
void bounce_in(struct call *c, const struct call_desc *d, struct bounce *b);
/* Puts them back and carries the results over.  The call's result. */
int64_t bounce_out(struct call *c, const struct call_desc *d, struct bounce *b, int64_t r);

#endif
