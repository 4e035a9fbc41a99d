/* SPDX-License-Identifier: MIT */
/*
 * move_pages.c: move_pages(2) and migrate_pages(2).
 *
 * Takes M only to make sure that nothing is mapped at an address: not while pages move, and not for
 * each of them.
 */
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"

/* ---- one address ------------------------------------------------------------------ */

/*
 * 0: *folio is there, with a reference.  -EAGAIN: *folio is on its way, without one.  -EBUSY: an
 * external frame.  Else what entry_node() says of no page.
 */
static int page_of(const struct quire_machine *m, pte_t e, struct folio **folio)
{
	int node = entry_node(m, e);

	if (node < 0)
		return node;
	if (entry_is_moving(e)) {
		*folio = migration_folio(m, e);
		return -QEAGAIN;
	}
	if (!entry_has_folio(m, e))
		return -QEBUSY;
	*folio = entry_folio(m, e);
	folio_get(*folio);
	return 0;
}

/* Nothing is mapped there, as a look without M has it: it may be a replacement in progress. */
#define NOT_MAPPED (-QENXIO)

/* R. */
static int look_at(struct quire_mm *mm, uint64_t addr, struct folio **folio)
{
	struct vma *vma;
	struct pt_ref ref;
	pte_t e;
	int err;

	vma = vma_find(mm, addr);
	if (!vma)
		return NOT_MAPPED;
	err = -QENOENT;
	if (pt_lock_page(mm, addr, &ref, &e)) {
		err = page_of(mm->machine, e, folio);
		pt_unlock(&ref);
	}
	/* On its way to another address, or being replaced. */
	return err == -QENOENT && vma_is_dead(vma) ? NOT_MAPPED : err;
}

static int look_in_rcu(struct quire_mm *mm, uint64_t addr, struct folio **folio)
{
	const struct quire_port *port = &mm->machine->port;
	int err;

	rcu_read_lock(port);
	err = look_at(mm, addr, folio);
	rcu_read_unlock(port);
	return err;
}

/* That nothing is mapped is asked again under M. */
static int look(struct quire_mm *mm, uint64_t addr, struct folio **folio)
{
	int err = look_in_rcu(mm, addr, folio);

	if (err != NOT_MAPPED)
		return err;
	mm_lock(mm);
	err = look_in_rcu(mm, addr, folio);
	mm_unlock(mm);
	return err == NOT_MAPPED ? -QEFAULT : err;
}

/* A page that is on its way is waited for. */
static int find_page(struct quire_mm *mm, uint64_t addr, struct folio **folio)
{
	int err;

	if (addr >= mm->machine->task_size)
		return -QEFAULT;
	while ((err = look(mm, addr & PAGE_MASK, folio)) == -QEAGAIN)
		folio_await_unlock(mm->machine, *folio);
	return err;
}

/* Takes over the reference.  The node, or why the page is not there. */
static int move_to(struct migrate *mg, struct folio *folio, unsigned node, bool all)
{
	bool stays = folio_zone(folio) == node, shared = !all && folio_is_shared(folio);
	int err;

	if (stays || shared) {
		folio_put(mg->m, folio);
		return stays ? (int)node : -QEACCES;
	}
	err = migrate_to_node(mg, folio, node);
	if (!err)
		return (int)node;
	return err == -QENOMEM || err == -QENOENT || err == -QEAGAIN ? err : -QEBUSY;
}

/* Of an embedder's frame nothing is known: it is taken to be on node 0, and stays. */
static int try_address(struct migrate *mg, struct quire_mm *mm, uint64_t addr, const int *node,
		       bool all)
{
	struct folio *folio;
	int err = find_page(mm, addr, &folio), at;

	if (err == -QEBUSY && (!node || !*node))
		return 0;
	if (err)
		return err;
	if (node)
		return move_to(mg, folio, (unsigned)*node, all);
	at = (int)folio_zone(folio);
	folio_put(mg->m, folio);
	return at;
}

static int move_address(struct migrate *mg, struct quire_mm *mm, uint64_t addr, const int *node,
			bool all)
{
	const struct quire_port *port = &mm->machine->port;

	for (unsigned i = 0; i < MIGRATE_TRIES; i++) {
		int status = try_address(mg, mm, addr, node, all);

		if (status != -QEAGAIN)
			return status;
		port->yield(port->ctx);
	}
	return -QEBUSY;
}

static bool is_failure(int status)
{
	return status == -QEBUSY || status == -QENOMEM;
}

int64_t quire_move_pages(struct quire_mm *mm, uint64_t n, const uint64_t *addrs, const int *nodes,
			 int *status, int flags)
{
	int nr_nodes = (int)quire_machine_nodes(mm->machine);
	struct migrate mg;
	int64_t left = 0;
	int err = 0;

	if (flags & ~(QMPOL_MF_MOVE | QMPOL_MF_MOVE_ALL))
		return -QEINVAL;
	migrate_begin(&mg, mm->machine, MIGRATE_WAIT);
	for (uint64_t i = 0; i < n && !err; i++) {
		if (nodes && (nodes[i] < 0 || nodes[i] >= nr_nodes)) {
			err = -QENODEV;
			break;
		}
		status[i] = move_address(&mg, mm, addrs[i], nodes ? &nodes[i] : NULL,
					 (flags & QMPOL_MF_MOVE_ALL) != 0);
		left += nodes && is_failure(status[i]);
	}
	migrate_end(&mg);
	return err ? err : left;
}

/* ---- migrate_pages(2) --------------------------------------------------------------- */

struct node_map {
	uint64_t from, to;
};

static unsigned count_of(uint64_t set)
{
	unsigned n = 0;

	for (; set; set &= set - 1)
		n++;
	return n;
}

static unsigned nth_of(uint64_t set, unsigned n)
{
	while (n--)
		set &= set - 1;
	return (unsigned)__builtin_ctzll(set);
}

/* As the place in the one set is, so it is in the other, from the beginning again and again. */
static int map_node(void *arg, uint64_t addr, unsigned node)
{
	const struct node_map *map = arg;
	unsigned from = count_of(map->from), to = count_of(map->to);
	uint64_t bit = 1ull << node;

	(void)addr;
	if (!(map->from & bit) || (from != to && (map->to & bit)))
		return -1;
	return (int)nth_of(map->to, count_of(map->from & (bit - 1)) % to);
}

int64_t quire_migrate_pages(struct quire_mm *mm, uint64_t from, uint64_t to, int flags)
{
	struct node_map map = {.from = from, .to = to & quire_machine_node_set(mm->machine)};
	struct migrate_plan plan = {
	    .target = map_node, .arg = &map, .all = (flags & QMPOL_MF_MOVE_ALL) != 0};
	struct migrate_result r;

	if (!map.to || (flags & ~(QMPOL_MF_MOVE | QMPOL_MF_MOVE_ALL)))
		return -QEINVAL;
	migrate_range(mm, 0, mm->machine->task_size, &plan, &r);
	return (int64_t)r.failed;
}
