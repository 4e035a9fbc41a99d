/* SPDX-License-Identifier: MIT */
/*
 * parts.h: what the writers of the report share.
 */
#ifndef RUN_PARTS_H
#define RUN_PARTS_H

#include "run/base/run.h"
#include "run/guest/proc.h"
#include "run/report/report.h"

#include <jansson.h>
#include <stdio.h>

struct report_row {
	const struct proc *proc;
	struct proc_stats stats;
};

/* All of a finished run, in order of birth.  Taken once: nothing changes any more. */
struct report {
	struct run *run;
	const struct run_verdict *verdict;
	struct report_row *rows;
	unsigned nr_rows;
	uint64_t nr_procs; /* rows, and those that are only in the sum */
	struct proc_stats sum;
};

/* Room for any short text made here. */
typedef char report_buf[72];

/* ---- report_data.c */
/* 0 or -ENOMEM. */
int report_collect(struct report *r, struct run *run, const struct run_verdict *verdict);
void report_free(struct report *r);
/* Faults resolved: all kinds but spurious ones. */
uint64_t report_faults(const struct quire_mm_stats *mm);
uint64_t report_refused(const uint64_t by_reason[QUIRE_NR_REASONS]);
uint64_t report_requests(const struct proc_stats *s);
/* Fills that needed no request, because the entry was good already. */
uint64_t report_fills_by_walk(const struct proc_stats *s);

/* ---- report_names.c: one name for the text, one for the JSON. */
struct report_name {
	const char *text, *json;
};
extern const struct report_name report_kinds[QUIRE_NR_KINDS];
extern const struct report_name report_ops[RUN_NR_OPS];
const char *report_reason(enum quire_fault_reason r); /* for the JSON: "prot_write" */
const char *report_signal_name(int sig);              /* "SIGSEGV" */
/* A guest's name for something, cut short and without control characters. */
const char *report_clean(const char *s, report_buf buf);

/* ---- report_units.c: numbers for people; each returns buf. */
const char *report_count(uint64_t n, report_buf buf);     /* 12,345,678 */
const char *report_size(uint64_t bytes, report_buf buf);  /* 1.9 MiB */
const char *report_size_up(uint64_t, report_buf buf);     /* no less than it is */
const char *report_duration(uint64_t ns, report_buf buf); /* 31 ms */
/* n and the noun (30 characters at most) in its number: "1 fork", "3 processes", "0 entries". */
const char *report_noun(uint64_t n, const char *noun, report_buf buf);

/* ---- report_rows.c: the numbers of all processes together */
void report_rows(const struct report *r, FILE *out);
/* "  label             value   note": all numbers stand in one column. */
void report_row(FILE *out, const char *label, const char *value, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- report_peak.c: the machine's RAM at its fullest */
void report_peak(const struct report *r, FILE *out);
/* As --ram takes it: the peak, or the largest request if that is more, used or not. */
uint64_t report_ram_needed(const struct report *r);
/* Frames at the note of the peak that are neither in a process nor shared memory: on their way
 * back, or held for a moment. */
uint64_t report_peak_other(const struct run *run);

/* ---- report_table.c: one row per process */
void report_table(const struct report *r, FILE *out);

/* ---- report_huge.c: why a huge page was not to be had, below the line of the refusal */
void report_huge(const struct refusal *f, FILE *out);
json_t *report_huge_json(const struct refusal *f);
/* As --hugepages has it: 2M, 1G. */
const char *report_huge_size(uint64_t page_size);
/* And why mmap was ENOMEM for want of them. */
void report_unpromised(struct run *run, FILE *out);
json_t *report_unpromised_json(struct run *run);

/* ---- report_text.c, report_json.c */
/* Neither can fail but for want of memory, which is reported for the whole.  A text may come from a
 * guest, and be no UTF-8. */
void report_put(json_t *o, const char *key, uint64_t n);
json_t *report_json_text(const char *s);
/* 0 or -errno. */
int report_text(const struct report *r, FILE *out);
int report_json(const struct report *r, FILE *out);

#endif
