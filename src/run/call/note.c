/* SPDX-License-Identifier: MIT */
/*
 * note.c: says once what a guest asked for and Quire does not have.
 *
 * Owns the list of what has been said, under its own lock (leaf).
 */
#include "run/call/note.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/guest/proc.h"
#include "run/wire/proto.h"

#include <stdio.h>

#define MAX_SAID 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	long nr;
	uint64_t detail;
} said[MAX_SAID];
static unsigned nr_said;

static const char *name_of(long nr, char *buf, size_t len)
{
	if (nr == NOTE_INT80)
		return "a system call by int $0x80 or sysenter";
	for (unsigned i = 0; note_calls[i].name; i++) {
		if (note_calls[i].nr == nr)
			return note_calls[i].name;
	}
	snprintf(buf, len, "system call %ld", nr);
	return buf;
}

static const char *detail_of(long nr, uint64_t detail, char *buf, size_t len)
{
	buf[0] = 0;
	for (unsigned i = 0; note_details[i].name; i++) {
		if (note_details[i].nr == nr && note_details[i].detail == detail)
			return note_details[i].name;
	}
	if (detail)
		snprintf(buf, len, "0x%llx", (unsigned long long)detail);
	return buf;
}

/* True the first time; when the list is full, never more. */
static bool first_time(long nr, uint64_t detail)
{
	bool known = false;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < nr_said && !known; i++)
		known = said[i].nr == nr && said[i].detail == detail;
	known = known || nr_said == MAX_SAID;
	if (!known) {
		said[nr_said].nr = nr;
		said[nr_said++].detail = detail;
	}
	pthread_mutex_unlock(&lock);
	return !known;
}

void note_unsupported(struct run *run, struct proc *p, long nr, uint64_t detail)
{
	char name[40], buf[24];
	const char *more;

	if (!first_time(nr, detail))
		return;
	more = detail_of(nr, detail, buf, sizeof(buf));
	run_note(run, "%s%s%s is not supported; refused to process %d (%s)",
		 name_of(nr, name, sizeof(name)), more[0] ? " " : "", more, (int)p->pid, p->comm);
}
