/* SPDX-License-Identifier: MIT */
/*
 * fill.c: the host's page tables as a TLB.  A fill maps what a good entry names; a flush
 * unmaps.  The page tables are read as a hardware walker would, through the read-only map.
 *
 *   1. Walk and fill happen under the fill lock, so that the entry that was read is still in
 *      force when it is mapped, and no table page is freed under the walk.
 *   2. A neighbour is filled along only by what its own entry says: good, with the same rights, and
 *      of the frame that comes there.  Frames in a row are one object's: windows do not touch.
 *   3. Unmapping less than was asked never happens; unmapping more costs only faults.
 */
#include "run/stub/fill/fill.h"

#include "quire/quire.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/far.h"
#include "run/stub/fill/fill_lock.h"
#include "run/stub/fill/lent.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <linux/futex.h>
#include <linux/mman.h>

/* Neighbours are filled along inside an aligned window of this size, all under one table. */
#define AROUND_PAGES 16ull

static const uint64_t *table_at(uint64_t frame)
{
	uint64_t first = INFO->nr_ram_frames;

	if (frame < first || frame - first >= INFO->nr_table_frames)
		return NULL;
	return (const uint64_t *)(TABLES_BASE + (frame - first) * PAGE);
}

/* PRESENT in an upper table, and it maps the pages itself: the entry of one of them. */
static uint64_t entry_in_leaf(uint64_t leaf, uint64_t addr, int shift)
{
	return (leaf & ~QUIRE_PTE_HUGE) + (addr & ((1ull << shift) - 1) & ~(PAGE - 1));
}

/*
 * The entry of addr; 0: there is none.  *last: the last-level table that it stands in, or NULL.  An
 * upper table may have other entries than tables: leaves, and such without PRESENT.
 */
static uint64_t walk(const struct thread *t, uint64_t addr, const uint64_t **last)
{
	const uint64_t *table = table_at(t->answer->root);

	*last = NULL;
	for (int shift = 39; shift > 12 && table; shift -= 9) {
		uint64_t e = atomic_load(&table[(addr >> shift) & 511]);

		if (!(e & QUIRE_PTE_PRESENT))
			return e;
		if (e & QUIRE_PTE_HUGE)
			return entry_in_leaf(e, addr, shift);
		table = table_at((e & QUIRE_PTE_FRAME_MASK) >> 12);
	}
	*last = table;
	return table ? atomic_load(&table[(addr >> 12) & 511]) : 0;
}

uint64_t walk_entry(const struct thread *t, uint64_t addr)
{
	const uint64_t *table;

	return addr < GUEST_TASK_SIZE ? walk(t, addr, &table) : 0;
}

bool entry_permits(uint64_t entry, enum quire_access access)
{
	if (!(entry & QUIRE_PTE_PRESENT) || !(entry & QUIRE_PTE_USER))
		return false;
	if (access == QUIRE_WRITE)
		return (entry & QUIRE_PTE_WRITE) && (entry & QUIRE_PTE_DIRTY);
	return access != QUIRE_EXEC || !(entry & QUIRE_PTE_NX);
}

bool entry_is_files(uint64_t entry)
{
	return (entry & QUIRE_PTE_PRESENT) && (entry & QUIRE_PTE_EXTERNAL);
}

uint64_t entry_frame(uint64_t entry)
{
	return (entry & QUIRE_PTE_FRAME_MASK) >> 12;
}

static uint64_t entry_prot(uint64_t entry)
{
	uint64_t prot = PROT_READ;

	if ((entry & QUIRE_PTE_WRITE) && (entry & QUIRE_PTE_DIRTY))
		prot |= PROT_WRITE;
	if (!(entry & QUIRE_PTE_NX))
		prot |= PROT_EXEC;
	return prot;
}

/* The neighbour, so many pages above, or modulo 2^64 below, can be mapped by the same call. */
static bool fits(uint64_t entry, uint64_t neighbour, uint64_t distance)
{
	return entry_permits(neighbour, QUIRE_READ) &&
	       (entry & QUIRE_PTE_EXTERNAL) == (neighbour & QUIRE_PTE_EXTERNAL) &&
	       entry_prot(entry) == entry_prot(neighbour) &&
	       (entry & QUIRE_PTE_FRAME_MASK) + distance * PAGE ==
		   (neighbour & QUIRE_PTE_FRAME_MASK);
}

struct run {
	uint64_t addr, pages;
	uint64_t frame;
};

static struct run find_run(const struct thread *t, uint64_t addr, uint64_t entry)
{
	uint64_t i = (addr >> 12) & 511, low = i, high = i + 1;
	uint64_t first = i & ~(AROUND_PAGES - 1), end = first + AROUND_PAGES;
	const uint64_t *table;

	walk(t, addr, &table);
	if (table) {
		while (high < end && fits(entry, atomic_load(&table[high]), high - i))
			high++;
		while (low > first && fits(entry, atomic_load(&table[low - 1]), low - 1 - i))
			low--;
	}
	return (struct run){addr - (i - low) * PAGE, high - low,
			    ((entry & QUIRE_PTE_FRAME_MASK) >> 12) - (i - low)};
}

/*
 * The frames' numbers are addresses in the file's window: duplicate that piece of it.  The window
 * of a shared mapping may be writable where the entry is not: no other thread may get to see that.
 */
static int64_t map_external(const struct thread *t, const struct run *r, uint64_t entry)
{
	uint64_t from = r->frame * PAGE, bytes = r->pages * PAGE, prot = entry_prot(entry);
	bool aside = (entry & QUIRE_PTE_SHARED) && !(prot & PROT_WRITE);
	uint64_t at = aside ? FILL_ROOM(t->index) : r->addr;
	int64_t err;

	if (r->frame >= FAR_FIRST)
		return far_fill(r->frame, r->pages, prot, r->addr);
	if (from < SEEDS_BASE || from + bytes > WINDOWS_END)
		return -EFAULT;
	err = remap_to(from, 0, bytes, at);
	if (!err)
		err = sys(__NR_mprotect, at, bytes, prot);
	if (!err && aside)
		err = remap_to(at, bytes, bytes, r->addr);
	if (err && aside)
		sys(__NR_munmap, at, bytes);
	return err;
}

static int64_t map_ram(const struct run *r, uint64_t prot)
{
	uint64_t flags = MAP_SHARED | MAP_FIXED;
	int64_t got;

	if (r->frame + r->pages > INFO->nr_ram_frames)
		return -EFAULT;
	/* Measured: populating pays for itself from two pages on. */
	if (r->pages > 1)
		flags |= MAP_POPULATE;
	got = sys(__NR_mmap, r->addr, r->pages * PAGE, prot, flags, RUN_FD(RUN_FD_RAM),
		  r->frame * PAGE);
	return got == (int64_t)r->addr ? 0 : got < 0 ? got : -EFAULT;
}

enum fill_result fill(struct thread *t, uint64_t addr, uint64_t entry, bool run)
{
	struct run r = run ? find_run(t, PAGE_DOWN(addr), entry)
			   : (struct run){PAGE_DOWN(addr), 1, (entry & QUIRE_PTE_FRAME_MASK) >> 12};
	int64_t err = entry & QUIRE_PTE_EXTERNAL ? map_external(t, &r, entry)
						 : map_ram(&r, entry_prot(entry));

	if (err == -ENOMEM)
		return FILL_FULL;
	if (err == -ENOENT)
		return FILL_FAR;
	if (err)
		return FILL_BROKEN;
	t->chan->fills++;
	t->chan->filled_pages += r.pages;
	return FILL_OK;
}

void drop_all(struct thread *t)
{
	sys(__NR_munmap, 0, GUEST_TASK_SIZE);
	atomic_add(&shared.drops, 1u);
	t->chan->drops++;
}

void flush_ranges(struct thread *t, const uint64_t (*ranges)[2], uint32_t n)
{
	bool all = n == 0;

	for (uint32_t i = 0; i < n && !all; i++) {
		uint64_t start = PAGE_DOWN(ranges[i][0]), end = PAGE_UP(ranges[i][1]);

		if (start >= end || end > GUEST_TASK_SIZE)
			continue;
		/* Cutting a mapping in two may hit the host's limit. */
		all = sys(__NR_munmap, start, end - start) != 0;
	}
	if (all)
		drop_all(t);
	atomic_add(&shared.flushes, 1u);
}

bool service_flush(struct thread *t)
{
	const struct answer *a = t->answer;
	uint32_t *done = &t->chan->service_done;
	uint32_t seq, n;

	if (atomic_load(&a->service_seq) == atomic_load(done))
		return false;
	if (t->filling || shared.flusher == t->index + 1) {
		t->service_waits = true;
		return true;
	}
	/* Another that comes before the lock is served first;
	 * one that comes after it, at its end. */
	flush_lock(t);
	seq = atomic_load(&a->service_seq);
	n = atomic_load(&a->service_nranges);
	n = n < CHAN_SERVICE_RANGES ? n : CHAN_SERVICE_RANGES;
	flush_ranges(t, (const uint64_t(*)[2])a->service_ranges, n);
	atomic_store(&t->chan->service_lent,
		     (uint32_t)lent_any(t, (const uint64_t(*)[2])a->service_ranges, n));
	atomic_store(&t->flushed, 1u);
	atomic_store(done, seq);
	flush_unlock(t);
	sys(__NR_futex, done, FUTEX_WAKE, INT32_MAX);
	return true;
}
