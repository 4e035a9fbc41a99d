/* SPDX-License-Identifier: MIT */
/*
 * fork_lent.c: pages that other threads' system calls have been lent, while their process forks.
 *
 * The host may store into them when the fork is over.  That is for the parent: so they are pinned
 * for the fork, and the core gives the child a copy of each and leaves the page to the parent
 * (copy.c, 2).
 *
 *   1  The ranges are the guest's word: any, and as large as it likes.  MOST_PAGES are looked at
 *      (the host moves 2 GiB a call at most), and those pinned that are mapped writable.
 */
#include "run/op/fork_lent.h"

#include "quire/port.h"
#include "quire/quire.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PAGES (1u << 20)
#define MOST_RANGES (sizeof(((struct chan *)0)->data) / 16)

struct pins {
	struct quire_pin *v;
	size_t n, cap;
	size_t looked;
};

static bool has_room(struct pins *p)
{
	size_t cap = p->cap ? p->cap * 2 : 64;
	struct quire_pin *v;

	if (p->n < p->cap)
		return true;
	v = realloc(p->v, cap * sizeof(*v));
	if (!v)
		return false;
	p->v = v;
	p->cap = cap;
	return true;
}

/* Else the child would have no use for it, or it is the host's page. */
static bool is_writable(struct quire_mm *mm, uint64_t addr)
{
	const uint64_t need = QUIRE_PTE_PRESENT | QUIRE_PTE_USER | QUIRE_PTE_WRITE;

	return (quire_pte(mm, addr) & (need | QUIRE_PTE_EXTERNAL | QUIRE_PTE_SHARED)) == need;
}

static void pin_range(struct request *q, struct pins *p, uint64_t addr, uint64_t end)
{
	struct quire_mm *mm = q->space->mm;

	for (; addr < end && p->looked < MOST_PAGES; addr += PAGE) {
		p->looked++;
		if (is_writable(mm, addr) && has_room(p) &&
		    !quire_pin(mm, addr, QUIRE_WRITE, &p->v[p->n]))
			p->n++;
	}
}

static void pin_lent(struct request *q, struct pins *p)
{
	uint64_t ranges[MOST_RANGES][2];
	uint64_t n = q->a[1] < MOST_RANGES ? q->a[1] : MOST_RANGES;

	memcpy(ranges, q->slot->chan->data, n * sizeof(ranges[0]));
	for (uint64_t i = 0; i < n; i++) {
		uint64_t start = PAGE_DOWN(ranges[i][0]), end = ranges[i][1];

		if (end > GUEST_TASK_SIZE)
			end = GUEST_TASK_SIZE;
		pin_range(q, p, start, end);
	}
}

int fork_space(struct request *q, struct space **out)
{
	struct pins p = {NULL, 0, 0, 0};
	int err;

	pin_lent(q, &p);
	err = space_fork(q->space, out);
	for (size_t i = 0; i < p.n; i++)
		quire_unpin(q->run->machine, &p.v[i]);
	free(p.v);
	return err;
}
