/* SPDX-License-Identifier: MIT */
/*
 * rtree_slot.h: editing the slots of nodes that a transaction owns.
 *
 * Each function keeps invariants 1 and 5 of rtree_node.h; invariant 2, about the
 * slot in the parent, is the caller's: slot_refresh().
 */
#ifndef QUIRE_DS_RTREE_SLOT_H
#define QUIRE_DS_RTREE_SLOT_H

#include "rtree_node.h"

struct slot {
	uint64_t start, end, gap;
	void *ptr;
};

static inline void move_slots(struct rtree_node *to, unsigned at, const struct rtree_node *from,
			      unsigned first, unsigned count)
{
	memmove(to->start + at, from->start + first, count * sizeof(uint64_t));
	memmove(to->end + at, from->end + first, count * sizeof(uint64_t));
	memmove(to->ptr + at, from->ptr + first, count * sizeof(void *));
	if (from->level)
		memmove(to->gap + at, from->gap + first, count * sizeof(uint64_t));
}

static inline void pad_slots(struct rtree_node *node, unsigned first, unsigned count)
{
	memset(node->start + first, 0xff, count * sizeof(uint64_t));
	memset(node->end + first, 0xff, count * sizeof(uint64_t));
}

/* The slots of a leaf from an even one on. */
static inline void pad_pairs(struct rtree_node *leaf, unsigned first)
{
	const rtree_pair none = {UINT64_MAX, UINT64_MAX};

	for (unsigned i = first; i < RTREE_FANOUT; i += 2) {
		*(rtree_pair *)(leaf->start + i) = none;
		*(rtree_pair *)(leaf->end + i) = none;
	}
}

/* `to` is another address, which may lie in what is copied. */
static inline void copy_pair(void *to, const void *from)
{
	*(rtree_pair *)to = *(const rtree_pair *)from;
}

static inline void move_slot(struct rtree_node *leaf, unsigned to, unsigned slot)
{
	leaf->start[to] = leaf->start[slot];
	leaf->end[to] = leaf->end[slot];
	leaf->ptr[to] = leaf->ptr[slot];
}

static inline void move_pair(struct rtree_node *leaf, unsigned to, unsigned slot)
{
	copy_pair(leaf->start + to, leaf->start + slot);
	copy_pair(leaf->end + to, leaf->end + slot);
	copy_pair(leaf->ptr + to, leaf->ptr + slot);
}

/* Slots [slot, slot + n) of a leaf, to another one. */
static inline void copy_slots(struct rtree_node *leaf, unsigned to, const struct rtree_node *from,
			      unsigned slot, unsigned n)
{
	for (; n >= 2; n -= 2, to += 2, slot += 2) {
		copy_pair(leaf->start + to, from->start + slot);
		copy_pair(leaf->end + to, from->end + slot);
		copy_pair(leaf->ptr + to, from->ptr + slot);
	}
	if (n) {
		leaf->start[to] = from->start[slot];
		leaf->end[to] = from->end[slot];
		leaf->ptr[to] = from->ptr[slot];
	}
}

static inline void put_entries(struct rtree_node *leaf, unsigned at, const struct rtree_entry *add,
			       unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		leaf->start[at + i] = add[i].start;
		leaf->end[at + i] = add[i].end;
		leaf->ptr[at + i] = add[i].ptr;
	}
}

/* The slots of a leaf from `slot` on go to `to`, two at a time. */
static inline void shift_tail(struct rtree_node *leaf, unsigned to, unsigned slot)
{
	unsigned n = leaf->count - slot;

	if (to > slot) {
		for (; n >= 2; n -= 2)
			move_pair(leaf, to + n - 2, slot + n - 2);
		if (n)
			move_slot(leaf, to, slot);
	} else if (to < slot) {
		for (; n >= 2; n -= 2, to += 2, slot += 2)
			move_pair(leaf, to, slot);
		if (n)
			move_slot(leaf, to, slot);
	}
}

static inline void slot_insert(struct rtree_node *node, unsigned at, const struct slot *s)
{
	move_slots(node, at + 1, node, at, node->count - at);
	node->start[at] = s->start;
	node->end[at] = s->end;
	node->ptr[at] = s->ptr;
	node->gap[at] = s->gap;
	node->count++;
}

static inline void slot_remove(struct rtree_node *node, unsigned at)
{
	node->count--;
	move_slots(node, at, node, at + 1, node->count - at);
	pad_slots(node, node->count, 1);
}

/* Moves `count` slots from the back of `left` to the front of `right`. */
static inline void shift_right(struct rtree_node *left, struct rtree_node *right, unsigned count)
{
	move_slots(right, count, right, 0, right->count);
	left->count -= count;
	move_slots(right, 0, left, left->count, count);
	pad_slots(left, left->count, count);
	right->count += count;
}

/* Moves `count` slots from the front of `right` to the back of `left`. */
static inline void shift_left(struct rtree_node *left, struct rtree_node *right, unsigned count)
{
	move_slots(left, left->count, right, 0, count);
	left->count += count;
	right->count -= count;
	move_slots(right, 0, right, count, right->count);
	pad_slots(right, right->count, count);
}

static inline struct slot slot_of_child(struct rtree_node *child)
{
	struct slot s = {.start = child->start[0],
			 .end = child->end[child->count - 1],
			 .gap = rtree_node_gap(child),
			 .ptr = child};

	return s;
}

/* Invariant 2, after `child` was edited or replaced. */
static inline void slot_refresh(struct rtree_node *node, unsigned at, struct rtree_node *child)
{
	node->start[at] = child->start[0];
	node->end[at] = child->end[child->count - 1];
	node->gap[at] = rtree_node_gap(child);
	node->ptr[at] = child;
}

#endif
