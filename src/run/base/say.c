/* SPDX-License-Identifier: MIT */
/*
 * say.c: the supervisor's lines on standard error.
 *
 * Lines that differ in their numbers alone are of one kind.  Of each kind the first are written;
 * how many more there were is said at the end.  A loop in a guest thus cannot bury what else is
 * said.
 *
 * Owns the kinds, under Y (a leaf).
 */
#include "run/base/say.h"

#include "quire/quire.h"
#include "run/base/run.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_SHOWN 10
#define TEXT 512     /* room for what is said */
#define MAX_KINDS 64 /* what comes after so many is written always */

struct kind {
	uint64_t hash;
	unsigned count;
	char last[TEXT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* Y */
static struct kind kinds[MAX_KINDS];                     /* Y */
static unsigned nr_kinds;                                /* Y */

/* One write, so that lines of the guests and ours do not mix. */
static void put_line(const char *text)
{
	char line[TEXT + 80];
	int n = snprintf(line, sizeof(line) - 1, "quire: %s", text);

	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

/* FNV-1a, numbers left out. */
static uint64_t hash_kind(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *text; text++)
		if (!isdigit((unsigned char)*text))
			h = (h ^ (unsigned char)*text) * 0x100000001b3ull;
	return h;
}

static struct kind *find_kind_locked(uint64_t hash)
{
	for (unsigned i = 0; i < nr_kinds; i++)
		if (kinds[i].hash == hash)
			return &kinds[i];
	if (nr_kinds == MAX_KINDS)
		return NULL;
	kinds[nr_kinds].hash = hash;
	return &kinds[nr_kinds++];
}

/* Counts it; false: there were enough of its kind. */
static bool shall_show(const char *text)
{
	struct kind *k;
	bool show;

	pthread_mutex_lock(&lock);
	k = find_kind_locked(hash_kind(text));
	show = !k || k->count < MAX_SHOWN;
	if (k) {
		k->count++;
		memcpy(k->last, text, strlen(text) + 1);
	}
	pthread_mutex_unlock(&lock);
	return show;
}

static void say(const char *fmt, va_list ap)
{
	char text[TEXT];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (shall_show(text))
		put_line(text);
}

void run_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void run_note(struct run *run, const char *fmt, ...)
{
	va_list ap;

	if (run->opts->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void say_rest(void)
{
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < nr_kinds; i++) {
		struct kind *k = &kinds[i];
		char text[TEXT + 64];

		if (k->count > MAX_SHOWN) {
			snprintf(text, sizeof(text), "%u more lines like the last of them: %s",
				 k->count - MAX_SHOWN, k->last);
			put_line(text);
		}
		k->count = 0;
	}
	pthread_mutex_unlock(&lock);
}
