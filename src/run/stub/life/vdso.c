/* SPDX-License-Identifier: MIT */
/*
 * vdso.c: moves the host's vdso and the data it reads to one fixed place, wherever the host has put
 * them.  The kernel supports this; distances within must stay.
 */
#include "run/stub/life/vdso.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/spare.h"
#include "run/stub/base/stub.h"
#include "run/stub/life/start.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"
#include "run/wire/vdso_getcpu.h"

#include <linux/auxvec.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

struct piece {
	uint64_t start, end;
};

struct pieces {
	struct piece p[6];
	unsigned n;
	uint64_t low, vdso_start, vdso_end;
};

static bool parse_hex(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t n = 0;

	for (;; p++) {
		if (*p >= '0' && *p <= '9')
			n = n << 4 | (uint64_t)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			n = n << 4 | (uint64_t)(*p - 'a' + 10);
		else
			break;
	}
	if (p == *s)
		return false;
	*s = p;
	*out = n;
	return true;
}

/* "start-end ... [vvar]" */
static void take_line(const char *line, struct pieces *out)
{
	const char *p = line, *name = line;
	struct piece x;

	while (*name && *name != '[')
		name++;
	if (!str_starts(name, "[vvar") && !str_equal(name, "[vdso]"))
		return;
	if (!parse_hex(&p, &x.start) || *p++ != '-' || !parse_hex(&p, &x.end) || out->n == 6)
		return;
	if (!out->n || x.start < out->low)
		out->low = x.start;
	if (str_equal(name, "[vdso]")) {
		out->vdso_start = x.start;
		out->vdso_end = x.end;
	}
	out->p[out->n++] = x;
}

static void read_maps(int64_t fd, void *out)
{
	char buf[2048], line[256];
	unsigned len = 0;
	int64_t n;

	while ((n = sys(__NR_read, fd, buf, sizeof(buf))) > 0) {
		for (int64_t i = 0; i < n; i++) {
			if (buf[i] == '\n') {
				line[len] = 0;
				take_line(line, out);
				len = 0;
			} else if (len < sizeof(line) - 1) {
				line[len++] = buf[i];
			}
		}
	}
}

static bool move(const struct pieces *from)
{
	for (unsigned i = 0; i < from->n; i++) {
		const struct piece *p = &from->p[i];
		uint64_t bytes = p->end - p->start, to = VDSO_HOME + (p->start - from->low);

		if (p->start == to)
			continue;
		if (sys(__NR_mremap, p->start, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) !=
		    (int64_t)to)
			return false;
	}
	return true;
}

static struct aux *find_vdso(struct start *s)
{
	for (struct aux *a = s->auxv; a->type != AT_NULL; a++) {
		if (a->type == AT_SYSINFO_EHDR)
			return a;
	}
	return NULL;
}

void vdso_move(struct start *s)
{
	struct pieces from = {.n = 0};
	struct aux *a = find_vdso(s);

	if (!a)
		return;
	spares_with_file(&first_process, "/proc/self/maps", O_RDONLY, read_maps, &from);
	if (from.vdso_start != a->val || !move(&from)) {
		/* Programs do without: they make system calls instead. */
		a->type = AT_IGNORE;
		return;
	}
	a->val = VDSO_HOME + (from.vdso_start - from.low);
	s->vdso.addr = a->val;
	s->vdso.bytes = from.vdso_end - from.vdso_start;
	s->vdso.vvar = VDSO_HOME;
	s->vdso.vvar_bytes = from.vdso_start - from.low;
}

void vdso_tell_nodes(const struct start *s)
{
	if (!INFO->nodes || !s->vdso.bytes ||
	    sys(__NR_mprotect, s->vdso.addr, s->vdso.bytes, PROT_READ | PROT_WRITE | PROT_EXEC))
		return;
	vdso_getcpu_replace((uint8_t *)s->vdso.addr, s->vdso.bytes, INFO->nodes, INFO->cpus);
	sys(__NR_mprotect, s->vdso.addr, s->vdso.bytes, PROT_READ | PROT_EXEC);
}
