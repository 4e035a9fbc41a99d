/* SPDX-License-Identifier: MIT */
/*
 * mm.c: address spaces as objects: made, referenced, freed; their counters.
 *
 * Owns struct quire_mm and its place in machine->mms (L). The mm and its stripes are one block,
 * aligned to cache lines.  Invariants:
 *   1  Whoever calls with an mm holds a reference.  So the last put is alone with it, but for
 *      walkers of a file's interval tree.  exit waits these out: it takes I for each VMA that it
 *      unlinks.
 *   2  A counter is the sum of its stripes; a single stripe may be negative.
 */
#include "core/base/kmem.h"
#include "core/base/sized.h"
#include "core/frame/reclaim.h"
#include "core/huge/cgroup.h"
#include "core/rmap/root.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

#define MAX_STRIPES 16
#define STACK_RLIMIT (8ull << 20)
#define MEMLOCK_RLIMIT (8ull << 20)
/* Linux leaves the stack's limit and a random gap below the top; we the limit and 1 MiB. */
#define STACK_ROOM (STACK_RLIMIT + (1ull << 20))

static unsigned stripe_count(const struct quire_machine *m)
{
	unsigned n = 1;

	while (n < m->port.ncpus && n < MAX_STRIPES)
		n <<= 1;
	return n;
}

static struct quire_mm *alloc_block(struct quire_machine *m)
{
	unsigned n = stripe_count(m);
	size_t align = _Alignof(struct quire_mm);
	size_t bytes = sizeof(struct quire_mm) + n * sizeof(struct mm_stripe) + align;
	void *block = kmem_zalloc(m, bytes);
	struct quire_mm *mm;

	if (!block)
		return NULL;
	mm = (struct quire_mm *)(((uintptr_t)block + align - 1) & ~(uintptr_t)(align - 1));
	mm->block = block;
	mm->block_size = bytes;
	mm->stripes = (struct mm_stripe *)(mm + 1);
	mm->nr_stripes = n;
	return mm;
}

static void free_block(struct quire_mm *mm)
{
	kmem_free(mm->machine, mm->block, mm->block_size);
}

static uint64_t or_default(uint64_t v, uint64_t dflt)
{
	return v ? v : dflt;
}

static void set_options(struct quire_mm *mm, const struct quire_mm_options *o)
{
	uint64_t top = mm->machine->task_size & PAGE_MASK;

	mm->cookie = o->cookie;
	mm->ignore_memlock = o->ignore_memlock;
	mm->mmap_base =
	    o->mmap_base ? o->mmap_base & PAGE_MASK : (top > STACK_ROOM ? top - STACK_ROOM : top);
	mm->rlimit[QUIRE_RLIMIT_AS] = or_default(o->rlimit[QUIRE_RLIMIT_AS], QUIRE_RLIM_INFINITY);
	mm->rlimit[QUIRE_RLIMIT_DATA] =
	    or_default(o->rlimit[QUIRE_RLIMIT_DATA], QUIRE_RLIM_INFINITY);
	mm->data_rlimit_max = QUIRE_RLIM_INFINITY;
	mm->rlimit[QUIRE_RLIMIT_STACK] = or_default(o->rlimit[QUIRE_RLIMIT_STACK], STACK_RLIMIT);
	mm->rlimit[QUIRE_RLIMIT_MEMLOCK] =
	    or_default(o->rlimit[QUIRE_RLIMIT_MEMLOCK], MEMLOCK_RLIMIT);
}

static void enlist(struct quire_mm *mm)
{
	struct quire_machine *m = mm->machine;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_add_tail(&m->mms, &mm->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

static void delist(struct quire_mm *mm)
{
	struct quire_machine *m = mm->machine;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_del(&mm->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

int mm_create(struct quire_machine *m, const struct quire_mm_options *opts, struct quire_mm **out)
{
	struct quire_mm_options o = {.size = sizeof(o)};
	struct quire_mm *mm;
	int err;

	if (opts && !copy_sized(&o, sizeof(o), sizeof(o.size), opts, opts->size))
		return -QEINVAL;
	mm = alloc_block(m);
	if (!mm)
		return -QENOMEM;
	mm->machine = m;
	rtree_init(&mm->vmas);
	mm_init_tree_env(mm);
	mutex_init(&mm->mmap_lock);
	mm->refs = 1;
	set_options(mm, &o);
	mm->anon = anon_root_new(mm);
	err = mm->anon ? pt_create(mm) : -QENOMEM;
	if (err) {
		if (mm->anon)
			anon_root_end(mm->anon);
		free_block(mm);
		return err;
	}
	enlist(mm);
	*out = mm;
	return 0;
}

int quire_mm_create(struct quire_machine *m, const struct quire_mm_options *opts,
		    struct quire_mm **out)
{
	return memory_errno(mm_create(m, opts, out));
}

void quire_mm_get(struct quire_mm *mm)
{
	atomic_add_relaxed(&mm->refs, 1);
}

void mm_destroy(struct quire_mm *mm)
{
	delist(mm);
	if (mm->huge_group)
		huge_group_enter(mm->machine, &mm->huge_group, NULL);
	anon_root_end(mm->anon);
	pt_destroy(mm);
	free_block(mm);
}

struct quire_machine *quire_mm_machine(struct quire_mm *mm)
{
	return mm->machine;
}

void *quire_mm_cookie(struct quire_mm *mm)
{
	return mm->cookie;
}

uint64_t quire_mm_root(struct quire_mm *mm)
{
	return mm->root;
}

void quire_mm_set_rlimit(struct quire_mm *mm, enum quire_rlimit which, uint64_t cur)
{
	if (which < QUIRE_NR_RLIMITS)
		atomic_store_relaxed(&mm->rlimit[which], cur);
}

void quire_mm_set_rlimit_max(struct quire_mm *mm, enum quire_rlimit which, uint64_t max)
{
	if (which == QUIRE_RLIMIT_DATA)
		atomic_store_relaxed(&mm->data_rlimit_max, max);
}

void quire_mm_set_mmap_base(struct quire_mm *mm, uint64_t base)
{
	mm_lock(mm);
	mm->mmap_base = base & PAGE_MASK;
	mm_unlock(mm);
}

void quire_mm_set_stack(struct quire_mm *mm, uint64_t start_stack)
{
	mm_lock(mm);
	atomic_store_relaxed(&mm->start_stack, start_stack);
	mm_unlock(mm);
}

bool mm_await_huge(struct quire_mm *mm, bool *waited)
{
	const struct quire_port *port = &mm->machine->port;

	if (*waited || !port->oom)
		return false;
	*waited = true;
	return port->oom(port->ctx, mm, mm->cookie, QUIRE_MEMORY_HUGE);
}
