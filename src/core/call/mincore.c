/* SPDX-License-Identifier: MIT */
/*
 * mincore.c: mincore(2): which pages could be touched without reading anything in.
 *
 * M is held: the answer is of one moment, and a replacement in progress is no hole.  A page is
 * resident if an entry maps it, or if its file has it in the cache; what an external file holds
 * up to its end always is (the embedder has it).
 */
#include "core/file/file.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"

/* A page without an entry. */
static uint8_t cached(const struct vma *vma, uint64_t addr)
{
	return vma->file && mapping_resident(vma->file, vma_pgoff(vma, addr));
}

static void look_without_table(const struct vma *vma, uint64_t addr, uint64_t end, uint8_t *vec)
{
	if (!vma->file)
		memset(vec, 0, (end - addr) >> PAGE_SHIFT);
	for (; vma->file && addr < end; addr += PAGE_SIZE)
		*vec++ = cached(vma, addr);
}

/* What is not PRESENT. */
static uint8_t absent(const struct vma *vma, uint64_t addr, pte_t e)
{
	switch (entry_kind_absent(e)) {
	case ENTRY_NONE:
	case ENTRY_MARKER:
		return cached(vma, addr);
	case ENTRY_MIGRATION: /* on its way to another frame */
		return 1;
	case ENTRY_SWAP:
		return 0;
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(vma->mm->machine);
}

/* Without the table's lock: what mincore tells may be old when it is told. */
static void look_in_piece(const struct vma *vma, const struct pt_cursor *c, uint8_t *vec)
{
	uint64_t step = c->level ? 0 : 1, n = (c->stop - c->addr) >> PAGE_SHIFT;

	for (uint64_t i = 0; i < n; i++) {
		pte_t e = atomic_load(pt_nth(c->walk.slot, (int64_t)(i * step)));

		*vec++ = pte_present(e) ? 1 : absent(vma, c->addr + i * PAGE_SIZE, e);
	}
}

static void look_in_vma(struct quire_mm *mm, const struct vma *vma, uint64_t addr, uint64_t end,
			uint8_t *vec)
{
	struct pt_cursor c;

	pt_cursor_begin(&c, mm, addr, end);
	while (pt_next_table(&c)) {
		look_without_table(vma, addr, c.addr, vec);
		vec += (c.addr - addr) >> PAGE_SHIFT;
		look_in_piece(vma, &c, vec);
		vec += (c.stop - c.addr) >> PAGE_SHIFT;
		addr = c.stop;
	}
	look_without_table(vma, addr, end, vec);
}

/* Only the embedder knows how long its file is now. */
static bool must_ask(const struct vma *vma)
{
	return vma->file && vma->file->ops.file_size;
}

/* -EAGAIN: there is a file to be asked about, which has not been done. */
static int look(struct quire_mm *mm, uint64_t addr, uint64_t end, uint8_t *vec, bool asked)
{
	while (addr < end) {
		struct vma *vma = vma_next(mm, addr);
		uint64_t to;

		if (!vma || vma->start > addr)
			return -QENOMEM;
		if (!asked && must_ask(vma))
			return -QEAGAIN;
		to = vma->end < end ? vma->end : end;
		look_in_vma(mm, vma, addr, to, vec);
		vec += (to - addr) >> PAGE_SHIFT;
		addr = to;
	}
	return 0;
}

static int look_locked(struct quire_mm *mm, uint64_t addr, uint64_t end, uint8_t *vec, bool asked)
{
	const struct quire_port *port = &mm->machine->port;
	int err;

	mm_lock(mm);
	rcu_read_lock(port);
	err = look(mm, addr, end, vec, asked);
	rcu_read_unlock(port);
	mm_unlock(mm);
	return err;
}

/* Of all files in the range: a callback may sleep, so that no lock is held. */
static void ask_sizes(struct quire_mm *mm, uint64_t addr, uint64_t end)
{
	struct quire_vma_info v;
	struct quire_file *file;

	for (; addr < end && !quire_vma_next_file(mm, addr, &v, &file); addr = v.end) {
		if (!file)
			continue;
		if (v.start < end)
			file_ask_size(file);
		quire_file_put(file);
	}
}

int quire_mincore(struct quire_mm *mm, uint64_t addr, uint64_t len, uint8_t *vec)
{
	uint64_t size = mm->machine->task_size, end = addr + PAGE_ALIGN(len);
	int err;

	if (addr & ~PAGE_MASK)
		return -QEINVAL;
	if (addr > size || len > size - addr)
		return -QENOMEM;
	err = look_locked(mm, addr, end, vec, false);
	if (err != -QEAGAIN)
		return err;
	ask_sizes(mm, addr, end);
	return look_locked(mm, addr, end, vec, true);
}
