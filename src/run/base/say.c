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
#define TEXT SAY_TEXT

void say_init(struct run *run)
{
	pthread_mutex_init(&run->said.lock, NULL);
}

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

static struct said_kind *find_kind_locked(struct said *s, uint64_t hash)
{
	for (unsigned i = 0; i < s->nr_kinds; i++)
		if (s->kinds[i].hash == hash)
			return &s->kinds[i];
	if (s->nr_kinds == SAY_KINDS)
		return NULL;
	s->kinds[s->nr_kinds].hash = hash;
	return &s->kinds[s->nr_kinds++];
}

/* Counts it; false: there were enough of its kind. */
static bool shall_show(struct said *s, const char *text)
{
	struct said_kind *k;
	bool show;

	pthread_mutex_lock(&s->lock);
	k = find_kind_locked(s, hash_kind(text));
	show = !k || k->count < MAX_SHOWN;
	if (k) {
		k->count++;
		memcpy(k->last, text, strlen(text) + 1);
	}
	pthread_mutex_unlock(&s->lock);
	return show;
}

static void say(struct said *s, const char *fmt, va_list ap)
{
	char text[TEXT];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	if (shall_show(s, text))
		put_line(text);
}

void run_say(struct run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(&run->said, fmt, ap);
	va_end(ap);
}

void run_note(struct run *run, const char *fmt, ...)
{
	va_list ap;

	if (run->opts->quiet)
		return;
	va_start(ap, fmt);
	say(&run->said, fmt, ap);
	va_end(ap);
}

void say_rest(struct run *run)
{
	struct said *s = &run->said;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->nr_kinds; i++) {
		struct said_kind *k = &s->kinds[i];
		char text[TEXT + 64];

		if (k->count > MAX_SHOWN) {
			snprintf(text, sizeof(text), "%u more lines like the last of them: %s",
				 k->count - MAX_SHOWN, k->last);
			put_line(text);
		}
		k->count = 0;
	}
	pthread_mutex_unlock(&s->lock);
}
