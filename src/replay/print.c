// SPDX-License-Identifier: MIT
/*
 * print.c: steps and results as text.
 */
#include "replay/print.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NEAR_VARIABLE (64 * REPLAY_PAGE)

#include <quire/abi.h>

static size_t add(char *out, size_t len, size_t at, const char *text)
{
	if (at < len)
		snprintf(out + at, len - at, "%s", text);
	return at + strlen(text);
}

static void print_number(uint64_t n, char *out, size_t len)
{
	if (n && n % REPLAY_PAGE == 0 && n / REPLAY_PAGE < 100000)
		snprintf(out, len, "%llup", (unsigned long long)(n / REPLAY_PAGE));
	else if (n < 100000)
		snprintf(out, len, "%llu", (unsigned long long)n);
	else
		snprintf(out, len, "0x%llx", (unsigned long long)n);
}

static void print_value(const struct script *s, struct value v, char *out, size_t len)
{
	char text[32];
	bool minus = v.var != VAR_NONE && v.add > 1ull << 63;

	print_number(minus ? 0 - v.add : v.add, text, sizeof(text));
	if (v.var == VAR_NONE)
		snprintf(out, len, "%s", text);
	else if (!v.add)
		snprintf(out, len, "%s", s->var_names[v.var]);
	else
		snprintf(out, len, "%s%c%s", s->var_names[v.var], minus ? '-' : '+', text);
}

static void print_words(const struct word_list *list, uint32_t bits, char *out, size_t len)
{
	size_t at = 0;
	char rest[16];

	for (const struct word *w = list->words; w->name; w++) {
		bool fits =
		    list->bits ? w->value && (bits & w->value) == w->value : bits == w->value;

		if (!fits && !(at == 0 && bits == 0 && w->value == 0))
			continue;
		if (at)
			at = add(out, len, at, ",");
		at = add(out, len, at, w->name);
		bits &= ~w->value;
		if (!bits)
			return;
	}
	snprintf(rest, sizeof(rest), "%s0x%x", at ? "," : "", bits);
	add(out, len, at, rest);
}

static const char *target_name(const struct script *s, const struct step *step, enum arg_kind kind)
{
	if (step->target < 0)
		return NULL;
	return kind == ARG_FILE || kind == ARG_NEW_FILE ? s->file_names[step->target]
							: s->actor_names[step->target];
}

/* False: it was left out. */
static bool print_argument(const struct script *s, const struct step *step, unsigned i,
			   unsigned *numbers, unsigned *words, char *out, size_t len)
{
	const struct verb_info *info = &verbs[step->verb];
	enum arg_kind kind = info->parts[i];
	const struct word_list *list = words_of(kind);
	const char *name;

	if (list) {
		uint32_t bits = step->words[(*words)++];

		if (i >= info->required && !bits)
			return false;
		print_words(list, bits, out, len);
		return true;
	}
	if (kind == ARG_NUMBER) {
		struct value v = step->args[(*numbers)++];
		bool named = step->verb == VERB_REMAP && (v.var != VAR_NONE || v.add);

		print_value(s, v, out, len);
		return i < info->required || step->target >= 0 || named;
	}
	name = target_name(s, step, kind);
	if (name)
		snprintf(out, len, "%s", name);
	return name;
}

void step_print(const struct script *s, const struct step *step, char *out, size_t len)
{
	const struct verb_info *info = &verbs[step->verb];
	unsigned numbers = 0, words = 0;
	size_t at = 0;
	char text[80];

	*out = 0;
	if (s->nr_actors > 1) {
		at = add(out, len, at, s->actor_names[step->actor]);
		at = add(out, len, at, ": ");
	}
	if (step->into != VAR_NONE) {
		at = add(out, len, at, s->var_names[step->into]);
		at = add(out, len, at, " = ");
	}
	at = add(out, len, at, info->name);
	for (unsigned i = 0; i < VERB_MAX_PARTS && info->parts[i] != ARG_END; i++) {
		if (!print_argument(s, step, i, &numbers, &words, text, sizeof(text)))
			break;
		at = add(out, len, at, " ");
		at = add(out, len, at, text);
	}
	if (step->expects) {
		at = add(out, len, at, " -> ");
		add(out, len, at, step->expected);
	}
}

/* ---- results ---------------------------------------------------------------- */

/*
 * The variable of the script that an address lies little above of; VAR_NONE: none.  Of several the
 * one that the step names: what else lies near is another thing on each side.
 */
static int32_t variable_below(const struct board *b, const struct step *step, uint64_t addr)
{
	int32_t found = VAR_NONE;

	for (int32_t i = VAR_FIRST; i < (int32_t)b->script.nr_vars; i++) {
		if (!b->vars[i] || addr - b->vars[i] >= NEAR_VARIABLE)
			continue;
		if (step && (step->into == i || step->args[0].var == i))
			return i;
		if (found == VAR_NONE || b->vars[i] > b->vars[found])
			found = i;
	}
	return found;
}

static void print_address(const struct board *b, const struct step *step, uint64_t addr, char *out,
			  size_t len)
{
	uint64_t heap = b->vars[VAR_HEAP];
	struct value v = {VAR_NONE, addr};

	if (addr >= ARENA_START - 64 * REPLAY_PAGE && addr < ARENA_END + 64 * REPLAY_PAGE)
		v.var = VAR_ARENA;
	else if (addr >= heap && addr < heap + (1ull << 30))
		v.var = VAR_HEAP;
	else
		v.var = variable_below(b, step, addr);
	if (v.var == VAR_NONE) {
		print_number(addr, out, len);
		return;
	}
	v.add -= v.var == VAR_ARENA ? ARENA_START : b->vars[v.var];
	print_value(&b->script, v, out, len);
}

void address_print(const struct board *b, uint64_t addr, char *out, size_t len)
{
	print_address(b, NULL, addr, out, len);
}

static const char *signal_code(int sig, unsigned code)
{
	if (code == SI_KERNEL)
		return "KERNEL";
	if (sig == SIGSEGV)
		return code == QSEGV_MAPERR ? "MAPERR" : code == QSEGV_ACCERR ? "ACCERR" : "?";
	return code == QBUS_ADRERR ? "ADRERR" : code == QBUS_OBJERR ? "OBJERR" : "?";
}

static void print_signal(const struct board *b, const struct step *step, const struct result *r,
			 char *out, size_t len)
{
	char addr[48];

	print_address(b, step, r->addr, addr, sizeof(addr));
	snprintf(out, len, "%s %s %s", r->signal == SIGSEGV ? "SIGSEGV" : "SIGBUS",
		 signal_code(r->signal, r->code), addr);
}

static void print_data(const struct result *r, char *out, size_t len)
{
	size_t at = 0;
	char byte[8];

	for (unsigned i = 0; i < r->nr_data; i++) {
		snprintf(byte, sizeof(byte), " %02x", r->data[i]);
		at = add(out, len, at, byte);
	}
	if (r->nr_data == sizeof(r->data)) {
		char sum[32];

		snprintf(sum, sizeof(sum), ".. sum %llx", (unsigned long long)r->sum);
		add(out, len, at, sum);
	}
}

static void print_outcome_value(const struct board *b, const struct step *step,
				const struct result *r, char *out, size_t len)
{
	if (r->value < 0 && r->value > -4096)
		snprintf(out, len, "%s", strerrorname_np((int)-r->value) ?: "?");
	else if (verbs[step->verb].into)
		print_address(b, step, (uint64_t)r->value, out, len);
	else
		snprintf(out, len, "%lld", (long long)r->value);
}

void result_print(const struct board *b, const struct step *step, const struct result *r, char *out,
		  size_t len)
{
	size_t at;

	*out = 0;
	switch (r->outcome) {
	case OUTCOME_NONE:
		snprintf(out, len, "not done");
		return;
	case OUTCOME_NOBODY:
		snprintf(out, len, "nobody there");
		return;
	case OUTCOME_ABSENT:
		snprintf(out, len, "not on this side");
		return;
	case OUTCOME_SIGNAL:
		print_signal(b, step, r, out, len);
		break;
	default:
		print_outcome_value(b, step, r, out, len);
	}
	at = strlen(out);
	if (r->nr_data && at < len)
		print_data(r, out + at, len - at);
}

/* ---- views ------------------------------------------------------------------ */

const char *const usage_names[NR_USAGE] = {
    [USAGE_RSS] = "Rss",
    [USAGE_PSS] = "Pss",
    [USAGE_PSS_DIRTY] = "Pss_Dirty",
    [USAGE_SHARED_CLEAN] = "Shared_Clean",
    [USAGE_SHARED_DIRTY] = "Shared_Dirty",
    [USAGE_PRIVATE_CLEAN] = "Private_Clean",
    [USAGE_PRIVATE_DIRTY] = "Private_Dirty",
    [USAGE_REFERENCED] = "Referenced",
    [USAGE_ANONYMOUS] = "Anonymous",
    [USAGE_LAZYFREE] = "LazyFree",
    [USAGE_SWAP] = "Swap",
    [USAGE_LOCKED] = "Locked",
};

const char *const status_names[NR_STATUS] = {
    [STATUS_SIZE] = "VmSize",
    [STATUS_LOCKED] = "VmLck",
    [STATUS_DATA] = "VmData",
    [STATUS_STACK] = "VmStk",
};

/* '-' nothing, c only in the cache, z zero page, A and a anonymous (exclusive, shared), F and f. */
static char page_letter(uint8_t bits)
{
	if (!(bits & PAGE_PRESENT))
		return bits & PAGE_INCORE ? 'c' : '-';
	if (bits & PAGE_FILE)
		return bits & PAGE_EXCLUSIVE ? 'F' : 'f';
	return bits & PAGE_EXCLUSIVE ? 'A' : bits & PAGE_INCORE ? 'a' : '?';
}

void vma_print(const struct board *b, const struct view *v, unsigned i, char *out, size_t len)
{
	const struct vma_view *m = &v->vmas[i];
	char start[48], end[48], text[160];
	size_t at;

	address_print(b, m->start, start, sizeof(start));
	address_print(b, m->end, end, sizeof(end));
	snprintf(out, len, "%s..%s %s %s+0x%llx [%s]", start, end, m->perms,
		 m->file < 0 ? "-" : b->script.file_names[m->file], (unsigned long long)m->offset,
		 m->flags);
	at = strlen(out);
	for (unsigned k = 0; k < NR_USAGE; k++) {
		if (!m->kb[k])
			continue;
		snprintf(text, sizeof(text), " %s=%u", usage_names[k], m->kb[k]);
		at = add(out, len, at, text);
	}
	at = add(out, len, at, " ");
	for (uint64_t p = m->start; p < m->end && p < ARENA_END; p += REPLAY_PAGE) {
		char letter[2] = {page_letter(v->pages[(p - ARENA_START) / REPLAY_PAGE]), 0};

		at = add(out, len, at, letter);
	}
}
