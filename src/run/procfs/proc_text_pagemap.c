/* SPDX-License-Identifier: MIT */
/*
 * proc_text_pagemap.c: /proc/PID/pagemap: 8 bytes for each page of the address space.
 *
 * The file is sparse: only entries of present pages are written, and ranges without a page table
 * are skipped as a whole, so that a large empty mapping costs little.
 *
 * A frame number is that of the machine's RAM; as on Linux, only a reader that opens it with
 * CAP_SYS_ADMIN sees it.  Pages of files that are the host's have no frame in the machine: 0.
 */
#include "core/table/cursor.h"
#include "core/vma/moves.h"
#include "quire/port.h"
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/space.h"
#include "run/procfs/proc_text.h"
#include "run/procfs/procfs.h"
#include "run/wire/addresses.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PM_EXCLUSIVE (1ull << 56)
#define PM_UFFD_WP (1ull << 57)
#define PM_FILE (1ull << 61)
#define PM_PRESENT (1ull << 63)

#define SPAN_TABLE (512 * QUIRE_PAGE_SIZE)

struct pagemap {
	int fd;
	struct run *run;
	struct quire_mm *mm;
	bool show_frames;
};

static uint64_t read_entry(const struct pagemap *p, uint64_t addr)
{
	uint64_t pte;

	p->run->port.rcu_read_lock(p->run->port.ctx);
	pte = pt_read(p->mm, addr);
	p->run->port.rcu_read_unlock(p->run->port.ctx);
	return pte;
}

static uint64_t entry_of(const struct pagemap *p, uint64_t addr)
{
	uint64_t pte = read_entry(p, addr);
	struct quire_usage u = {0};
	uint64_t e = PM_PRESENT;

	if (!(pte & QUIRE_PTE_PRESENT))
		return 0;
	quire_range_usage(p->mm, addr, addr + QUIRE_PAGE_SIZE, &u);
	/* The zero page is in no rss and neither file nor exclusive. */
	if ((u.rss && !u.anonymous) || u.file_hugetlb)
		e |= PM_FILE;
	if (u.private_clean + u.private_dirty + u.private_hugetlb && !(pte & QUIRE_PTE_EXTERNAL))
		e |= PM_EXCLUSIVE;
	if (pte & QUIRE_PTE_UFFD_WP)
		e |= PM_UFFD_WP;
	if (p->show_frames && !(pte & QUIRE_PTE_EXTERNAL))
		e |= (pte & QUIRE_PTE_FRAME_MASK) / QUIRE_PAGE_SIZE;
	return e;
}

/* The entries of one last-level table's range, in one write; none if all are 0. */
static int put_entries(const struct pagemap *p, uint64_t start, uint64_t end)
{
	uint64_t e[SPAN_TABLE / QUIRE_PAGE_SIZE];
	size_t n = (end - start) / QUIRE_PAGE_SIZE, bytes = n * sizeof(e[0]);
	struct moves_reader r;
	uint64_t any;
	ssize_t done;

	moves_begin(&r, p->mm);
	do {
		any = 0;
		for (size_t i = 0; i < n; i++)
			any |= e[i] = entry_of(p, start + i * QUIRE_PAGE_SIZE);
	} while (moves_met(&r));
	if (!any)
		return 0;
	done = pwrite(p->fd, e, bytes, (off_t)(start / QUIRE_PAGE_SIZE * sizeof(e[0])));
	if (done < 0)
		return -errno;
	return (size_t)done == bytes ? 0 : -EIO;
}

/* The next piece of the range that has a page table; none is skipped that is on its way. */
static bool next_table(const struct pagemap *p, struct pt_cursor *c)
{
	const struct pt_cursor from = *c;
	struct moves_reader r;
	bool found;

	moves_begin(&r, p->mm);
	do {
		*c = from;
		p->run->port.rcu_read_lock(p->run->port.ctx);
		found = pt_next_table(c);
		p->run->port.rcu_read_unlock(p->run->port.ctx);
	} while (moves_met(&r));
	return found;
}

static int put_range(const struct pagemap *p, uint64_t start, uint64_t end)
{
	struct pt_cursor c;
	int err = 0;

	pt_cursor_begin(&c, p->mm, start, end);
	while (!err && next_table(p, &c))
		err = put_entries(p, c.addr, c.stop);
	return err;
}

int proc_text_pagemap(int fd, struct run *run, struct space *space, struct proc_reader reader)
{
	struct pagemap p = {fd, run, space->mm, reader.admin};
	struct quire_vma_info v;
	int err = 0;

	if (ftruncate(fd, (off_t)(GUEST_TASK_SIZE / QUIRE_PAGE_SIZE * sizeof(uint64_t))))
		return -errno;
	for (uint64_t at = 0; !err && !quire_vma_next(space->mm, at, &v); at = v.end)
		err = put_range(&p, v.start, v.end);
	return err;
}
