/* SPDX-License-Identifier: MIT */
/*
 * page_nodes.c: on which nodes pages are.
 *
 * Owns nothing.  As usage.c: R, and each table's PTL; M only after an mremap was met.  So the
 * answer is of some moment.
 */
#include "core/frame/folio.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/vma/moves.h"

static int page_node(struct quire_mm *mm, uint64_t addr)
{
	const struct quire_port *port = &mm->machine->port;
	int node = -QEFAULT;

	rcu_read_lock(port);
	if (vma_find(mm, addr))
		node = entry_node(mm->machine, pt_read(mm, addr & PAGE_MASK));
	rcu_read_unlock(port);
	return node;
}

int quire_page_node(struct quire_mm *mm, uint64_t addr)
{
	struct moves_reader r;
	int node;

	if (addr >= mm->machine->task_size)
		return -QEFAULT;
	moves_begin(&r, mm);
	do
		node = page_node(mm, addr);
	while (moves_met(&r));
	return node;
}

static void count_piece(uint64_t *pages, const struct quire_machine *m, struct pt_cursor c)
{
	pt_for_each_entry (&c) {
		int node = entry_node(m, atomic_load_relaxed(c.entry));

		if (node >= 0)
			pages[node] += pt_pages(&c);
	}
}

static void count_vma(uint64_t *pages, const struct vma *vma, uint64_t addr, uint64_t end)
{
	struct pt_cursor c;

	pt_cursor_begin(&c, vma->mm, addr, end);
	while (pt_next_piece(&c))
		if (c.ref.table->pt.used)
			count_piece(pages, vma->mm->machine, c);
}

static void count_range(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t *pages)
{
	const struct quire_port *port = &mm->machine->port;
	struct vma *vma;

	memset(pages, 0, quire_machine_nodes(mm->machine) * sizeof(*pages));
	rcu_read_lock(port);
	while (start < end && (vma = vma_next(mm, start)) && vma->start < end) {
		uint64_t from = vma->start > start ? vma->start : start;

		start = vma->end < end ? vma->end : end;
		count_vma(pages, vma, from, start);
	}
	rcu_read_unlock(port);
}

void quire_range_nodes(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t *pages)
{
	struct moves_reader r;

	start &= PAGE_MASK;
	end = end > mm->machine->task_size ? mm->machine->task_size : PAGE_ALIGN(end);
	moves_begin(&r, mm);
	do
		count_range(mm, start, end, pages);
	while (moves_met(&r));
}

/* ---- mbind(2): MPOL_MF_STRICT ---- */

static bool on_other_nodes(struct quire_mm *mm, uint64_t start, uint64_t end, uint64_t nodes)
{
	uint64_t pages[QUIRE_MAX_NODES];

	quire_range_nodes(mm, start, end, pages);
	for (unsigned i = 0; i < quire_machine_nodes(mm->machine); i++)
		if (pages[i] && !(nodes >> i & 1))
			return true;
	return false;
}

int quire_check_placed(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t nodes)
{
	uint64_t end = addr + PAGE_ALIGN(len);
	struct quire_vma_info v, next;

	for (; addr < end; addr = v.end) {
		if (quire_vma_next(mm, addr, &v) || v.start > addr)
			return -QEFAULT;
		if (v.end < end && (quire_vma_next(mm, v.end, &next) || next.start > v.end))
			return -QEFAULT;
		if (on_other_nodes(mm, addr, min_u64(v.end, end), nodes))
			return -QEIO;
	}
	return 0;
}

/* ---- get_mempolicy(2): MPOL_F_NODE with MPOL_F_ADDR ---- */

/* A page that is there is found, too, where the mapping is not for reading, unless it is for
 * nothing at all. */
static bool may_be_reached(struct quire_mm *mm, uint64_t addr)
{
	const struct quire_port *port = &mm->machine->port;
	const struct vma *vma;
	bool may;

	rcu_read_lock(port);
	vma = vma_find(mm, addr);
	may = vma && (vma->flags & VM_ACCESS);
	rcu_read_unlock(port);
	return may;
}

int quire_read_node(struct quire_mm *mm, uint64_t addr)
{
	int node = quire_page_node(mm, addr);
	char byte;

	if (node >= 0 && may_be_reached(mm, addr))
		return node;
	if (quire_remote_read(mm, addr, &byte, 1) != 1)
		return -QEFAULT;
	node = quire_page_node(mm, addr);
	return node < 0 ? 0 : node;
}
