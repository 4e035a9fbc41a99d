/* SPDX-License-Identifier: MIT */
/*
 * report_huge.c: the block below a SIGBUS on a huge page: what has become of the page, what is in
 * the pool and who has it, and how many pages would have sufficed.
 */
#include "run/huge/unpromised.h"
#include "run/huge/why.h"
#include "run/report/parts.h"

#include <string.h>

static const char *const whats[QUIRE_NR_HUGE_WHATS] = {
    [QUIRE_HUGE_PROMISED] = "promised",     [QUIRE_HUGE_TOUCHED] = "touched",
    [QUIRE_HUGE_COPIED] = "copied",         [QUIRE_HUGE_TAKEN] = "taken",
    [QUIRE_HUGE_MISSED] = "missed",         [QUIRE_HUGE_REFUSED] = "refused",
    [QUIRE_HUGE_UNPROMISED] = "unpromised",
};

const char *report_huge_size(uint64_t page_size)
{
	return page_size == quire_huge_bytes(QUIRE_HUGE_1G) ? "1G" : "2M";
}

static const char *process(pid_t pid, const char *comm, char *buf, size_t len)
{
	report_buf b;

	if (pid)
		snprintf(buf, len, "%d %s", (int)pid, report_clean(comm, b));
	else
		snprintf(buf, len, "a process that had just begun");
	return buf;
}

/* ---- the text ------------------------------------------------------------------- */

static void print_note(FILE *out, const struct huge_note *n)
{
	char who[100], by[100];
	report_buf b;

	process(n->pid, n->comm, who, sizeof(who));
	process(n->by, n->by_comm, by, sizeof(by));
	switch (n->event.what) {
	case QUIRE_HUGE_PROMISED:
		fprintf(out, "mmap promised %s to %s\n", report_noun(n->event.pages, "page", b),
			who);
		break;
	case QUIRE_HUGE_TOUCHED:
		fprintf(out, "%s touched it first, and got a page\n", who);
		break;
	case QUIRE_HUGE_COPIED:
		fprintf(out, "%s wrote to it, and got a page for a copy\n", who);
		break;
	case QUIRE_HUGE_TAKEN:
		fprintf(out,
			"%s, whose mapping it is, wrote to it: no page was to be had for a copy, "
			"so it was taken from %s\n",
			by, who);
		break;
	case QUIRE_HUGE_MISSED:
		fprintf(out, "a fork had no page for %s, which could not share this one\n", who);
		break;
	case QUIRE_HUGE_REFUSED:
	case QUIRE_HUGE_UNPROMISED:
	case QUIRE_NR_HUGE_WHATS:
		fprintf(out, "%s was refused: %s\n", who,
			quire_fault_reason_name((enum quire_fault_reason)n->event.reason));
		break;
	}
}

static void print_earlier(FILE *out, const struct huge_why *w, const struct huge_note *n)
{
	report_buf b;

	fprintf(out, "        %s before: ", report_duration(w->ns - n->ns, b));
	print_note(out, n);
}

/* What the refusal itself has noted is said already. */
static bool is_itself(const struct huge_why *w, const struct huge_note *n)
{
	return n == &w->notes[w->nr_notes - 1] && n->event.what == QUIRE_HUGE_REFUSED;
}

static bool tells_of_taking(const struct huge_why *w)
{
	for (unsigned i = 0; i < w->nr_notes; i++)
		if (w->notes[i].event.what == QUIRE_HUGE_TAKEN)
			return true;
	return false;
}

static void print_history(FILE *out, const struct refusal *f)
{
	const struct huge_why *w = f->why;

	fprintf(out, "      page %llu of %s (%s)\n",
		(unsigned long long)(w->page.offset / w->page.page_size),
		w->page.dev ? "its file" : "it", report_huge_size(w->page.page_size));
	for (unsigned i = 0; i < w->nr_notes; i++)
		if (!is_itself(w, &w->notes[i]))
			print_earlier(out, w, &w->notes[i]);
	if (f->reason == QUIRE_REASON_HUGE_LOST && w->was_taken && !tells_of_taking(w)) {
		fprintf(out, "      the mapping is lost since another page of it was taken\n");
		print_earlier(out, w, &w->taken);
	}
}

static void print_pool(FILE *out, const struct huge_why *w)
{
	char who[100];
	report_buf b;

	fprintf(out, "      pool of %s: %s, %llu free", report_huge_size(w->page.page_size),
		report_noun(w->pool.total, "page", b), (unsigned long long)w->pool.free);
	if (w->pool.reserved)
		fprintf(out, ", %llu of them promised", (unsigned long long)w->pool.reserved);
	for (unsigned i = 0; i < w->nr_holders; i++)
		fprintf(out, "%s%s has %llu", i ? ", " : "; ",
			process(w->holders[i].pid, w->holders[i].comm, who, sizeof(who)),
			(unsigned long long)w->holders[i].pages);
	if (w->nr_others)
		fprintf(out, ", %u others %llu", w->nr_others, (unsigned long long)w->others_pages);
	fputc('\n', out);
}

/* "all that was mapped" */
static void print_sufficient(FILE *out, const struct huge_why *w, unsigned reason, const char *all)
{
	report_buf b;

	if (w->suffice > w->pool.total &&
	    (reason == QUIRE_REASON_HUGE_POOL || reason == QUIRE_REASON_HUGE_LOST))
		fprintf(out, "      %s needs %s: --hugepages %s=%llu\n", all,
			report_noun(w->suffice, "page", b), report_huge_size(w->page.page_size),
			(unsigned long long)w->suffice);
}

void report_huge(const struct refusal *f, FILE *out)
{
	print_history(out, f);
	if (f->reason == QUIRE_REASON_BEYOND_EOF)
		return;
	print_pool(out, f->why);
	print_sufficient(out, f->why, f->reason, "all that was mapped");
}

static void print_unpromised(FILE *out, const struct unpromised *u)
{
	const struct quire_huge_event *e = &u->note.event;
	char who[100];
	report_buf b;

	fprintf(out, "  ! ENOMEM in %s: mmap of %s of %s",
		process(u->note.pid, u->note.comm, who, sizeof(who)),
		report_noun(e->pages, "huge page", b), report_huge_size(e->page_size));
	fprintf(out, ": %s\n", quire_fault_reason_name((enum quire_fault_reason)e->reason));
	if (u->why) {
		print_pool(out, u->why);
		print_sufficient(out, u->why, e->reason, "all that was mapped, with this,");
	}
	if (u->times > 1)
		fprintf(out, "      %s times, of any length\n", report_count(u->times, b));
}

void report_unpromised(struct run *run, FILE *out)
{
	const struct unpromised_list *l = run->unpromised;

	for (unsigned i = 0; i < l->nr; i++)
		print_unpromised(out, &l->v[i]);
	if (l->more)
		fprintf(out, "  ! and %llu more calls of mmap for huge pages\n",
			(unsigned long long)l->more);
}

/* ---- JSON ------------------------------------------------------------------------ */

static void put_process(json_t *o, const char *key, pid_t pid, const char *comm)
{
	json_t *p = json_object();

	report_put(p, "pid", (uint64_t)pid);
	json_object_set_new(p, "name", report_json_text(comm));
	json_object_set_new(o, key, p);
}

static json_t *note_json(const struct huge_why *w, const struct huge_note *n)
{
	json_t *o = json_object();

	json_object_set_new(o, "what", json_string(whats[n->event.what]));
	json_object_set_new(o, "before_ms", json_real((double)(w->ns - n->ns) / 1e6));
	put_process(o, "process", n->pid, n->comm);
	put_process(o, "by", n->by, n->by_comm);
	report_put(o, "address", n->event.addr);
	report_put(o, "pages", n->event.pages);
	report_put(o, "page", n->event.offset / n->event.page_size);
	if (n->event.what == QUIRE_HUGE_REFUSED)
		json_object_set_new(
		    o, "rule",
		    json_string(report_reason((enum quire_fault_reason)n->event.reason)));
	return o;
}

static json_t *pool_json(const struct huge_why *w)
{
	json_t *o = json_object(), *holders = json_array();

	report_put(o, "total", w->pool.total);
	report_put(o, "free", w->pool.free);
	report_put(o, "reserved", w->pool.reserved);
	report_put(o, "surplus", w->pool.surplus);
	for (unsigned i = 0; i < w->nr_holders; i++) {
		json_t *h = json_object();

		put_process(h, "process", w->holders[i].pid, w->holders[i].comm);
		report_put(h, "pages", w->holders[i].pages);
		json_array_append_new(holders, h);
	}
	json_object_set_new(o, "holders", holders);
	report_put(o, "other_holders", w->nr_others);
	report_put(o, "other_pages", w->others_pages);
	return o;
}

json_t *report_huge_json(const struct refusal *f)
{
	const struct huge_why *w = f->why;
	json_t *o = json_object(), *history = json_array();

	report_put(o, "page_size", w->page.page_size);
	report_put(o, "page", w->page.offset / w->page.page_size);
	for (unsigned i = 0; i < w->nr_notes; i++)
		json_array_append_new(history, note_json(w, &w->notes[i]));
	json_object_set_new(o, "history", history);
	if (w->was_taken)
		json_object_set_new(o, "taken", note_json(w, &w->taken));
	json_object_set_new(o, "pool", pool_json(w));
	report_put(o, "pages_that_suffice", w->suffice);
	return o;
}

json_t *report_unpromised_json(struct run *run)
{
	const struct unpromised_list *l = run->unpromised;
	json_t *list = json_array();

	for (unsigned i = 0; i < l->nr; i++) {
		const struct unpromised *u = &l->v[i];
		json_t *o = json_object();

		put_process(o, "process", u->note.pid, u->note.comm);
		report_put(o, "page_size", u->note.event.page_size);
		report_put(o, "pages", u->note.event.pages);
		json_object_set_new(
		    o, "rule",
		    json_string(report_reason((enum quire_fault_reason)u->note.event.reason)));
		report_put(o, "count", u->times);
		if (u->why)
			json_object_set_new(o, "pool", pool_json(u->why));
		report_put(o, "pages_that_suffice", u->why ? u->why->suffice : 0);
		json_array_append_new(list, o);
	}
	return list;
}
