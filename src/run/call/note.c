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
#include "run/wire/requests.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SAID 256

struct notes {
	pthread_mutex_t lock;
	struct {
		long nr;
		uint64_t detail;
	} said[MAX_SAID];
	unsigned nr_said;
};

int notes_create(struct run *run)
{
	run->notes = calloc(1, sizeof(*run->notes));
	if (!run->notes)
		return -ENOMEM;
	pthread_mutex_init(&run->notes->lock, NULL);
	return 0;
}

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
static bool first_time(struct notes *n, long nr, uint64_t detail)
{
	bool known = false;

	pthread_mutex_lock(&n->lock);
	for (unsigned i = 0; i < n->nr_said && !known; i++)
		known = n->said[i].nr == nr && n->said[i].detail == detail;
	known = known || n->nr_said == MAX_SAID;
	if (!known) {
		n->said[n->nr_said].nr = nr;
		n->said[n->nr_said++].detail = detail;
	}
	pthread_mutex_unlock(&n->lock);
	return !known;
}

void note_unsupported(struct run *run, struct proc *p, long nr, uint64_t detail)
{
	char name[40], buf[24];
	const char *more;

	if (!first_time(run->notes, nr, detail))
		return;
	more = detail_of(nr, detail, buf, sizeof(buf));
	run_note(run, "%s%s%s is not supported; refused to process %d (%s)",
		 name_of(nr, name, sizeof(name)), more[0] ? " " : "", more, (int)p->pid, p->comm);
}
