/* SPDX-License-Identifier: MIT */
/*
 * kmem.h: memory for metadata.  Every call is a numbered allocation point.
 */
#ifndef CORE_BASE_KMEM_H
#define CORE_BASE_KMEM_H

#include "core/base/machine.h"

void *kmem_alloc(struct quire_machine *m, size_t bytes); /* NULL: no memory */
void *kmem_zalloc(struct quire_machine *m, size_t bytes);
void kmem_free(struct quire_machine *m, void *p, size_t bytes);
/* The rest of an allocation whose point has been passed. */
void *kmem_take(struct quire_machine *m, size_t bytes);
/* Zeroed and aligned to a cache line: for structs with aligned(64) members. */
void *kmem_zalloc_line(struct quire_machine *m, size_t bytes);
void kmem_free_line(struct quire_machine *m, void *p, size_t bytes);
/* The same without a number and without accounting: the scratch of verify, fail lists. */
void *port_alloc_line(const struct quire_port *port, size_t bytes);
void port_free_line(const struct quire_port *port, void *p, size_t bytes);
/* True if this allocation point is to fail.  Also called by folio_alloc. */
bool alloc_point_fails(struct quire_machine *m);
bool alloc_point_fails_slow(struct quire_machine *m);
uint64_t alloc_points_sum(struct quire_machine *m);

/* cpu: this_cpu(), where the caller has it already. */
static inline bool alloc_point_fails_on(struct quire_machine *m, unsigned cpu)
{
	if (alloc_fails_by_choice())
		return true;
	if (__builtin_expect(atomic_load_relaxed(&m->fail_enabled), 0))
		return alloc_point_fails_slow(m);
	atomic_add_relaxed(&m->cpus[cpu].points, 1);
	return false;
}

/* Of n allocation points in a row: how many pass before one that is to fail. */
static inline unsigned alloc_points_pass(struct quire_machine *m, unsigned cpu, unsigned n)
{
	unsigned i = 0;

	if (__builtin_expect(atomic_load_relaxed(&m->fail_enabled), 0)) {
		while (i < n && !alloc_point_fails_slow(m))
			i++;
		return i;
	}
	while (i < n && !alloc_fails_by_choice())
		i++;
	atomic_add_relaxed(&m->cpus[cpu].points, i);
	return i;
}

#endif
