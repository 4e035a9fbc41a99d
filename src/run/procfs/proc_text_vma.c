/* SPDX-License-Identifier: MIT */
/*
 * proc_text_vma.c: the mappings of an address space as /proc/PID/maps shows them.
 *
 * The core's VMAs, then what lies above GUEST_TASK_SIZE and is the host's: vvar and vdso, which
 * belong to the address space, and the vsyscall page, which every process sees.
 *
 * Takes no mmap lock: each lookup is of one consistent version of the tree.  So a reader of maps
 * never waits for a flush.
 */
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/file/window_names.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Where names start in a line; lines that are longer before it have them after one blank. */
#define NAME_COLUMN 73

static void from_vma(const struct quire_vma_info *v, struct quire_file *file, struct map_line *out)
{
	out->start = v->start;
	out->end = v->end;
	out->offset = v->offset;
	out->prot = v->prot;
	out->shared = v->shared;
	out->vm_flags = v->vm_flags;
	out->page_size = v->page_size;
	out->policy = v->policy;
	out->has_file = v->has_file;
	if (file)
		file_name_now(file, out->name, sizeof(out->name), &out->dev, &out->ino);
	else
		snprintf(out->name, sizeof(out->name), "%s", v->name);
}

static bool core_next(struct space *space, uint64_t addr, struct map_line *out)
{
	struct quire_vma_info info;
	struct quire_file *file;

	if (quire_vma_next_file(space->mm, addr, &info, &file))
		return false;
	from_vma(&info, file, out);
	if (file)
		quire_file_put(file);
	return true;
}

static bool special(struct map_line *out, uint64_t addr, uint64_t start, uint64_t bytes, int prot,
		    const char *name, const char *flags)
{
	if (!bytes || start + bytes <= addr)
		return false;
	out->start = start;
	out->end = start + bytes;
	out->prot = prot;
	out->special_flags = flags;
	snprintf(out->name, sizeof(out->name), "%s", name);
	return true;
}

static bool vvar(struct space *s, uint64_t addr, struct map_line *out)
{
	return special(out, addr, s->vvar, atomic_load(&s->vvar_bytes), QPROT_READ, "[vvar]",
		       "rd mr pf io de dd ");
}

static bool vdso(struct space *s, uint64_t addr, struct map_line *out)
{
	return special(out, addr, s->vdso, atomic_load(&s->vdso_bytes), QPROT_READ | QPROT_EXEC,
		       "[vdso]", "rd ex mr mw me de ");
}

bool map_next_own(struct space *space, uint64_t addr, struct map_line *out)
{
	out->dev = out->ino = out->offset = out->vm_flags = out->policy = 0;
	out->page_size = QUIRE_PAGE_SIZE;
	out->shared = out->has_file = false;
	out->special_flags = NULL;
	if (core_next(space, addr, out))
		return true;
	if (space->vvar < space->vdso)
		return vvar(space, addr, out) || vdso(space, addr, out);
	return vdso(space, addr, out) || vvar(space, addr, out);
}

/* Whether this host has the page is seen in our own maps, once. */
static bool host_has_vsyscall(struct run *run)
{
	int k = atomic_load_relaxed(&run->vsyscall);

	if (!k) {
		size_t len;
		char *maps = host_proc_read("self/maps", &len);

		k = maps && strstr(maps, "[vsyscall]") ? 2 : 1;
		free(maps);
		atomic_store(&run->vsyscall, k);
	}
	return k == 2;
}

bool map_next(struct space *space, uint64_t addr, struct map_line *out)
{
	if (map_next_own(space, addr, out))
		return true;
	if (!host_has_vsyscall(space->run))
		return false;
	return special(out, addr, RUN_VSYSCALL, QUIRE_PAGE_SIZE, QPROT_EXEC, "[vsyscall]", "ex ");
}

void map_print(struct text *t, const struct map_line *m)
{
	char line[160];
	int n;

	n = snprintf(line, sizeof(line), "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ",
		     (unsigned long)m->start, (unsigned long)m->end,
		     m->prot & QPROT_READ ? 'r' : '-', m->prot & QPROT_WRITE ? 'w' : '-',
		     m->prot & QPROT_EXEC ? 'x' : '-', m->shared ? 's' : 'p',
		     (unsigned long)m->offset, major(m->dev), minor(m->dev), (unsigned long)m->ino);
	text_bytes(t, line, (size_t)n);
	if (m->name[0]) {
		text_printf(t, "%*s", n < NAME_COLUMN ? NAME_COLUMN - n : 0, "");
		text_escaped(t, m->name, "\n");
	}
	text_str(t, "\n");
}

void proc_text_maps(struct text *t, struct space *space)
{
	struct map_line m;

	for (uint64_t at = 0; !t->err && map_next(space, at, &m); at = m.end)
		map_print(t, &m);
}
