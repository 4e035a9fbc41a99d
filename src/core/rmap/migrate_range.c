/* SPDX-License-Identifier: MIT */
/*
 * migrate_range.c: the pages of a range go to the nodes that a plan has for them.
 *
 * Owns nothing, asks no VMA, and takes M nowhere: R and one PTL at a time to find pages, and
 * nothing while they move.  So a page that comes meanwhile stays where it is.
 */
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"
#include "core/table/cursor.h"
#include "core/table/entry.h"

/* Pages that are looked for at once, under PTLs, and moved afterwards, without. */
struct collected {
	unsigned n;
	struct migrate_item items[MIGRATE_BATCH];
};

/* PTL held. */
static void collect(struct collected *c, const struct quire_machine *m, pte_t e, uint64_t addr,
		    const struct migrate_plan *plan, struct migrate_result *r)
{
	struct folio *f;
	int node;

	if (entry_kind(m, e) == ENTRY_EXTERNAL && plan->target(plan->arg, addr, 0) > 0)
		r->failed++;
	if (!entry_has_folio(m, e))
		return;
	f = entry_folio(m, e);
	node = plan->target(plan->arg, addr, folio_zone(f));
	if (node < 0 || (unsigned)node == folio_zone(f))
		return;
	if (!plan->all && folio_is_shared(f)) {
		r->shared++;
		return;
	}
	folio_get(f);
	c->items[c->n++] = (struct migrate_item){f, (unsigned)node, 0};
}

/* From where the cursor is, until enough are found. */
static void collect_piece(struct collected *c, struct pt_cursor *at,
			  const struct migrate_plan *plan, struct migrate_result *r)
{
	pt_for_each_entry (at) {
		if (c->n == MIGRATE_BATCH)
			return;
		collect(c, at->mm->machine, atomic_load_relaxed(at->entry), at->addr, plan, r);
	}
}

/* From *addr on, which is then where it has come to. */
static void collect_some(struct collected *c, struct quire_mm *mm, uint64_t *addr, uint64_t end,
			 const struct migrate_plan *plan, struct migrate_result *r)
{
	const struct quire_port *port = &mm->machine->port;
	struct pt_cursor at;

	c->n = 0;
	rcu_read_lock(port);
	pt_cursor_begin(&at, mm, *addr, end);
	while (c->n < MIGRATE_BATCH && pt_next_piece(&at))
		collect_piece(c, &at, plan, r);
	*addr = at.addr;
	pt_cursor_pause(&at);
	rcu_read_unlock(port);
}

static void move_collected(struct migrate *mg, struct quire_mm *mm, struct collected *c,
			   uint64_t among, struct migrate_result *r)
{
	migrate_batch(mg, mm, c->items, c->n, among);
	for (unsigned i = 0; i < c->n; i++) {
		int err = c->items[i].err;

		r->failed += err && err != -QENOENT; /* that one is gone */
		r->again += err == -QEAGAIN;
	}
}

static void move_all_once(struct migrate *mg, struct quire_mm *mm, uint64_t start, uint64_t end,
			  const struct migrate_plan *plan, struct migrate_result *r)
{
	struct collected c;

	*r = (struct migrate_result){0};
	while (start < end) {
		collect_some(&c, mm, &start, end, plan, r);
		move_collected(mg, mm, &c, plan->among, r);
	}
}

void migrate_range(struct quire_mm *mm, uint64_t start, uint64_t end,
		   const struct migrate_plan *plan, struct migrate_result *r)
{
	const struct quire_port *port = &mm->machine->port;
	struct migrate mg;

	migrate_begin(&mg, mm->machine, MIGRATE_WAIT);
	for (unsigned i = 1;; i++) {
		move_all_once(&mg, mm, start & PAGE_MASK, end, plan, r);
		if (!r->again || i == MIGRATE_TRIES)
			break;
		port->yield(port->ctx);
	}
	r->moved = mg.moved;
	migrate_end(&mg);
}
