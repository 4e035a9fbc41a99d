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

/* What is to be done with the page of an address, and for whom. */
struct request {
	struct migrate *mg;
	struct quire_mm *mm;
	bool all; /* also pages that others map, too */
};

static int query_address(struct quire_mm *mm, uint64_t addr)
{
	struct folio *folio;
	int err = find_page(mm, addr, &folio), node;

	if (err)
		return err == -QEBUSY ? 0 : err; /* an embedder's frame is taken to be on node 0 */
	node = (int)folio_zone(folio);
	folio_put(mm->machine, folio);
	return node;
}

/* True: *folio, with a reference, is to go there.  Otherwise *status is known. */
static bool find_to_move(const struct request *r, uint64_t addr, int node, struct folio **folio,
			 int *status)
{
	bool stays, shared;

	*status = find_page(r->mm, addr, folio);
	if (*status == -QEBUSY && !node) /* as in query_address() */
		*status = 0;
	else if (*status == 0) {
		stays = (int)folio_zone(*folio) == node;
		shared = !r->all && folio_is_shared(*folio);
		if (!stays && !shared)
			return true;
		folio_put(r->mm->machine, *folio);
		*status = stays ? node : -QEACCES;
	}
	return false;
}

static int status_of(int err, unsigned node)
{
	if (!err)
		return (int)node;
	return err == -QENOMEM || err == -QENOENT || err == -QEAGAIN ? err : -QEBUSY;
}

static int move_address(const struct request *r, uint64_t addr, int node)
{
	const struct quire_port *port = &r->mm->machine->port;
	struct folio *folio;
	int status;

	for (unsigned i = 0; i < MIGRATE_TRIES; i++) {
		if (!find_to_move(r, addr, node, &folio, &status))
			return status;
		status = status_of(migrate_to_node(r->mg, folio, (unsigned)node), (unsigned)node);
		if (status != -QEAGAIN)
			return status;
		port->yield(port->ctx);
	}
	return -QEBUSY;
}

/* At most a batch. */
static void move_some(const struct request *r, unsigned n, const uint64_t *addrs, const int *nodes,
		      int *status)
{
	struct migrate_item items[MIGRATE_BATCH];
	unsigned place[MIGRATE_BATCH], found = 0;

	for (unsigned i = 0; i < n; i++) {
		struct migrate_item *item = &items[found];

		*item = (struct migrate_item){.node = (unsigned)nodes[i]};
		if (find_to_move(r, addrs[i], nodes[i], &item->folio, &status[i]))
			place[found++] = i;
	}
	migrate_batch(r->mg, r->mm, items, found, 0);
	for (unsigned i = 0; i < found; i++)
		status[place[i]] = status_of(items[i].err, items[i].node);
	for (unsigned i = 0; i < n; i++)
		if (status[i] == -QEAGAIN)
			status[i] = move_address(r, addrs[i], nodes[i]);
}

/* How many of them are on nodes that exist, until the first that is not. */
static uint64_t count_valid(const struct quire_machine *m, uint64_t n, const int *nodes)
{
	int nr_nodes = (int)quire_machine_nodes(m);
	uint64_t i;

	for (i = 0; i < n && nodes[i] >= 0 && nodes[i] < nr_nodes; i++)
		;
	return i;
}

static int64_t count_failures(uint64_t n, const int *status)
{
	int64_t failures = 0;

	for (uint64_t i = 0; i < n; i++)
		failures += status[i] == -QEBUSY || status[i] == -QENOMEM;
	return failures;
}

static int64_t move_pages(struct quire_mm *mm, uint64_t n, const uint64_t *addrs, const int *nodes,
			  int *status, bool all)
{
	uint64_t valid = count_valid(mm->machine, n, nodes), some;
	struct migrate mg;
	struct request r = {.mg = &mg, .mm = mm, .all = all};

	migrate_begin(&mg, mm->machine, MIGRATE_WAIT);
	for (uint64_t i = 0; i < valid; i += some) {
		some = min_u64(valid - i, MIGRATE_BATCH);
		move_some(&r, (unsigned)some, addrs + i, nodes + i, status + i);
	}
	migrate_end(&mg);
	return valid < n ? -QENODEV : count_failures(n, status);
}

int64_t quire_move_pages(struct quire_mm *mm, uint64_t n, const uint64_t *addrs, const int *nodes,
			 int *status, int flags)
{
	if (flags & ~(QMPOL_MF_MOVE | QMPOL_MF_MOVE_ALL))
		return -QEINVAL;
	if (nodes)
		return move_pages(mm, n, addrs, nodes, status, (flags & QMPOL_MF_MOVE_ALL) != 0);
	for (uint64_t i = 0; i < n; i++)
		status[i] = query_address(mm, addrs[i]);
	return 0;
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
