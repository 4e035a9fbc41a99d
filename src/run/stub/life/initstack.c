/* SPDX-License-Identifier: MIT */
/*
 * initstack.c: the program's initial stack, from the top down:
 *
 *   8 zero bytes | AT_EXECFN | environment strings | argument strings | platform | random
 *   | auxv | envp | argv | argc <- stack pointer, 16-aligned
 *
 * Arguments and environment stand without gaps, arguments first: programs that write their
 * title rely on it.
 */
#include "run/stub/life/initstack.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/life/start.h"
#include "run/stub/life/told.h"

#include <linux/auxvec.h>

#define RANDOM_BYTES 16u
#define AUX_RSEQ_FIRST 27 /* AT_RSEQ_FEATURE_SIZE, AT_RSEQ_ALIGN: rseq is refused */
#define AUX_RSEQ_LAST 28

static bool kept(const struct aux *a)
{
	return a->type != AT_IGNORE && (a->type < AUX_RSEQ_FIRST || a->type > AUX_RSEQ_LAST);
}

static uint64_t strings_bytes(char *const *v, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += str_len(v[i]) + 1;
	return sum;
}

static const char *aux_string(const struct start *s, uint64_t type)
{
	for (const struct aux *a = s->auxv; a->type != AT_NULL; a++) {
		if (a->type == type)
			return (const char *)a->val;
	}
	return "x86_64";
}

static uint64_t aux_count(const struct start *s)
{
	uint64_t n = 1;

	for (const struct aux *a = s->auxv; a->type != AT_NULL; a++)
		n += kept(a);
	return n;
}

static uint64_t words(const struct start *s)
{
	return 1 + s->argc + 1 + s->envc + 1 + 2 * aux_count(s);
}

uint64_t initstack_bytes(const struct start *s)
{
	return 8 + str_len(s->execfn) + 1 + strings_bytes(s->envp, s->envc) +
	       strings_bytes(s->argv, s->argc) + str_len(aux_string(s, AT_PLATFORM)) + 1 +
	       RANDOM_BYTES + words(s) * 8 + 64;
}

/* A stream of words to the guest, buffered. */
struct writer {
	uint64_t at, buf[64];
	unsigned n;
	bool failed;
};

static void writer_flush(struct writer *w)
{
	if (guest_write(w->at, w->buf, w->n * 8ull))
		w->failed = true;
	w->at += w->n * 8ull;
	w->n = 0;
}

static void put_word(struct writer *w, uint64_t word)
{
	w->buf[w->n++] = word;
	if (w->n == 64)
		writer_flush(w);
}

/* Copies the strings to `at` and puts their addresses, and a NULL. */
static void put_strings(struct writer *w, char *const *v, uint64_t n, uint64_t at)
{
	for (uint64_t i = 0; i < n; i++) {
		uint64_t bytes = str_len(v[i]) + 1;

		if (guest_write(at, v[i], bytes))
			w->failed = true;
		put_word(w, at);
		at += bytes;
	}
	put_word(w, 0);
}

struct places {
	uint64_t execfn, platform, random;
};

/* What is the host's of the vector becomes the program's, where it stands.  Its entries. */
static uint64_t aux_change(const struct start *s, const struct loaded *l, const struct places *p)
{
	const struct aux ours[] = {
	    {AT_PHDR, l->phdr},     {AT_PHENT, l->phent},       {AT_PHNUM, l->phnum},
	    {AT_BASE, l->base},     {AT_ENTRY, l->at_entry},    {AT_RANDOM, p->random},
	    {AT_EXECFN, p->execfn}, {AT_PLATFORM, p->platform},
	};

	struct aux *to = s->auxv;

	for (const struct aux *a = s->auxv; a->type != AT_NULL; a++) {
		if (!kept(a))
			continue;
		*to = *a;
		for (unsigned i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
			if (ours[i].type == to->type)
				to->val = ours[i].val;
		}
		to++;
	}
	*to++ = (struct aux){AT_NULL, 0};
	return (uint64_t)(to - s->auxv);
}

static void put_aux(struct writer *w, const struct aux *a, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		put_word(w, a[i].type);
		put_word(w, a[i].val);
	}
}

uint64_t initstack_write(const struct start *s, const struct loaded *l)
{
	const char *platform = aux_string(s, AT_PLATFORM), *random = aux_string(s, AT_RANDOM);
	uint64_t platform_bytes = str_len(platform) + 1, execfn_bytes = str_len(s->execfn) + 1;
	struct places p;
	struct writer w = {.n = 0};
	uint64_t env, arg, sp, aux;

	p.execfn = l->stack_top - 8 - execfn_bytes;
	env = p.execfn - strings_bytes(s->envp, s->envc);
	arg = env - strings_bytes(s->argv, s->argc);
	p.platform = arg - platform_bytes;
	p.random = p.platform - RANDOM_BYTES;
	sp = ((p.random & ~15ull) - words(s) * 8) & ~15ull;

	if (guest_write(p.execfn, s->execfn, execfn_bytes) ||
	    guest_write(p.platform, platform, platform_bytes) ||
	    guest_write(p.random, random, RANDOM_BYTES))
		return 0;
	w.at = sp;
	put_word(&w, s->argc);
	put_strings(&w, s->argv, s->argc, arg);
	put_strings(&w, s->envp, s->envc, env);
	aux = aux_change(s, l, &p);
	put_aux(&w, s->auxv, aux);
	writer_flush(&w);
	host_is_told(s, aux * sizeof(s->auxv[0]));
	return w.failed ? 0 : sp;
}
