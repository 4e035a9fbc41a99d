/* SPDX-License-Identifier: MIT */
/*
 * dlist.h: an intrusive, circular, doubly linked list.
 *
 * A head and a member are the same struct; a head alone is an empty list.  The
 * caller's lock guards head and members alike.
 *
 * Invariants:
 *   1  n->next->prev == n->prev->next == n for the head and each member.
 *   2  A deleted node points at itself, so dlist_empty(&node) says "on no list"
 *      and deleting it twice is harmless.
 */
#ifndef QUIRE_DS_DLIST_H
#define QUIRE_DS_DLIST_H

#include "ds/base.h"

struct dlist {
	struct dlist *next, *prev;
};

/* clang-format off */
#define DLIST_INIT(name) { &(name), &(name) }
/* clang-format on */

static inline void dlist_init(struct dlist *head)
{
	head->next = head;
	head->prev = head;
}

/* Of a member: it is on no list (invariant 2). */
static inline bool dlist_empty(const struct dlist *head)
{
	return head->next == head;
}

static inline void dlist_insert_between(struct dlist *node, struct dlist *prev, struct dlist *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/* At the front; with a member for `head`: right after it. */
static inline void dlist_add(struct dlist *head, struct dlist *node)
{
	dlist_insert_between(node, head, head->next);
}

/* At the back; with a member for `head`: right before it. */
static inline void dlist_add_tail(struct dlist *head, struct dlist *node)
{
	dlist_insert_between(node, head->prev, head);
}

static inline void dlist_del(struct dlist *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	dlist_init(node);
}

static inline void dlist_move_tail(struct dlist *head, struct dlist *node)
{
	dlist_del(node);
	dlist_add_tail(head, node);
}

/* Moves all of `from` to the back of `to`; `from` is empty afterwards. */
static inline void dlist_splice_tail(struct dlist *to, struct dlist *from)
{
	if (dlist_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	dlist_init(from);
}

/* Moves all of `from` to the front of `to`; `from` is empty afterwards. */
static inline void dlist_splice(struct dlist *to, struct dlist *from)
{
	dlist_splice_tail(to->next, from);
}

/* The member's container, or NULL where the list is empty. */
#define dlist_first(head, type, member)                                                            \
	(dlist_empty(head) ? NULL : container_of((head)->next, type, member))
#define dlist_last(head, type, member)                                                             \
	(dlist_empty(head) ? NULL : container_of((head)->prev, type, member))

#define dlist_for_each(pos, head, member)                                                          \
	for ((pos) = container_of((head)->next, __typeof__(*(pos)), member);                       \
	     &(pos)->member != (head);                                                             \
	     (pos) = container_of((pos)->member.next, __typeof__(*(pos)), member))

/* The loop may delete `pos`, and nothing else. */
#define dlist_for_each_safe(pos, tmp, head, member)                                                \
	for ((pos) = container_of((head)->next, __typeof__(*(pos)), member),                       \
	    (tmp) = container_of((pos)->member.next, __typeof__(*(pos)), member);                  \
	     &(pos)->member != (head);                                                             \
	     (pos) = (tmp), (tmp) = container_of((pos)->member.next, __typeof__(*(pos)), member))

#endif
