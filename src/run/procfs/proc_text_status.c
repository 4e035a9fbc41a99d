/* SPDX-License-Identifier: MIT */
/*
 * proc_text_status.c: /proc/PID/status, statm and stat.
 *
 * The host's own file says everything that is not memory; memory's lines and fields are replaced
 * by the core's, and so are the traces of the stub: its seccomp filter, and the addresses of the
 * host's image.
 */
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"
#include "run/procfs/procfs.h"
#include "run/wire/atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What status and statm are made of, pages. */
struct sizes {
	uint64_t total, peak_total, locked, rss, peak_rss, anon, file, shmem, hugetlb;
	uint64_t data, stack, text, lib, tables_kb;
};

/* vvar and vdso are mappings of the process for Linux's total_vm. */
static uint64_t special_pages(const struct space *s)
{
	return space_special_bytes(s) / QUIRE_PAGE_SIZE;
}

static uint64_t text_pages(const struct space *s)
{
	uint64_t first = s->start_code & ~(QUIRE_PAGE_SIZE - 1);
	uint64_t end = (s->end_code + QUIRE_PAGE_SIZE - 1) & ~(QUIRE_PAGE_SIZE - 1);

	return end > first ? (end - first) / QUIRE_PAGE_SIZE : 0;
}

static void get_sizes(struct space *space, struct sizes *z)
{
	struct quire_mm_stats st;
	uint64_t exec;

	quire_mm_stats(space->mm, &st);
	exec = st.exec_vm + atomic_load(&space->vdso_bytes) / QUIRE_PAGE_SIZE;
	z->total = st.total_vm + special_pages(space);
	z->peak_total = st.peak_total_vm + special_pages(space);
	z->locked = st.locked_vm;
	z->anon = st.rss_anon;
	z->file = st.rss_file;
	z->shmem = st.rss_shmem;
	z->hugetlb = st.hugetlb;
	z->rss = z->anon + z->file + z->shmem;
	z->peak_rss = st.peak_rss > z->rss ? st.peak_rss : z->rss;
	z->data = st.data_vm;
	z->stack = st.stack_vm;
	z->text = text_pages(space);
	if (z->text > exec)
		z->text = exec;
	z->lib = exec - z->text;
	z->tables_kb = st.table_bytes / 1024;
}

void proc_text_statm(struct text *t, struct space *space)
{
	struct sizes z;

	get_sizes(space, &z);
	text_printf(t, "%lu %lu %lu %lu 0 %lu 0\n", (unsigned long)z.total, (unsigned long)z.rss,
		    (unsigned long)(z.file + z.shmem), (unsigned long)z.text,
		    (unsigned long)(z.data + z.stack));
}

/* ------------------------------------------------------------------- status */

struct line {
	const char *key; /* with the colon */
	uint64_t value;
	bool kb;
};

static void print_line(struct text *t, const struct line *l)
{
	if (l->kb)
		text_printf(t, "%s\t%8lu kB\n", l->key, (unsigned long)l->value);
	else
		text_printf(t, "%s\t%lu\n", l->key, (unsigned long)l->value);
}

#define MEMS "Mems_allowed"

/* All of ours are allowed, where they are ours: nodes > 0. */
static void node_line(struct text *t, const char *line, size_t len, unsigned nodes)
{
	const char *comma = memrchr(line, ',', len);

	if (!nodes)
		text_bytes(t, line, len);
	else if (line[sizeof(MEMS) - 1] == '_')
		text_printf(t, nodes > 1 ? MEMS "_list:\t0-%u\n" : MEMS "_list:\t%u\n", nodes - 1);
	else if (comma)
		text_printf(t, "%.*s%08x\n", (int)(comma + 1 - line), line,
			    (unsigned)((1ull << nodes) - 1));
	else
		text_printf(t, MEMS ":\t%x\n", (unsigned)((1ull << nodes) - 1));
}

/* Copies text, but for the lines whose keys are in `lines`. */
static void replace_lines(struct text *t, const char *text, const struct line *lines, unsigned n,
			  unsigned nodes)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		unsigned i = 0;

		len += text[len] == '\n';
		while (i < n && strncmp(text, lines[i].key, strlen(lines[i].key)) != 0)
			i++;
		if (i < n)
			print_line(t, &lines[i]);
		else if (!strncmp(text, MEMS, sizeof(MEMS) - 1))
			node_line(t, text, len, nodes);
		else
			text_bytes(t, text, len);
		text += len;
	}
}

void proc_text_status(struct text *t, struct run *run, struct space *space, pid_t pid,
		      struct proc_reader reader)
{
	unsigned nodes = run->info->nodes;
	struct sizes z;
	char name[32], *host;
	size_t len;

	snprintf(name, sizeof(name), "%d/status", (int)pid);
	host = host_proc_read(name, &len);
	if (!host) {
		t->err = -QENOENT;
		return;
	}
	get_sizes(space, &z);
	const struct line lines[] = {
	    {"VmPeak:", z.peak_total * 4, true},
	    {"VmSize:", z.total * 4, true},
	    {"VmLck:", z.locked * 4, true},
	    {"VmPin:", 0, true},
	    {"VmHWM:", z.peak_rss * 4, true},
	    {"VmRSS:", z.rss * 4, true},
	    {"RssAnon:", z.anon * 4, true},
	    {"RssFile:", z.file * 4, true},
	    {"RssShmem:", z.shmem * 4, true},
	    {"VmData:", z.data * 4, true},
	    {"VmStk:", z.stack * 4, true},
	    {"VmExe:", z.text * 4, true},
	    {"VmLib:", z.lib * 4, true},
	    {"VmPTE:", z.tables_kb, true},
	    {"VmSwap:", 0, true},
	    {"HugetlbPages:", z.hugetlb * 4, true},
	    {"Seccomp:", 0, false},
	    {"Seccomp_filters:", 0, false},
	};
	status_signals(host, &reader);
	replace_lines(t, host, lines, sizeof(lines) / sizeof(lines[0]), nodes);
	free(host);
}

/* --------------------------------------------------------------------- stat */

/* Fields of stat that are memory's, by the numbers of proc(5). */
enum {
	STAT_STATE = 3,
	STAT_MINFLT = 10,
	STAT_MAJFLT = 12,
	STAT_VSIZE = 23,
	STAT_RSS = 24,
	STAT_STARTCODE = 26,
	STAT_ENDCODE = 27,
	STAT_STARTSTACK = 28,
	STAT_SIGNALS = 31, /* pending, blocked, ignored, caught */
	STAT_START_DATA = 45,
	STAT_END_DATA = 46,
	STAT_START_BRK = 47,
	STAT_ARG_START = 48,
	STAT_ENV_END = 51,
	STAT_NR_FIELDS = 53,
};

struct stat_fields {
	bool set[STAT_NR_FIELDS];
	uint64_t value[STAT_NR_FIELDS];
};

static void set_field(struct stat_fields *f, int field, uint64_t value)
{
	f->set[field] = true;
	f->value[field] = value;
}

static uint64_t minor_faults(const struct quire_mm_stats *st)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < QUIRE_NR_KINDS; k++)
		if (k != QUIRE_KIND_FILE_MAJOR)
			sum += st->faults[k];
	return sum;
}

/* G is not held over quire_mm_stats(), which may wait for a writer that waits for a guest. */
static void get_fields(struct stat_fields *f, struct run *run, struct proc *p, struct space *space)
{
	struct quire_mm_stats st, before;
	struct sizes z;

	get_sizes(space, &z);
	quire_mm_stats(space->mm, &st);
	pthread_mutex_lock(&run->lock);
	before = p->stats.mm;
	pthread_mutex_unlock(&run->lock);
	set_field(f, STAT_MINFLT, minor_faults(&before) + minor_faults(&st));
	set_field(f, STAT_MAJFLT,
		  before.faults[QUIRE_KIND_FILE_MAJOR] + st.faults[QUIRE_KIND_FILE_MAJOR]);
	set_field(f, STAT_VSIZE, z.total * QUIRE_PAGE_SIZE);
	set_field(f, STAT_RSS, z.rss);
	set_field(f, STAT_STARTCODE, space->start_code);
	set_field(f, STAT_ENDCODE, space->end_code);
	set_field(f, STAT_STARTSTACK, st.start_stack);
	set_field(f, STAT_START_DATA, space->start_data);
	set_field(f, STAT_END_DATA, space->end_data);
	set_field(f, STAT_START_BRK, st.start_brk);
	/* Where exactly the strings lie in the guest's stack only its stub knows. */
	for (int i = STAT_ARG_START; i <= STAT_ENV_END; i++)
		set_field(f, i, 0);
}

/* As to whoever may not look inside: 1 for the code, 0 for the rest. */
static void hide_addresses(struct stat_fields *f)
{
	set_field(f, STAT_STARTCODE, 1);
	set_field(f, STAT_ENDCODE, 1);
	set_field(f, STAT_STARTSTACK, 0);
	for (int i = STAT_START_DATA; i <= STAT_ENV_END; i++)
		set_field(f, i, 0);
}

/* `host` is the text after the command's closing parenthesis: field 3 comes next. */
static void print_fields(struct text *t, const char *host, const struct stat_fields *f,
			 const struct proc_reader *r)
{
	static const enum proc_signal_set sets[] = {SIGNALS_PENDING, SIGNALS_BLOCKED,
						    SIGNALS_IGNORED, SIGNALS_CAUGHT};

	for (int field = 3; *host == ' '; field++) {
		size_t len = strcspn(++host, " \n");

		if (field < STAT_NR_FIELDS && f->set[field])
			text_printf(t, " %lu", (unsigned long)f->value[field]);
		else if (field >= STAT_SIGNALS && field < STAT_SIGNALS + 4)
			text_printf(t, " %lu",
				    (unsigned long)stat_signals(strtoull(host, NULL, 10),
								sets[field - STAT_SIGNALS], r));
		else if (field == STAT_STATE && r->self)
			text_str(t, " R");
		else
			text_printf(t, " %.*s", (int)len, host);
		host += len;
	}
	text_str(t, "\n");
}

void proc_text_stat(struct text *t, struct run *run, struct proc *p, struct space *space,
		    struct proc_reader reader)
{
	struct stat_fields f = {0};
	char name[32], *host, *end;
	size_t len;

	snprintf(name, sizeof(name), "%d/stat", (int)p->pid);
	host = host_proc_read(name, &len);
	end = host ? strrchr(host, ')') : NULL;
	if (!end) {
		free(host);
		t->err = -QENOENT;
		return;
	}
	get_fields(&f, run, p, space);
	if (!reader.looks)
		hide_addresses(&f);
	text_bytes(t, host, (size_t)(end + 1 - host));
	print_fields(t, end + 1, &f, &reader);
	free(host);
}
