/* SPDX-License-Identifier: MIT */
/*
 * reclaim.h: machines whose memory is about to be out.
 */
#ifndef UNIT_RECLAIM_H
#define UNIT_RECLAIM_H

#include "unit.h"

#define RAM_PAGES 512ull
#define ROUNDS (4 * RAM_PAGES) /* each takes a table out: more than all of RAM */

#define SOURCE 0x40000000ull
#define TARGET (0x80000000ull + (2ull << 20) - UPAGE) /* the last page that its table maps */
#define FILLER 0xc0000000ull

/* ---- grace periods that end when somebody asks for it (rcu_barrier), and not before */

static struct quire_rcu_head *late;

static inline void late_call_rcu(void *ctx, struct quire_rcu_head *head,
				 void (*func)(struct quire_rcu_head *head))
{
	(void)ctx;
	head->func = func;
	head->next = late;
	late = head;
}

static inline void late_barrier(void *ctx)
{
	struct quire_rcu_head *head = late;

	(void)ctx;
	late = NULL;
	while (head) {
		struct quire_rcu_head *next = head->next;

		head->func(head);
		head = next;
	}
}

static inline void up(struct unit *u)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_PAGES * UPAGE};

	unit_port(u);
	u->port.call_rcu = late_call_rcu;
	u->port.rcu_barrier = late_barrier;
	unit_machine_mm(u, &o, NULL);
}

/* Leaves less than `frames` free; the rest of RAM is tables that wait for readers. */
static inline void fill_with_deferred_tables(struct unit *u, uint64_t frames)
{
	struct quire_machine_stats st;
	struct quire_mm *child;
	uint64_t a = unit_map(u->mm, 0, 16 * UPAGE, URW, UANON);

	unit_store(u->mm, a, 1);
	for (quire_machine_stats(u->m, &st); st.free_frames > 8; quire_machine_stats(u->m, &st)) {
		assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
		quire_mm_put(child);
	}
	while (st.free_frames >= frames) {
		unit_store(u->mm, a += UPAGE, 1);
		quire_machine_stats(u->m, &st);
	}
}

/* Maps RAM at FILLER until no more than `frames` are free. */
static inline void fill_but(struct unit *u, uint64_t frames)
{
	uint64_t a = unit_map(u->mm, FILLER, RAM_PAGES * UPAGE, URW, UANON | QMAP_FIXED);
	struct quire_machine_stats st;

	for (quire_machine_stats(u->m, &st); st.free_frames > frames;
	     quire_machine_stats(u->m, &st), a += UPAGE)
		unit_store(u->mm, a, 1);
}

#endif
