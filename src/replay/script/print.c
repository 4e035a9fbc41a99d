/* SPDX-License-Identifier: MIT */
/*
 * print.c: steps as text.
 */
#include "replay/script/script.h"

#include <stdio.h>
#include <string.h>

size_t text_add(char *out, size_t len, size_t at, const char *text)
{
	if (at < len)
		snprintf(out + at, len - at, "%s", text);
	return at + strlen(text);
}

static void print_number(uint64_t n, char *out, size_t len)
{
	if (n && n % REPLAY_HUGE == 0 && n / REPLAY_HUGE < 100000)
		snprintf(out, len, "%lluh", (unsigned long long)(n / REPLAY_HUGE));
	else if (n && n % REPLAY_PAGE == 0 && n / REPLAY_PAGE < 100000)
		snprintf(out, len, "%llup", (unsigned long long)(n / REPLAY_PAGE));
	else if (n < 100000)
		snprintf(out, len, "%llu", (unsigned long long)n);
	else
		snprintf(out, len, "0x%llx", (unsigned long long)n);
}

/* Of the arena for huge pages: "3h+17". */
static void print_offset(uint64_t n, char *out, size_t len)
{
	char rest[32];
	size_t at;

	print_number(n - n % REPLAY_HUGE, out, len);
	at = strlen(out);
	print_number(n % REPLAY_HUGE, rest, sizeof(rest));
	snprintf(out + at, len - at, "+%s", rest);
}

void value_print(const struct script *s, struct value v, char *out, size_t len)
{
	char text[64];
	bool minus = v.var != VAR_NONE && v.add > 1ull << 63;

	if (v.var == VAR_HUGE && !minus && v.add > REPLAY_HUGE && v.add % REPLAY_HUGE)
		print_offset(v.add, text, sizeof(text));
	else
		print_number(minus ? 0 - v.add : v.add, text, sizeof(text));
	if (v.var == VAR_NONE)
		snprintf(out, len, "%s", text);
	else if (!v.add)
		snprintf(out, len, "%s", s->var_names[v.var]);
	else
		snprintf(out, len, "%s%c%s", s->var_names[v.var], minus ? '-' : '+', text);
}

void words_print(enum arg_kind kind, uint32_t bits, char *out, size_t len)
{
	const struct word_list *list = words_of(kind);
	size_t at = 0;
	char rest[16];

	for (const struct word *w = list->words; w->name; w++) {
		bool fits =
		    list->bits ? w->value && (bits & w->value) == w->value : bits == w->value;

		if (!fits && !(at == 0 && bits == 0 && w->value == 0))
			continue;
		if (at)
			at = text_add(out, len, at, ",");
		at = text_add(out, len, at, w->name);
		bits &= ~w->value;
		if (!bits)
			return;
	}
	snprintf(rest, sizeof(rest), "%s0x%x", at ? "," : "", bits);
	text_add(out, len, at, rest);
}

static const char *target_name(const struct script *s, const struct step *step, enum arg_kind kind)
{
	if (step->target < 0)
		return NULL;
	return kind == ARG_FILE || kind == ARG_NEW_FILE ? s->file_names[step->target]
							: s->actor_names[step->target];
}

/* How many words and numbers of a step have been printed. */
struct printed {
	unsigned words, numbers;
};

/* What may be left out is told by `given`: something is said by it.  False: there is none. */
static bool print_argument(const struct script *s, const struct step *step, enum arg_kind kind,
			   struct printed *done, bool *given, char *out, size_t len)
{
	const char *name;

	if (words_of(kind)) {
		uint32_t bits = step->words[done->words++];

		*given = bits;
		words_print(kind, bits, out, len);
		return true;
	}
	if (kind == ARG_NUMBER) {
		struct value v = step->args[done->numbers++];

		*given = v.var != VAR_NONE || v.add;
		value_print(s, v, out, len);
		return true;
	}
	name = target_name(s, step, kind);
	*given = name;
	if (name)
		snprintf(out, len, "%s", name);
	return name;
}

/* Up to the last argument that is needed, or that says something. */
static void print_arguments(const struct script *s, const struct step *step, char *out, size_t len)
{
	const struct verb_info *info = &verbs[step->verb];
	struct printed done = {0, 0};
	size_t at = 0, end = 0;
	char text[80];

	*out = 0;
	for (unsigned i = 0; i < VERB_MAX_PARTS && info->parts[i] != ARG_END; i++) {
		bool given;

		if (!print_argument(s, step, info->parts[i], &done, &given, text, sizeof(text)))
			break;
		at = text_add(out, len, at, " ");
		at = text_add(out, len, at, text);
		if (given || i < info->required)
			end = at;
	}
	if (end < len)
		out[end] = 0;
}

void step_print(const struct script *s, const struct step *step, char *out, size_t len)
{
	size_t at = 0;
	char text[160];

	*out = 0;
	if (s->nr_actors > 1) {
		at = text_add(out, len, at, s->actor_names[step->actor]);
		at = text_add(out, len, at, ": ");
	}
	if (step->into != VAR_NONE) {
		at = text_add(out, len, at, s->var_names[step->into]);
		at = text_add(out, len, at, " = ");
	}
	at = text_add(out, len, at, verbs[step->verb].name);
	print_arguments(s, step, text, sizeof(text));
	at = text_add(out, len, at, text);
	if (step->expects) {
		at = text_add(out, len, at, " -> ");
		text_add(out, len, at, step->expected);
	}
}
