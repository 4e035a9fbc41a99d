/* SPDX-License-Identifier: MIT */
/*
 * claim.c: a huge page is wanted: which promise it uses, whom it is charged to, how that ends.
 *
 * Owns struct huge_claim, under J: machine->huge.books.claims, and huge_charge() of pages in use.
 *
 *   1  A claim that uses a promise takes it from its account before the pool gives the page, and
 *      puts it back when the pool has it back: R is never less than what the accounts have.
 *   2  Two claims of one page of one account are not in flight at once.
 *   3  A claim is in flight until its page is in its place or free.  Whoever takes a range away
 *      finds all claims in it (claims_cut()), and those do not put their promises back.  Whoever
 *      claims after that finds that something was cut since its VMA was seen alive, or the file
 *      without the promise.
 *   4  What is charged to a page is charged until it is free.
 *   5  A page that its owner has dropped is in private->dropped until it is free, or the owner has
 *      another in its place, or the range is gone.  It keeps the node that `used` may
 *      take when it loses the page.
 */
#include "core/base/kmem.h"
#include "core/huge/books.h"

/* ---- who is in flight ------------------------------------------------------------- */

static bool is_of(const struct huge_claim *c, const struct huge_private *p,
		  const struct huge_file *f)
{
	return p ? c->private == p : c->file == f;
}

/* J held. */
static bool in_flight(struct quire_machine *m, const struct huge_private *p,
		      const struct huge_file *f, uint64_t index)
{
	struct huge_claim *c;

	dlist_for_each (c, &m->huge.books.claims, node)
		if (c->index == index && is_of(c, p, f))
			return true;
	return false;
}

uint64_t claims_cut(struct quire_machine *m, const struct huge_private *p,
		    const struct huge_file *f, uint64_t first, uint64_t last)
{
	struct huge_claim *c;
	uint64_t n = 0;

	dlist_for_each (c, &m->huge.books.claims, node) {
		if (!is_of(c, p, f) || c->index < first || c->index >= last)
			continue;
		if (!c->reserved || c->cut)
			continue;
		c->cut = true;
		n++;
	}
	return n;
}

void claims_forget(struct quire_machine *m, const struct huge_private *p, const struct huge_file *f)
{
	struct huge_claim *c;

	dlist_for_each (c, &m->huge.books.claims, node)
		if (is_of(c, p, f)) {
			c->private = NULL;
			c->file = NULL;
		}
}

/* ---- dropped ---------------------------------------------------------------------- */

/* J held. */
static void undrop(struct huge_claim *c)
{
	dlist_del(&c->node);
	c->private = NULL;
}

void claims_undrop(struct huge_private *p, uint64_t first, uint64_t last)
{
	struct dlist *node = p->dropped.next;

	while (node != &p->dropped) {
		struct huge_claim *c = container_of(node, struct huge_claim, node);

		node = node->next;
		if (c->index >= first && c->index < last)
			undrop(c);
	}
}

void huge_private_dropped(struct huge_private *p, uint64_t index, struct folio *f)
{
	struct huge_claim *c = huge_charge(f)->account;

	if (!p->owner)
		return;
	pool_lock(p->machine);
	if (!p->h->surplus && !c->private && regions_find(&p->used, index)) {
		c->private = p;
		c->index = index;
		dlist_add_tail(&p->dropped, &c->node);
	}
	atomic_store(&p->nr_drops, p->nr_drops + 1);
	pool_unlock(p->machine);
}

/* The page that was dropped is free.  True: it is promised again.  J held. */
static bool promise_again(struct huge_claim *c, const struct hstate *h)
{
	struct huge_private *p = c->private;

	undrop(c);
	if (in_flight(p->machine, p, NULL, c->index))
		return false;
	regions_remove(&p->used, c->index, c->index + 1, &c->spare);
	p->held++;
	huge_group_uncharge(c->rsvd, h, QUIRE_HUGE_RSVD, 1); /* p is charged for it */
	return true;
}

/* ---- its promise ------------------------------------------------------------------ */

static bool promised(const struct huge_request *rq)
{
	const struct huge_private *p = rq->private;

	if (rq->copy)
		return false;
	return p ? p->owner && !regions_find(&p->used, rq->index)
		 : regions_find(&rq->file->map, rq->index) != NULL;
}

/* Invariant 1. */
static void use_promise(struct quire_machine *m, struct huge_claim *c)
{
	c->reserved = true;
	if (c->private) {
		Q_ASSERT(m, c->private->held);
		c->private->held--;
		regions_add(&c->private->used, c->index, c->index + 1, NULL, &c->spare);
	} else {
		c->file->flying++;
	}
}

static void put_promise_back(struct huge_claim *c)
{
	if (c->private) {
		c->private->held++;
		regions_remove(&c->private->used, c->index, c->index + 1, &c->spare);
	} else {
		c->file->flying--;
	}
}

/* ---- begin ------------------------------------------------------------------------ */

/* Without a promise.  *of_pool: nobody has promised it to the subpool either. */
static enum huge_refusal charge_unpromised(struct huge_claim *c, const struct huge_request *rq,
					   uint64_t *of_pool)
{
	if (!subpool_charge(rq->subpool, 1, of_pool))
		return HUGE_OVER_SIZE;
	if (huge_group_charge(c->group, rq->h, QUIRE_HUGE_RSVD, 1)) {
		subpool_uncharge(rq->subpool, 1, 1 - *of_pool);
		return HUGE_OVER_RSVD;
	}
	c->rsvd = c->group;
	return HUGE_GRANTED;
}

static void uncharge_unpromised(struct huge_claim *c, const struct huge_request *rq,
				uint64_t of_pool)
{
	huge_group_uncharge(c->rsvd, rq->h, QUIRE_HUGE_RSVD, 1);
	subpool_uncharge(rq->subpool, 1, 1 - of_pool);
}

/* J held.  *of_pool: 0: the pool has a promise for it; 1: none. */
static enum huge_refusal enter(struct quire_machine *m, struct huge_claim *c,
			       const struct huge_request *rq, uint64_t *of_pool)
{
	bool has_promise;
	enum huge_refusal why = HUGE_GRANTED;

	if (rq->private && RULE(huge_claim_asks_dead) && rq->private->nr_cuts != rq->cuts)
		return HUGE_AGAIN;
	if (in_flight(m, rq->private, rq->file, rq->index) && RULE(huge_claim_alone))
		return HUGE_AGAIN;
	c->group = rq->group ? *rq->group : NULL;
	has_promise = promised(rq);
	*of_pool = 0;
	if (!has_promise)
		why = charge_unpromised(c, rq, of_pool);
	if (why != HUGE_GRANTED)
		return why;
	if (huge_group_charge(c->group, rq->h, QUIRE_HUGE_PAGES, 1)) {
		if (!has_promise)
			uncharge_unpromised(c, rq, *of_pool);
		return HUGE_OVER_LIMIT;
	}
	if (has_promise)
		use_promise(m, c);
	dlist_add_tail(&m->huge.books.claims, &c->node);
	return HUGE_GRANTED;
}

/* There is no page.  Returns how many promises are the pool's again.  J held. */
static uint64_t leave(struct huge_claim *c, const struct huge_request *rq, uint64_t of_pool)
{
	dlist_del(&c->node);
	huge_group_uncharge(c->group, rq->h, QUIRE_HUGE_PAGES, 1);
	if (c->reserved && !c->cut) {
		put_promise_back(c);
		return 0;
	}
	huge_group_uncharge(c->rsvd, rq->h, QUIRE_HUGE_RSVD, 1);
	return subpool_uncharge(c->subpool, 1, 1 - of_pool);
}

static struct huge_claim *claim_new(struct quire_machine *m, const struct huge_request *rq)
{
	struct huge_claim *c = kmem_zalloc(m, sizeof(*c));

	if (!c)
		return NULL;
	c->flying = true;
	c->private = rq->private;
	c->file = rq->private ? NULL : rq->file;
	c->index = rq->index;
	c->subpool = rq->subpool;
	if (region_spare_fill(m, &c->spare, 2)) /* one to begin, one to end */
		return c;
	region_spare_free(m, &c->spare);
	kmem_free(m, c, sizeof(*c));
	return NULL;
}

static void claim_free(struct quire_machine *m, struct huge_claim *c)
{
	region_spare_free(m, &c->spare);
	kmem_free(m, c, sizeof(*c));
}

/* Of all nodes if those that come first have none. */
static struct folio *take(struct quire_machine *m, const struct huge_request *rq,
			  struct huge_want *w)
{
	struct huge_want first = {
	    .nodes = rq->nodes & rq->first, .from = w->from, .how = w->how | HUGE_POOL_ONLY};
	struct folio *f = NULL;

	if (first.nodes && first.nodes != quire_machine_node_set(m))
		f = hugetlb_take(m, rq->h, &first);
	if (!f)
		return hugetlb_take(m, rq->h, w);
	w->zeroed = first.zeroed;
	return f;
}

static enum huge_refusal take_page(struct quire_machine *m, struct huge_claim *c,
				   const struct huge_request *rq, uint64_t of_pool,
				   struct folio **out, bool *zeroed)
{
	struct huge_want w = {
	    .nodes = rq->nodes, .from = rq->from, .how = of_pool ? 0 : HUGE_RESERVED};
	uint64_t back;

	*out = take(m, rq, &w);
	if (*out) {
		huge_charge(*out)->account = c;
		*zeroed = w.zeroed;
		return HUGE_GRANTED;
	}
	pool_lock(m);
	back = leave(c, rq, of_pool);
	pool_unreserve_unlock(m, rq->h, back);
	return refusal_of(w.lack);
}

enum huge_refusal huge_claim_begin(struct quire_machine *m, const struct huge_request *rq,
				   struct folio **out, bool *zeroed)
{
	struct huge_claim *c = claim_new(m, rq);
	enum huge_refusal why;
	uint64_t of_pool;

	if (!c)
		return HUGE_NO_MEMORY;
	pool_lock(m);
	why = enter(m, c, rq, &of_pool);
	pool_unlock(m);
	if (why == HUGE_GRANTED)
		why = take_page(m, c, rq, of_pool, out, zeroed);
	if (why != HUGE_GRANTED)
		claim_free(m, c);
	return why;
}

/* ---- end -------------------------------------------------------------------------- */

/* The page is in the cache: what the file had for it is the page's, or is not needed.  Returns how
 * many promises are the pool's again.  J held. */
static uint64_t commit_to_file(struct huge_claim *c, const struct hstate *h)
{
	struct regions *map = &c->file->map;
	struct region *r = c->cut ? NULL : regions_find(map, c->index);
	struct quire_huge_group *group = r ? (struct quire_huge_group *)(uintptr_t)r->owner : NULL;

	if (!r || (!c->reserved && !RULE(huge_promised_once)))
		return 0;
	regions_remove(map, c->index, c->index + 1, &c->spare);
	if (c->reserved) {
		c->file->flying--;
		c->rsvd = group;
		return 0;
	}
	huge_group_uncharge(group, h, QUIRE_HUGE_RSVD, 1);
	return subpool_uncharge(c->subpool, 1, 1);
}

void huge_claim_commit(struct quire_machine *m, struct folio *f)
{
	struct hstate *h = hstate_of_folio(m, f);
	struct huge_claim *c = huge_charge(f)->account;
	struct region_spare left;
	uint64_t back = 0;

	pool_lock(m);
	if (c->file)
		back = commit_to_file(c, h);
	dlist_del(&c->node);
	c->flying = false;
	left = c->spare;
	if (c->private)
		claims_undrop(c->private, c->index, c->index + 1);
	if (c->private && c->private->owner) /* invariant 5 */
		left = (struct region_spare){0};
	else
		c->spare = (struct region_spare){0};
	c->private = NULL;
	c->file = NULL;
	pool_unreserve_unlock(m, h, back);
	region_spare_free(m, &left);
	folio_put(m, f);
}

void huge_claim_abort(struct quire_machine *m, struct folio *f)
{
	folio_put(m, f);
}

/* accounts->freed */
static bool page_freed(struct quire_machine *m, struct hstate *h, struct folio *f)
{
	struct huge_claim *c = huge_charge(f)->account;
	bool again = false;

	if (!c)
		return false;
	if (c->flying) {
		dlist_del(&c->node);
		again = c->reserved && (!c->cut || !RULE(huge_claim_is_cut));
	}
	huge_group_uncharge(c->group, h, QUIRE_HUGE_PAGES, 1);
	if (again) {
		put_promise_back(c);
	} else if (!c->flying && c->private && promise_again(c, h)) {
		again = true;
	} else {
		huge_group_uncharge(c->rsvd, h, QUIRE_HUGE_RSVD, 1);
		again = subpool_uncharge(c->subpool, 1, 1) == 0;
	}
	claim_free(m, c);
	return again;
}

/* ---- pages that are charged ------------------------------------------------------- */

struct quire_huge_group *huge_folio_group(struct folio *f)
{
	const struct huge_claim *c = huge_charge(f)->account;

	return c ? c->group : NULL;
}

void huge_folio_charge_like(struct quire_machine *m, struct folio *f, struct folio *like)
{
	pool_lock(m);
	huge_charge(f)->account = like ? huge_charge(like)->account : NULL;
	pool_unlock(m);
}

/* machine->take_huge: of what nobody is promised. */
static struct folio *take_another(struct quire_machine *m, struct folio *f, uint64_t nodes,
				  unsigned from)
{
	struct huge_want w = {.nodes = nodes, .from = from, .how = HUGE_POOL_ONLY};

	return hugetlb_take(m, hstate_of_folio(m, f), &w);
}

/* ---- of the machine --------------------------------------------------------------- */

static const struct huge_accounts accounts = {.freed = page_freed, .reserved = huge_reserved};

void huge_books_init(struct quire_machine *m)
{
	dlist_init(&m->huge.books.claims);
	dlist_init(&m->huge.books.privates);
	dlist_init(&m->huge.books.files);
	dlist_init(&m->huge.books.subpools);
	dlist_init(&m->huge.books.groups);
	m->huge.accounts = &accounts;
	m->take_huge = take_another;
	m->charge_huge = huge_folio_charge_like;
}
