/* SPDX-License-Identifier: MIT */
/*
 * kmem.c: memory for metadata, and the numbers of allocation points.
 *
 * Owns the machine's list of points to fail (fail_lock, innermost: it has the zones' rank) and the
 * counters of points and bytes in machine->cpus (atomic, striped by CPU: an allocation in a fault
 * writes no line that another CPU's fault writes).
 *
 * Invariants:
 *   1  Each call of kmem_alloc(), kmem_zalloc*() and folio_alloc() passes one point.
 *   2  Points passed, or passed since they were last numbered from 1, = alloc_points + the sum of
 *      the stripes.  While points are to
 *      fail, the stripes are 0 and each point takes its number from alloc_points:
 *      a single thread always sees the same numbers.
 *   3  kmem_bytes sums to what was allocated and not freed.
 */
#include "core/base/kmem.h"

#define LINE 64u

static void account(struct quire_machine *m, size_t bytes, int sign)
{
	struct machine_cpu *c = &m->cpus[this_cpu(&m->port)];

	atomic_add_relaxed(&c->kmem_bytes, sign * (int64_t)bytes);
}

void *kmem_take(struct quire_machine *m, size_t bytes)
{
	void *p = m->port.alloc(m->port.ctx, bytes);

	if (__builtin_expect(!p, 0) && m->shrink(m))
		p = m->port.alloc(m->port.ctx, bytes);
	if (p)
		account(m, bytes, 1);
	return p;
}

void *kmem_alloc(struct quire_machine *m, size_t bytes)
{
	return alloc_point_fails(m) ? NULL : kmem_take(m, bytes);
}

void *kmem_zalloc(struct quire_machine *m, size_t bytes)
{
	void *p = kmem_alloc(m, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

void kmem_free(struct quire_machine *m, void *p, size_t bytes)
{
	if (!p)
		return;
	account(m, bytes, -1);
	m->port.free(m->port.ctx, p, bytes);
}

/* What the port gave is remembered in the word before the line. */
void *port_alloc_line(const struct quire_port *port, size_t bytes)
{
	char *raw = port->alloc(port->ctx, bytes + LINE + sizeof(raw));
	char *p;

	if (!raw)
		return NULL;
	p = raw + sizeof(raw) + LINE - 1;
	p -= (uintptr_t)p % LINE;
	((char **)(void *)p)[-1] = raw;
	return p;
}

void port_free_line(const struct quire_port *port, void *p, size_t bytes)
{
	if (p)
		port->free(port->ctx, ((char **)p)[-1], bytes + LINE + sizeof(char *));
}

void *kmem_zalloc_line(struct quire_machine *m, size_t bytes)
{
	void *p;

	if (alloc_point_fails(m))
		return NULL;
	p = port_alloc_line(&m->port, bytes);
	if (!p)
		return NULL;
	memset(p, 0, bytes);
	account(m, bytes, 1);
	return p;
}

void kmem_free_line(struct quire_machine *m, void *p, size_t bytes)
{
	if (!p)
		return;
	account(m, bytes, -1);
	port_free_line(&m->port, p, bytes);
}

bool alloc_point_fails(struct quire_machine *m)
{
	return alloc_point_fails_on(m, this_cpu(&m->port));
}

bool alloc_point_fails_slow(struct quire_machine *m)
{
	uint64_t n = atomic_add(&m->alloc_points, 1);
	unsigned lo = 0, hi;
	bool fails;

	spin_lock(&m->port, &m->fail_lock, RANK_ZONE);
	hi = m->nr_fail;
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (m->fail_list[mid] < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	fails = lo < m->nr_fail && m->fail_list[lo] == n;
	spin_unlock(&m->fail_lock, RANK_ZONE);
	if (fails) {
		atomic_add(&m->failed_points, 1);
		q_log(m, QUIRE_LOG_WARN, "allocation %lu fails, as asked for", n);
	}
	return fails;
}

uint64_t alloc_points_sum(struct quire_machine *m)
{
	uint64_t n = atomic_load(&m->alloc_points);

	for (unsigned i = 0; i < m->port.ncpus; i++)
		n += atomic_load_relaxed(&m->cpus[i].points);
	return n;
}

static bool ascending(const uint64_t *points, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (points[i] <= (i ? points[i - 1] : 0))
			return false;
	return true;
}

/* Invariant 2: what the stripes counted becomes part of alloc_points. */
static void fold_stripes(struct quire_machine *m)
{
	for (unsigned i = 0; i < m->port.ncpus; i++)
		atomic_add(&m->alloc_points, atomic_xchg(&m->cpus[i].points, 0));
}

void quire_machine_restart_points(struct quire_machine *m)
{
	spin_lock(&m->port, &m->fail_lock, RANK_ZONE);
	fold_stripes(m);
	atomic_store(&m->alloc_points, 0);
	spin_unlock(&m->fail_lock, RANK_ZONE);
}

int quire_machine_fail(struct quire_machine *m, const uint64_t *points, unsigned n)
{
	uint64_t *list = NULL, *old;
	unsigned nr_old;

	if ((n && !points) || !ascending(points, n))
		return -QEINVAL;
	if (n) {
		list = m->port.alloc(m->port.ctx, n * sizeof(*list));
		if (!list)
			return -QENOMEM;
		memcpy(list, points, n * sizeof(*list));
	}
	spin_lock(&m->port, &m->fail_lock, RANK_ZONE);
	old = m->fail_list;
	nr_old = m->nr_fail;
	m->fail_list = list;
	m->nr_fail = n;
	atomic_store(&m->fail_enabled, n > 0);
	fold_stripes(m);
	spin_unlock(&m->fail_lock, RANK_ZONE);
	if (old)
		m->port.free(m->port.ctx, old, nr_old * sizeof(*old));
	return 0;
}
