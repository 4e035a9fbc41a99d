/* SPDX-License-Identifier: MIT */
/*
 * report_json.c: the report for programs: every number, always.  Sizes are in bytes.
 *
 * docs/report.md tells of the names, and the schema has them all: those of counters by their lists
 * (tools/report-schema).
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/account.h"
#include "run/guest/counters.h"
#include "run/guest/peak.h"
#include "run/guest/proc.h"
#include "run/oom/oom.h"
#include "run/report/parts.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

/* Grows when a name goes or changes its meaning, not when one comes. */
#define REPORT_SCHEMA 1

/* Neither can fail but for want of memory, which json_dumpf then reports for the whole. */
void report_put(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* The counters of the two lists that stand in this object. */
static void put_counters(json_t *o, const char *object, const struct proc_stats *s)
{
	const struct {
		const char *object, *name;
		uint64_t n;
	} all[] = {
#define X(counter, field, object, name, text) {#object, #name, s->mm.field},
	    QUIRE_MM_COUNTERS(X)
#undef X
#define X(member, object, name, text) {#object, #name, s->member},
		PROC_COUNTERS(X)
#undef X
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i].object, object))
			report_put(o, all[i].name, all[i].n);
}

/* Names come from guests and may be no UTF-8. */
json_t *report_json_text(const char *s)
{
	json_t *j = json_string(s);
	char clean[4096];
	size_t i;

	if (j)
		return j;
	for (i = 0; s[i] && i < sizeof(clean) - 1; i++)
		clean[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	clean[i] = 0;
	return json_string(clean);
}

static json_t *faults(const struct proc_stats *s)
{
	const struct quire_mm_stats *mm = &s->mm;
	json_t *o = json_object();

	report_put(o, "all", report_faults(mm));
	for (unsigned i = 0; i < QUIRE_NR_KINDS; i++)
		report_put(o, report_kinds[i].json, mm->faults[i]);
	put_counters(o, "faults", s);
	return o;
}

static json_t *refused(const uint64_t *by_reason)
{
	json_t *o = json_object();

	for (unsigned i = 1; i < QUIRE_NR_REASONS; i++)
		report_put(o, report_reason((enum quire_fault_reason)i), by_reason[i]);
	return o;
}

static json_t *forks(const struct proc_stats *s)
{
	const struct quire_mm_stats *mm = &s->mm;
	json_t *o = json_object();

	report_put(o, "forks", mm->forks);
	report_put(o, "entries_copied", mm->fork_entries_copied);
	report_put(o, "tables_copied", mm->fork_tables_copied);
	put_counters(o, "fork", s);
	return o;
}

static json_t *memory(const struct proc_stats *s)
{
	json_t *o = json_object();

	report_put(o, "peak_rss", s->mm.peak_rss * QUIRE_PAGE_SIZE);
	report_put(o, "peak_virtual", s->mm.peak_total_vm * QUIRE_PAGE_SIZE);
	report_put(o, "peak_locked", s->mm.peak_locked_vm * QUIRE_PAGE_SIZE);
	report_put(o, "peak_page_tables", s->mm.peak_table_bytes);
	report_put(o, "peak_mappings", s->mm.peak_vmas);
	report_put(o, "pss_at_exit", s->usage.pss_shifted >> 12);
	report_put(o, "rss_at_exit", s->usage.rss);
	return o;
}

static json_t *tlb(const struct proc_stats *s)
{
	json_t *o = json_object();

	report_put(o, "fills_by_walk", report_fills_by_walk(s));
	report_put(o, "fills_after_request", s->fills - report_fills_by_walk(s));
	put_counters(o, "tlb", s);
	return o;
}

static json_t *requests(const struct proc_stats *s)
{
	json_t *o = json_object();

	for (unsigned i = 1; i < RUN_NR_OPS; i++)
		report_put(o, report_ops[i].json, s->requests[i]);
	put_counters(o, "requests", s);
	return o;
}

/* What a process and the sum of all have in common. */
static json_t *stats(const struct proc_stats *s)
{
	json_t *o = json_object(), *lockless = json_object();

	json_object_set_new(o, "memory", memory(s));
	json_object_set_new(o, "faults", faults(s));
	json_object_set_new(o, "refused", refused(s->signalled));
	json_object_set_new(o, "efault", refused(s->efaults));
	json_object_set_new(o, "fork", forks(s));
	put_counters(lockless, "lockless", s);
	json_object_set_new(o, "lockless", lockless);
	json_object_set_new(o, "tlb", tlb(s));
	json_object_set_new(o, "requests", requests(s));
	put_counters(o, "stats", s);
	return o;
}

static json_t *refusal(const struct refusal *f)
{
	static const char *const accesses[] = {"read", "write", "exec"};
	json_t *o = json_object(), *vma;

	json_object_set_new(o, "signal", json_string(report_signal_name(f->sig)));
	report_put(o, "si_code", (uint64_t)f->si_code);
	report_put(o, "address", f->addr);
	report_put(o, "instruction", f->ip);
	json_object_set_new(o, "access", json_string(accesses[f->access % 3]));
	json_object_set_new(o, "rule", json_string(report_reason(f->reason)));
	report_put(o, "count", f->count);
	if (f->has_vma) {
		vma = json_object();
		report_put(vma, "start", f->vma_start);
		report_put(vma, "end", f->vma_end);
		report_put(vma, "prot", (uint64_t)f->vma_prot);
		json_object_set_new(vma, "name", report_json_text(f->vma_name));
		json_object_set_new(o, "mapping", vma);
	}
	if (f->why)
		json_object_set_new(o, "huge", report_huge_json(f));
	return o;
}

static json_t *process(const struct report_row *row)
{
	const struct proc *p = row->proc;
	json_t *o = stats(&row->stats), *list = json_array();

	report_put(o, "pid", (uint64_t)p->pid);
	report_put(o, "ppid", (uint64_t)p->ppid);
	json_object_set_new(o, "name", report_json_text(p->comm));
	json_object_set_new(o, "program", p->exe ? report_json_text(p->exe) : json_null());
	json_object_set_new(o, "command", report_json_text(p->cmdline));
	json_object_set_new(o, "exit",
			    p->has_exit_status ? json_integer(p->exit_status) : json_null());
	json_object_set_new(o, "killed_for_memory", json_boolean(p->oom_killed));
	json_object_set_new(o, "lived_ms", json_real((double)(p->died_ns - p->born_ns) / 1e6));
	for (unsigned i = 0; i < p->nr_refusals; i++)
		json_array_append_new(list, refusal(&p->refusals[i]));
	json_object_set_new(o, "refusals", list);
	return o;
}

static json_t *share(const struct oom_share *s)
{
	json_t *o = json_object();

	report_put(o, "pid", (uint64_t)s->pid);
	json_object_set_new(o, "name", report_json_text(s->comm));
	report_put(o, "held", s->held);
	return o;
}

static json_t *oom(const struct oom_record *m)
{
	static const char *const what[] = {"ram", "page_tables", "allocation_point"};
	json_t *o = json_object(), *others = json_array();

	json_object_set_new(o, "what", json_string(what[m->what]));
	report_put(o, "total", m->total);
	json_object_set_new(o, "killed", share(&m->victim));
	json_object_set_new(o, "oom_score_adj", json_integer(m->adj));
	for (unsigned i = 0; i < m->nr_others; i++)
		json_array_append_new(others, share(&m->others[i]));
	json_object_set_new(o, "others", others);
	report_put(o, "more_processes", m->nr_rest);
	report_put(o, "more_held", m->rest);
	report_put(o, "held_by_pools", m->pools);
	report_put(o, "held_by_nobody", m->nobodys);
	return o;
}

static json_t *ooms(const struct run *run)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < run->ooms->kills && i < RUN_MAX_OOMS; i++)
		json_array_append_new(list, oom(&run->ooms->v[i]));
	return list;
}

static json_t *peak_holder(const struct peak_holder *h)
{
	json_t *o = json_object();

	report_put(o, "pid", (uint64_t)h->pid);
	json_object_set_new(o, "name", report_json_text(h->comm));
	report_put(o, "anonymous", h->anon * QUIRE_PAGE_SIZE);
	report_put(o, "shared_memory", h->shmem * QUIRE_PAGE_SIZE);
	return o;
}

static json_t *peak(const struct report *r)
{
	const struct peak *p = r->run->peak;
	json_t *o = json_object(), *list = json_array();

	report_put(o, "ram", report_ram_needed(r));
	report_put(o, "largest_request", r->sum.mm.largest_request * QUIRE_PAGE_SIZE);
	report_put(o, "used", r->run->peak_used * QUIRE_PAGE_SIZE);
	report_put(o, "noted", r->run->peak_noted * QUIRE_PAGE_SIZE);
	report_put(o, "anonymous", p->anon * QUIRE_PAGE_SIZE);
	report_put(o, "shared_memory", p->shmem * QUIRE_PAGE_SIZE);
	report_put(o, "other", report_peak_other(r->run) * QUIRE_PAGE_SIZE);
	report_put(o, "page_tables", p->tables * QUIRE_PAGE_SIZE);
	for (unsigned i = 0; i < p->nr_holders; i++)
		json_array_append_new(list, peak_holder(&p->holder[i]));
	json_object_set_new(o, "held_by", list);
	report_put(o, "other_holders", p->nr_others);
	return o;
}

static json_t *machine(const struct report *r)
{
	const struct quire_machine_stats *m = &r->verdict->machine;
	json_t *o = json_object();

	report_put(o, "ram", r->run->ram_bytes);
	json_object_set_new(o, "peak", peak(r));
	report_put(o, "free", m->free_frames * QUIRE_PAGE_SIZE);
	report_put(o, "metadata", m->kmem_bytes);
	report_put(o, "allocation_points", m->alloc_points);
	report_put(o, "failed_points", m->failed_points);
	report_put(o, "unreached_points", r->verdict->unreached);
	report_put(o, "out_of_memory_kills", r->run->ooms->kills);
	json_object_set_new(o, "out_of_memory", ooms(r->run));
	json_object_set_new(o, "huge_pages_refused", report_unpromised_json(r->run));
	report_put(o, "compactions", r->run->compacted.times);
	report_put(o, "compacted_blocks", r->run->compacted.blocks);
	report_put(o, "compacted_pages", r->run->compacted.pages);
	report_put(o, "processes", r->nr_procs);
	report_put(o, "peak_processes", r->run->peak_procs);
	return o;
}

static json_t *verify(const struct report *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "clean", json_boolean(!r->verdict->violations));
	report_put(o, "violations", r->verdict->violations);
	return o;
}

static json_t *whole(const struct report *r)
{
	json_t *o = json_object(), *command = json_array(), *list = json_array();
	int status = r->run->first_status;

	report_put(o, "schema", REPORT_SCHEMA);
	json_object_set_new(o, "quire", json_string(quire_version()));
	for (char **arg = r->run->opts->argv; *arg; arg++)
		json_array_append_new(command, report_json_text(*arg));
	json_object_set_new(o, "command", command);
	if (WIFSIGNALED(status))
		json_object_set_new(o, "signal", json_string(report_signal_name(WTERMSIG(status))));
	else
		report_put(o, "exit", (uint64_t)WEXITSTATUS(status));
	json_object_set_new(o, "wall_ms", json_real((double)r->verdict->wall_ns / 1e6));
	json_object_set_new(o, "verify", verify(r));
	json_object_set_new(o, "machine", machine(r));
	json_object_set_new(o, "sum", stats(&r->sum));
	for (unsigned i = 0; i < r->nr_rows; i++)
		json_array_append_new(list, process(&r->rows[i]));
	json_object_set_new(o, "processes", list);
	report_put(o, "processes_only_in_sum", r->nr_procs - r->nr_rows);
	return o;
}

int report_json(const struct report *r, FILE *out)
{
	json_t *o = whole(r);
	int err = 0;

	if (!o || json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)))
		err = -ENOMEM;
	json_decref(o);
	if (!err && (fputc('\n', out) == EOF || fflush(out)))
		err = -EIO;
	return err;
}
