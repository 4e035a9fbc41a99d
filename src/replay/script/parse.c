/* SPDX-License-Identifier: MIT */
/*
 * parse.c: the text of a script.
 *
 *	nodes N                                               # before the first step
 *	[ACTOR:] [NAME =] VERB ARGUMENT... [-> EXPECTED]      # comment
 */
#include "replay/script/script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 16
#define LINE_LEN 256

struct line {
	struct script *script;
	struct step *step;
	struct parse_error *error;
	char text[LINE_LEN];
	char *words[MAX_WORDS + 1];
	unsigned nr_words, next;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct line *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->error->text, sizeof(l->error->text), fmt, ap);
	va_end(ap);
	return false;
}

/* ---- names ------------------------------------------------------------------ */

static bool is_name(const char *text)
{
	if (!isalpha((unsigned char)*text) || strlen(text) >= NAME_LEN)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && *text != '_')
			return false;
	return true;
}

static int find(char (*names)[NAME_LEN], uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

static int add_name(struct line *l, char (*names)[NAME_LEN], uint32_t *n, uint32_t max,
		    const char *name)
{
	if (!is_name(name)) {
		wrong(l, "'%s' is not a name: letters, digits and _, %d at most", name,
		      NAME_LEN - 1);
		return -1;
	}
	if (*n == max) {
		wrong(l, "too many names, '%s' is one more than %u", name, max);
		return -1;
	}
	strcpy(names[*n], name);
	return (int)(*n)++;
}

/* ---- numbers ---------------------------------------------------------------- */

static uint64_t unit_of(char c)
{
	switch (c) {
	case 'p':
		return REPLAY_PAGE;
	case 'h':
		return REPLAY_HUGE;
	case 'K':
		return 1ull << 10;
	case 'M':
		return 1ull << 20;
	case 'G':
		return 1ull << 30;
	case 'T':
		return 1ull << 40;
	default:
		return 1;
	}
}

/* No octal: a size of 010 means ten. */
static int base_of(const char *digits)
{
	return digits[0] == '0' && tolower((unsigned char)digits[1]) == 'x' ? 16 : 10;
}

/* Digits and a unit; ends where the term ends. */
static bool parse_plain(const char **at, uint64_t *out)
{
	char *end;
	uint64_t unit;

	errno = 0;
	*out = strtoull(*at, &end, base_of(*at));
	if (end == *at || errno)
		return false;
	unit = unit_of(*end);
	if (unit != 1)
		end++;
	*at = end;
	return !__builtin_mul_overflow(*out, unit, out);
}

static bool parse_variable(struct line *l, const char **at, struct value *out)
{
	char name[NAME_LEN];
	size_t n = 0;

	while (n < NAME_LEN - 1 && (isalnum((unsigned char)**at) || **at == '_'))
		name[n++] = *(*at)++;
	name[n] = 0;
	if (!is_name(name))
		return wrong(l, "'%s' is neither a number nor a name", *at - n);
	if (out->var != VAR_NONE)
		return wrong(l, "'%s' is one name too many: only numbers can be added", name);
	out->var = find(l->script->var_names, l->script->nr_vars, name);
	return out->var >= 0 || wrong(l, "no address has been given the name '%s'", name);
}

static bool parse_term(struct line *l, const char **at, bool minus, struct value *out)
{
	const char *text = *at;
	uint64_t plain;

	if (!isdigit((unsigned char)**at))
		return minus ? wrong(l, "only a number may follow '-'")
			     : parse_variable(l, at, out);
	if (!parse_plain(at, &plain))
		return wrong(l, "'%s' is not a number of 64 bits: 4096, 0x1000, 4p (pages), 64K",
			     text);
	out->add += minus ? 0 - plain : plain;
	return true;
}

static bool parse_value(struct line *l, const char *text, struct value *out)
{
	const char *at = text;
	bool minus = *at == '-';

	*out = (struct value){VAR_NONE, 0};
	at += minus;
	for (;;) {
		if (!parse_term(l, &at, minus, out))
			return false;
		if (!*at)
			return true;
		minus = *at == '-';
		if (*at != '+' && *at != '-')
			return wrong(l, "'%s': what is '%s'?", text, at);
		at++;
	}
}

/* ---- words ------------------------------------------------------------------ */

static bool parse_word(const struct word_list *list, const char *text, uint32_t *out)
{
	char *end;
	uint64_t bits;

	for (const struct word *w = list->words; w->name; w++) {
		if (!strcmp(w->name, text)) {
			*out |= w->value;
			return true;
		}
	}
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	bits = strtoull(text, &end, base_of(text));
	*out |= (uint32_t)bits;
	return !*end && !errno && bits <= UINT32_MAX;
}

static bool parse_words(struct line *l, const struct word_list *list, char *text, uint32_t *out)
{
	char *rest = text, *word;

	*out = 0;
	while ((word = strsep(&rest, ","))) {
		if (!parse_word(list, word, out))
			return wrong(l, "'%s' is no %s", word, list->what);
		if (rest && !list->bits)
			return wrong(l, "one %s, not several", list->what);
	}
	return true;
}

/* ---- a line ----------------------------------------------------------------- */

static bool parse_target(struct line *l, enum arg_kind kind, const char *word)
{
	struct script *s = l->script;
	int i;

	switch (kind) {
	case ARG_FILE:
		i = find(s->file_names, s->nr_files, word);
		if (i < 0)
			return wrong(l, "there is no file '%s'", word);
		break;
	case ARG_ACTOR:
		i = find(s->actor_names, s->nr_actors, word);
		if (i < 0)
			return wrong(l, "there is no process or thread '%s'", word);
		break;
	case ARG_NEW_FILE:
		if (find(s->file_names, s->nr_files, word) >= 0)
			return wrong(l, "there is a file '%s' already", word);
		i = add_name(l, s->file_names, &s->nr_files, MAX_FILES, word);
		break;
	default:
		/* After its end a name may be taken again: script_invalid() says if it may not. */
		i = find(s->actor_names, s->nr_actors, word);
		if (i < 0)
			i = add_name(l, s->actor_names, &s->nr_actors, MAX_ACTORS, word);
		break;
	}
	l->step->target = (int8_t)i;
	return i >= 0;
}

static bool parse_arguments(struct line *l, const struct verb_info *info)
{
	unsigned numbers = 0, words = 0;

	for (unsigned i = 0; i < VERB_MAX_PARTS && info->parts[i] != ARG_END; i++) {
		enum arg_kind kind = info->parts[i];
		const struct word_list *list = words_of(kind);
		char *word = l->words[l->next];
		bool ok;

		if (!word)
			return i >= info->required || wrong(l, "%s needs %u arguments, here are %u",
							    info->name, info->required, i);
		l->next++;
		if (list)
			ok = parse_words(l, list, word, &l->step->words[words++]);
		else if (kind == ARG_NUMBER)
			ok = parse_value(l, word, &l->step->args[numbers++]);
		else
			ok = parse_target(l, kind, word);
		if (!ok)
			return false;
	}
	return !l->words[l->next] || wrong(l, "what is '%s'?", l->words[l->next]);
}

static bool parse_actor(struct line *l)
{
	char *word = l->words[0];
	size_t n = word ? strlen(word) : 0;
	int i;

	if (!n || word[n - 1] != ':')
		return true;
	word[n - 1] = 0;
	i = find(l->script->actor_names, l->script->nr_actors, word);
	if (i < 0)
		return wrong(l, "there is no process or thread '%s'", word);
	l->step->actor = (uint8_t)i;
	l->next = 1;
	return true;
}

static int find_verb(const char *name)
{
	for (int i = 0; i < NR_VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return i;
	return -1;
}

static bool parse_into(struct line *l, const char *name)
{
	struct script *s = l->script;
	int i;

	if (!name)
		return true;
	if (!verbs[l->step->verb].into)
		return wrong(l, "%s gives nothing that '%s' could hold", verbs[l->step->verb].name,
			     name);
	i = find(s->var_names, s->nr_vars, name);
	if (i >= 0 && i < VAR_FIRST)
		return wrong(l, "'%s' is there in every script, and stays where it is", name);
	if (i < 0)
		i = add_name(l, s->var_names, &s->nr_vars, MAX_VARS, name);
	l->step->into = (int8_t)i;
	return i >= 0;
}

static bool parse_step(struct line *l)
{
	const char *into = NULL;
	int verb;

	if (!parse_actor(l))
		return false;
	if (l->words[l->next] && l->words[l->next + 1] && !strcmp(l->words[l->next + 1], "=")) {
		into = l->words[l->next];
		l->next += 2;
	}
	if (!l->words[l->next])
		return wrong(l, "a verb is missing");
	verb = find_verb(l->words[l->next]);
	if (verb < 0)
		return wrong(l, "there is no verb '%s'", l->words[l->next]);
	l->next++;
	l->step->verb = (uint8_t)verb;
	return parse_arguments(l, &verbs[verb]) && parse_into(l, into);
}

/* "-> TEXT" at the end of a line. */
static bool take_expected(struct line *l)
{
	char *arrow = strstr(l->text, "->");
	size_t n;

	if (!arrow)
		return true;
	*arrow = 0;
	arrow += 2;
	arrow += strspn(arrow, " \t");
	n = strlen(arrow);
	while (n && isspace((unsigned char)arrow[n - 1]))
		n--;
	if (!n || n >= NOTE_LEN)
		return wrong(l, "between 1 and %d characters may be expected", NOTE_LEN - 1);
	l->step->expects = true;
	snprintf(l->step->expected, NOTE_LEN, "%.*s", (int)n, arrow);
	return true;
}

static bool split(struct line *l)
{
	char *rest = l->text, *word;

	while ((word = strsep(&rest, " \t\r"))) {
		if (!*word)
			continue;
		if (l->nr_words == MAX_WORDS)
			return wrong(l, "too many words");
		l->words[l->nr_words++] = word;
	}
	return true;
}

/* "nodes N" */
static bool parse_machine(struct line *l)
{
	struct value n;

	if (l->script->nr_steps)
		return wrong(l, "'nodes' comes before the first step");
	if (l->nr_words != 2 || !parse_value(l, l->words[1], &n) || n.var != VAR_NONE || !n.add ||
	    n.add > MAX_NODES)
		return wrong(l, "nodes N: a machine of 1 to %d nodes", MAX_NODES);
	l->script->nodes = (uint32_t)n.add;
	return true;
}

static bool parse_line(struct line *l)
{
	struct script *s = l->script;
	char *comment = strchr(l->text, '#');

	if (comment)
		*comment = 0;
	if (!l->text[strspn(l->text, " \t\r")])
		return true;
	if (s->nr_steps == MAX_STEPS)
		return wrong(l, "more than %d steps", MAX_STEPS);
	l->step = &s->steps[s->nr_steps];
	*l->step = (struct step){.into = VAR_NONE, .target = -1, .line = l->error->line};
	for (unsigned i = 0; i < MAX_ARGS; i++)
		l->step->args[i].var = VAR_NONE;
	if (!take_expected(l) || !split(l))
		return false;
	if (!strcmp(l->words[0], "nodes"))
		return parse_machine(l);
	if (!parse_step(l))
		return false;
	s->nr_steps++;
	return true;
}

bool script_parse(struct script *s, const char *text, struct parse_error *error)
{
	error->line = 0;
	while (*text) {
		struct line l = {.script = s, .error = error};
		size_t n = strcspn(text, "\n");

		error->line++;
		if (n >= LINE_LEN)
			return wrong(&l, "the line is longer than %d characters", LINE_LEN - 1);
		memcpy(l.text, text, n);
		if (!parse_line(&l))
			return false;
		text += n + (text[n] == '\n');
	}
	return true;
}
