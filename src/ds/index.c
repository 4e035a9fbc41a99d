/* SPDX-License-Identifier: MIT */
/*
 * index.c: the radix tree behind struct index.
 *
 * Owns its nodes.  Writers hold the caller's lock; readers go through slot[] and
 * `used` by atomic_* only, and RCU keeps the nodes.
 *
 *   1  A node holds INDEX_FANOUT slots of 2^shift indices each; a child's shift is
 *      INDEX_BITS less, and a node with shift 0 holds the entries.
 *   2  Bit s of `used` is set exactly where slot[s] is not NULL (a reader may see
 *      one of the two without the other).  No node is empty.
 *   3  The root is as low as it can be: one with shift != 0 uses a slot above 0.
 *   4  A store makes everything it needs before it links it with one release store,
 *      so a failed one has changed nothing.
 *   5  A node that was unlinked keeps its slots until it is freed: a reader that is
 *      in it still finds what is below.
 */
#include "ds/index.h"

#include "sync.h"

#define INDEX_BITS 6
#define INDEX_FANOUT (1u << INDEX_BITS)

struct index_node {
	void *slot[INDEX_FANOUT];  /* (A) entries, or nodes one level down */
	uint64_t used;             /* (A) invariant 2 */
	unsigned shift;            /* (C) */
	unsigned at;               /* writer: our slot in the parent */
	struct index_node *parent; /* writer: NULL for the root */
	struct index_retired retired;
};

/* Nodes that a store made and did not link yet, or that an erase took out. */
struct batch {
	struct index_retired *list;
};

/* ---- nodes -------------------------------------------------------------- */

static unsigned slot_of(const struct index_node *node, uint64_t i)
{
	return (unsigned)(i >> node->shift) & (INDEX_FANOUT - 1);
}

/* Is i within a root of this shift? */
static bool shift_covers(unsigned shift, uint64_t i)
{
	return shift + INDEX_BITS >= 64 || !(i >> (shift + INDEX_BITS));
}

/* The bits of an index that vary within the node. */
static uint64_t span_mask(const struct index_node *node)
{
	unsigned bits = node->shift + INDEX_BITS;

	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static void batch_put(struct batch *batch, struct index_node *node)
{
	node->retired.next = batch->list;
	batch->list = &node->retired;
}

static struct index_node *batch_get(struct batch *batch, unsigned shift)
{
	struct index_node *node = container_of(batch->list, struct index_node, retired);

	batch->list = batch->list->next;
	memset(node, 0, sizeof(*node));
	node->shift = shift;
	return node;
}

void index_retired_free(const struct index_env *env, struct index_retired *list)
{
	while (list) {
		struct index_node *node = container_of(list, struct index_node, retired);

		list = list->next;
		env->free(env->ctx, node, sizeof(*node));
	}
}

static void batch_retire(const struct index *ix, struct batch *batch)
{
	const struct index_env *env = ix->env;

	if (!batch->list)
		return;
	batch->list->ctx = env->ctx;
	if (env->retire)
		env->retire(env->ctx, batch->list);
	else
		index_retired_free(env, batch->list);
}

static int batch_alloc(const struct index *ix, struct batch *batch, unsigned count)
{
	const struct index_env *env = ix->env;

	while (count--) {
		struct index_node *node = env->alloc(env->ctx, sizeof(*node));

		if (!node) {
			index_retired_free(env, batch->list);
			return -DS_ENOMEM;
		}
		batch_put(batch, node);
	}
	return 0;
}

/* The slot before the bit: a reader that sees the bit may rely on a filled slot. */
static void slot_set(struct index_node *node, unsigned at, void *ptr)
{
	atomic_store(&node->slot[at], ptr);
	atomic_store(&node->used, node->used | 1ull << at);
}

static void slot_clear(struct index_node *node, unsigned at)
{
	atomic_store(&node->used, node->used & ~(1ull << at));
	atomic_store(&node->slot[at], NULL);
}

static void link_child(struct index_node *parent, unsigned at, struct index_node *child)
{
	child->parent = parent;
	child->at = at;
	slot_set(parent, at, child);
}

/* ---- beginning and end -------------------------------------------------- */

void index_init(struct index *ix, const struct index_env *env)
{
	*ix = (struct index){.env = env};
}

static void free_subtree(const struct index_env *env, struct index_node *node)
{
	for (unsigned s = 0; node->shift && s < INDEX_FANOUT; s++) {
		if (node->slot[s])
			free_subtree(env, node->slot[s]);
	}
	env->free(env->ctx, node, sizeof(*node));
}

void index_destroy(struct index *ix)
{
	if (ix->root)
		free_subtree(ix->env, ix->root);
	ix->root = NULL;
	ix->count = 0;
}

/* ---- readers ------------------------------------------------------------ */

uint64_t index_count(const struct index *ix)
{
	return atomic_load_relaxed(&ix->count);
}

/* The node that holds the entry at i, if there is one; NULL: neither. */
static inline const struct index_node *leaf_of(const struct index *ix, uint64_t i)
{
	const struct index_node *node = atomic_load(&ix->root);

	if (!node || !shift_covers(node->shift, i))
		return NULL;
	while (node && node->shift)
		node = atomic_load(&node->slot[slot_of(node, i)]);
	return node;
}

void *index_load(const struct index *ix, uint64_t i)
{
	const struct index_node *leaf = leaf_of(ix, i);

	return leaf ? atomic_load(&leaf->slot[slot_of(leaf, i)]) : NULL;
}

void *const *index_slots(const struct index *ix, uint64_t i, unsigned *n)
{
	const struct index_node *leaf = leaf_of(ix, i);

	unsigned at = (unsigned)i & (INDEX_FANOUT - 1); /* a leaf's shift is 0 */

	*n = INDEX_FANOUT - at;
	return leaf ? &leaf->slot[at] : NULL;
}

/* The first entry below `node` at *i or above. */
static void *next_below(const struct index_node *node, uint64_t *i)
{
	unsigned from = slot_of(node, *i);
	uint64_t used = atomic_load(&node->used) >> from << from;
	uint64_t base = *i & ~span_mask(node);

	for (; used; used &= used - 1) {
		unsigned s = (unsigned)__builtin_ctzll(used);
		uint64_t pos = s == from ? *i : base | (uint64_t)s << node->shift;
		void *ptr = atomic_load(&node->slot[s]);

		if (ptr && node->shift)
			ptr = next_below(ptr, &pos);
		if (ptr) {
			*i = pos;
			return ptr;
		}
	}
	return NULL;
}

void *index_next(const struct index *ix, uint64_t *i)
{
	const struct index_node *node = atomic_load(&ix->root);

	if (!node || !shift_covers(node->shift, *i))
		return NULL;
	return next_below(node, i);
}

/* ---- store -------------------------------------------------------------- */

/* The lowest node on the way to i; NULL: the root does not cover i. */
static struct index_node *deepest(const struct index *ix, uint64_t i)
{
	struct index_node *node = ix->root;

	if (!node || !shift_covers(node->shift, i))
		return NULL;
	while (node->shift && node->slot[slot_of(node, i)])
		node = node->slot[slot_of(node, i)];
	return node;
}

static unsigned lowest_shift(uint64_t i)
{
	unsigned shift = 0;

	while (!shift_covers(shift, i))
		shift += INDEX_BITS;
	return shift;
}

/* A subtree of the given shift that holds nothing but ptr at i. */
static struct index_node *make_branch(struct batch *batch, unsigned shift, uint64_t i, void *ptr)
{
	struct index_node *node = batch_get(batch, 0);

	slot_set(node, slot_of(node, i), ptr);
	while (node->shift < shift) {
		struct index_node *up = batch_get(batch, node->shift + INDEX_BITS);

		link_child(up, slot_of(up, i), node);
		node = up;
	}
	return node;
}

/* Nodes from the old root's shift (exclusive) to `shift`, the old root at slot 0. */
static struct index_node *raise_root(struct batch *batch, struct index_node *root, unsigned shift)
{
	while (root->shift < shift) {
		struct index_node *up = batch_get(batch, root->shift + INDEX_BITS);

		link_child(up, 0, root);
		root = up;
	}
	return root;
}

static int store_with_new_root(struct index *ix, uint64_t i, void *ptr)
{
	unsigned shift = lowest_shift(i);
	unsigned levels = shift / INDEX_BITS;
	struct batch batch = {NULL};
	struct index_node *root;

	if (!ix->root) {
		if (batch_alloc(ix, &batch, levels + 1))
			return -DS_ENOMEM;
		root = make_branch(&batch, shift, i, ptr);
	} else {
		if (batch_alloc(ix, &batch, 2 * levels - ix->root->shift / INDEX_BITS))
			return -DS_ENOMEM;
		root = raise_root(&batch, ix->root, shift);
		link_child(root, slot_of(root, i), make_branch(&batch, shift - INDEX_BITS, i, ptr));
	}
	atomic_store(&ix->root, root);
	return 0;
}

static int store_below(struct index *ix, struct index_node *node, uint64_t i, void *ptr)
{
	struct batch batch = {NULL};

	if (!node->shift) {
		slot_set(node, slot_of(node, i), ptr);
		return 0;
	}
	if (batch_alloc(ix, &batch, node->shift / INDEX_BITS))
		return -DS_ENOMEM;
	link_child(node, slot_of(node, i), make_branch(&batch, node->shift - INDEX_BITS, i, ptr));
	return 0;
}

int index_store(struct index *ix, uint64_t i, void *ptr)
{
	struct index_node *node;
	bool was_there;
	int err;

	if (!ptr) {
		index_erase(ix, i);
		return 0;
	}
	node = deepest(ix, i);
	was_there = node && !node->shift && node->slot[slot_of(node, i)];
	err = node ? store_below(ix, node, i, ptr) : store_with_new_root(ix, i, ptr);
	if (!err && !was_there)
		atomic_store_relaxed(&ix->count, ix->count + 1);
	return err;
}

/* The empty slots of a leaf from i on. */
static unsigned fill_leaf(struct index_node *leaf, uint64_t i, void *const *v, unsigned n)
{
	unsigned at = slot_of(leaf, i), k = 0;

	while (k < n && at < INDEX_FANOUT && !leaf->slot[at])
		slot_set(leaf, at++, v[k++]);
	return k;
}

unsigned index_fill(struct index *ix, uint64_t i, void *const *v, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		struct index_node *node = deepest(ix, i + done);
		unsigned k = 0;

		if (node && !node->shift) {
			k = fill_leaf(node, i + done, v + done, n - done);
			atomic_store_relaxed(&ix->count, ix->count + k);
		} else if (!index_store(ix, i + done, v[done])) {
			k = 1;
		}
		if (!k)
			break;
		done += k;
	}
	return done;
}

/* ---- erase -------------------------------------------------------------- */

/* Unlinks the node and every ancestor that it leaves empty (invariant 2). */
static void prune(struct index *ix, struct index_node *node, struct batch *batch)
{
	while (node && !node->used) {
		struct index_node *parent = node->parent;

		if (parent)
			slot_clear(parent, node->at);
		else
			atomic_store(&ix->root, NULL);
		batch_put(batch, node);
		node = parent;
	}
}

/* Invariant 3; invariant 5 is why slot 0 of the old root is left alone. */
static void lower_root(struct index *ix, struct batch *batch)
{
	while (ix->root && ix->root->shift && ix->root->used == 1) {
		struct index_node *old = ix->root;
		struct index_node *root = old->slot[0];

		root->parent = NULL;
		atomic_store(&ix->root, root);
		batch_put(batch, old);
	}
}

void *index_erase(struct index *ix, uint64_t i)
{
	struct index_node *node = deepest(ix, i);
	struct batch batch = {NULL};
	void *old;

	if (!node || node->shift)
		return NULL;
	old = node->slot[slot_of(node, i)];
	if (!old)
		return NULL;
	slot_clear(node, slot_of(node, i));
	atomic_store_relaxed(&ix->count, ix->count - 1);
	prune(ix, node, &batch);
	lower_root(ix, &batch);
	batch_retire(ix, &batch);
	return old;
}

/* ---- check -------------------------------------------------------------- */

static const char *check_node(const struct index_node *node, uint64_t *entries)
{
	const char *err = node->used ? NULL : "2: empty node";

	for (unsigned s = 0; !err && s < INDEX_FANOUT; s++) {
		const struct index_node *child = node->slot[s];

		if (!!child != (node->used >> s & 1))
			return "2: used";
		if (child && !node->shift)
			++*entries;
		if (!child || !node->shift)
			continue;
		if (child->shift + INDEX_BITS != node->shift)
			return "1: shift";
		if (child->parent != node || child->at != s)
			return "parent link";
		err = check_node(child, entries);
	}
	return err;
}

const char *index_check(const struct index *ix)
{
	const struct index_node *root = ix->root;
	uint64_t entries = 0;
	const char *err = root ? check_node(root, &entries) : NULL;

	if (!err && root && root->parent)
		err = "root has a parent";
	if (!err && root && root->shift && root->used == 1)
		err = "3: root is too high";
	if (!err && entries != ix->count)
		err = "count is not the number of entries";
	return err;
}
