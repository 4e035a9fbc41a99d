/* SPDX-License-Identifier: MIT */
/*
 * print.c: results and views as text.
 */
#include "replay/board/content.h"
#include "replay/board/print.h"

#include <quire/abi.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define NEAR_VARIABLE (64 * REPLAY_PAGE)

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
	else if (addr >= HUGE_START - REPLAY_HUGE && addr < HUGE_START + HUGE_ROOM)
		v.var = VAR_HUGE;
	else if (addr >= heap && addr < heap + (1ull << 30))
		v.var = VAR_HEAP;
	else
		v.var = variable_below(b, step, addr);
	if (v.var == VAR_NONE) {
		value_print(&b->script, v, out, len);
		return;
	}
	v.add -= v.var == VAR_ARENA ? ARENA_START : v.var == VAR_HUGE ? HUGE_START : b->vars[v.var];
	value_print(&b->script, v, out, len);
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
		at = text_add(out, len, at, byte);
	}
	if (r->nr_data == sizeof(r->data)) {
		char sum[32];

		snprintf(sum, sizeof(sum), ".. sum %llx", (unsigned long long)r->sum);
		text_add(out, len, at, sum);
	}
}

void policy_print(uint64_t policy, char *out, size_t len)
{
	words_print(ARG_POLICY, policy & 0xffff, out, len);
	if (policy >> 16) {
		size_t at = text_add(out, len, strlen(out), " ");

		if (at < len)
			words_print(ARG_NODES, (uint32_t)(policy >> 16), out + at, len - at);
	}
}

/* get_mempolicy: a policy; or a node, with the nodes of the policy there. */
static void print_told(const struct step *step, uint64_t told, char *out, size_t len)
{
	char nodes[64];

	if (!(step->words[0] & TELL_NODE)) {
		policy_print(told, out, len);
		return;
	}
	words_print(ARG_NODES, (uint32_t)(told >> 16), nodes, sizeof(nodes));
	snprintf(out, len, "node %u of %s", (unsigned)(told & 0xffff), nodes);
}

/* ": 0 ENOENT": of each page the node, or why it has none; -: nothing was told. */
static void print_places(const struct result *r, char *out, size_t len)
{
	size_t at = text_add(out, len, 0, ":");

	for (unsigned i = 0; i < r->nr_data; i++) {
		int8_t status = (int8_t)r->data[i];
		char text[24];

		snprintf(text, sizeof(text), " %d", status);
		if (status < 0)
			snprintf(text, sizeof(text), " %s", strerrorname_np(-status) ?: "?");
		at = text_add(out, len, at, status == STATUS_BEFORE ? " -" : text);
	}
}

void counters_print(int64_t told, char *out, size_t len)
{
	snprintf(out, len, "T%d F%d R%d S%d", told_counter(told, COUNTER_TOTAL),
		 told_counter(told, COUNTER_FREE), told_counter(told, COUNTER_RESERVED),
		 told_counter(told, COUNTER_SURPLUS));
}

static void print_outcome_value(const struct board *b, const struct step *step,
				const struct result *r, char *out, size_t len)
{
	if (r->value < 0 && r->value > -4096)
		snprintf(out, len, "%s", strerrorname_np((int)-r->value) ?: "?");
	else if (step->verb == VERB_GET_MEMPOLICY)
		print_told(step, (uint64_t)r->value, out, len);
	else if (step->verb == VERB_COUNTERS)
		counters_print(r->value, out, len);
	else if (step->verb == VERB_STATFS)
		snprintf(out, len, "%d blocks %d free", (int)(r->value >> 32), (int)r->value);
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
	if (step->verb == VERB_MOVE_PAGES && r->nr_data && at < len)
		print_places(r, out + at, len - at);
	else if (r->nr_data && at < len)
		print_data(r, out + at, len - at);
}

/* ---- views ------------------------------------------------------------------ */

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
		if (!m->kb[k] || (k == USAGE_PAGE_SIZE && m->kb[k] == REPLAY_PAGE / 1024))
			continue;
		snprintf(text, sizeof(text), " %s=%u", usage_names[k], m->kb[k]);
		at = text_add(out, len, at, text);
	}
	if (m->policy) {
		policy_print(m->policy, text, sizeof(text));
		at = text_add(out, len, at, " ");
		at = text_add(out, len, at, text);
	}
	at = text_add(out, len, at, " ");
	for (unsigned cell = 0; cell < NR_CELLS; cell++) {
		char letter[2] = {page_letter(v->pages[cell]), 0};

		if (cell_address(cell) >= m->start && cell_address(cell) < m->end)
			at = text_add(out, len, at, letter);
	}
}
