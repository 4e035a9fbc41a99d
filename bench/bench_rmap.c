/* SPDX-License-Identifier: MIT */
/*
 * bench_rmap.c: what walks from a page to its entries cost, and moving a page.
 *
 * In units of the machine, measured in the same run: A, an uncontended atomic add, and C, a memcpy
 * of a page that no cache has.  Medians.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "core/frame/folio.h"
#include "core/rmap/migrate.h"
#include "core/rmap/walk.h"
#include "core/table/entry.h"
#include "quire/abi.h"
#include "quire/port_host.h"
#include "quire/quire.h"

#define PAGE QUIRE_PAGE_SIZE
#define RAM_BYTES (256ull << 20)
#define CHILDREN 1000u
#define PAGES 4096u
#define ROUNDS 21u
#define ANON (QMAP_PRIVATE | QMAP_ANONYMOUS)
#define RW (QPROT_READ | QPROT_WRITE)

static double now_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static void need(bool ok, const char *what)
{
	need_in("bench_rmap", ok, what);
}

static double median(double *v)
{
	return median_of(v, ROUNDS);
}

/* ---- the machine's units ------------------------------------------------------------- */

static double unit_a(void)
{
	double v[ROUNDS];
	uint64_t word = 0;

	for (unsigned r = 0; r < ROUNDS; r++) {
		double t = now_ns();

		for (unsigned i = 0; i < 100000; i++)
			atomic_add(&word, 1);
		v[r] = (now_ns() - t) / 100000;
	}
	return median(v);
}

/* From one half of `bytes` of memory to the other. */
static double unit_c(char *mem, size_t bytes)
{
	size_t pages = bytes / 2 / PAGE;
	double v[ROUNDS];

	for (unsigned r = 0; r < ROUNDS; r++) {
		double t = now_ns();

		for (size_t i = 0; i < pages; i++)
			memcpy(mem + (pages + i) * PAGE, mem + i * PAGE, PAGE);
		v[r] = (now_ns() - t) / (double)pages;
	}
	return median(v);
}

/* ---- walks ----------------------------------------------------------------------------- */

struct counted {
	struct rmap_walk walk;
	unsigned entries;
};

static enum rmap_next count(struct rmap_walk *w, struct rmap_place *p)
{
	struct counted *c = container_of(w, struct counted, walk);

	(void)p;
	c->entries++;
	return RMAP_GO_ON;
}

static struct folio *folio_at(struct quire_machine *m, struct quire_mm *mm, uint64_t addr)
{
	return entry_folio(m, quire_pte(mm, addr));
}

/* ns of one of `times` walks from the page that mm has at addr; *c: what the last has come to. */
static double time_walk(struct quire_machine *m, struct quire_mm *mm, uint64_t addr, unsigned times,
			struct counted *c)
{
	struct folio *f = folio_at(m, mm, addr);
	double v[ROUNDS];

	folio_lock(m, f);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double t = now_ns();

		for (unsigned i = 0; i < times; i++) {
			*c = (struct counted){.walk = {.folio = f, .entry = count}};
			need(rmap_begin(m, &c->walk), "rmap_begin");
			rmap_walk(m, &c->walk);
			rmap_end(m, &c->walk);
		}
		v[r] = (now_ns() - t) / times;
	}
	folio_unlock(m, f);
	return median(v);
}

static void touch(struct quire_mm *mm, uint64_t addr)
{
	struct quire_fault f;

	need(quire_fault(mm, addr, QUIRE_WRITE, &f) == QUIRE_FAULT_OK, "a fault");
}

static void walks(struct quire_machine *m, double a)
{
	static struct quire_mm *child[CHILDREN];
	struct quire_mm *server;
	struct counted c;
	uint64_t addr;
	double t;

	need(!quire_mm_create(m, NULL, &server), "mm");
	need(!quire_mmap(server, 0, 2 * PAGE, RW, ANON, NULL, 0, &addr), "mmap");
	touch(server, addr);
	t = time_walk(m, server, addr, 1000, &c);
	printf("walk, one mm: %.0f ns, %.0f A\n", t, t / a);
	for (unsigned i = 0; i < CHILDREN; i++)
		need(!quire_mm_fork(server, NULL, &child[i]), "fork");
	touch(child[7], addr + PAGE);
	t = time_walk(m, server, addr, 1, &c) / CHILDREN;
	printf("walk, a page of a server and its %u children: %u entries, %.0f ns a child (limit "
	       "300), %.0f A\n",
	       CHILDREN, c.entries, t, t / a);
	t = time_walk(m, child[7], addr + PAGE, 1000, &c);
	printf("walk, a page of one child's: %u mm visited (limit 1), %.0f ns\n", c.walk.visited,
	       t);
	for (unsigned i = 0; i < CHILDREN; i++)
		quire_mm_put(child[i]);
	quire_mm_put(server);
}

/* ---- moving ------------------------------------------------------------------------------ */

/* Each page to a frame that was allocated beforehand; back and forth. */
static double time_migration(struct quire_machine *m, struct quire_mm *mm, uint64_t addr)
{
	static struct folio *to[PAGES];
	struct migrate mg;
	double t;

	for (unsigned i = 0; i < PAGES; i++)
		need((to[i] = folio_alloc(m, 0, 0)) != NULL, "folio_alloc");
	t = now_ns();
	migrate_begin(&mg, m, MIGRATE_WAIT);
	for (unsigned i = 0; i < PAGES; i++) {
		struct folio *from = folio_at(m, mm, addr + i * PAGE);

		folio_get(from);
		need(!migrate_folio(&mg, from, to[i]), "migrate_folio");
	}
	migrate_end(&mg);
	return (now_ns() - t) / PAGES;
}

static void moving(struct quire_machine *m, double a, double c)
{
	struct quire_mm *mm;
	double v[ROUNDS], t;
	uint64_t addr;

	need(!quire_mm_create(m, NULL, &mm), "mm");
	need(!quire_mmap(mm, 0, PAGES * PAGE, RW, ANON, NULL, 0, &addr), "mmap");
	for (unsigned i = 0; i < PAGES; i++)
		touch(mm, addr + i * PAGE);
	for (unsigned r = 0; r < ROUNDS; r++)
		v[r] = time_migration(m, mm, addr);
	t = median(v);
	printf("migration of a page: %.0f ns, C + %.0f A (limit C + 150 A)\n", t, (t - c) / a);
	quire_mm_put(mm);
}

int main(void)
{
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = RAM_BYTES};
	struct quire_machine *m;
	struct quire_port port;
	double a, c;

	quire_port_host(&port);
	o.ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	need(o.ram != MAP_FAILED, "mmap of RAM");
	a = unit_a();
	c = unit_c(o.ram, RAM_BYTES);
	printf("A %.1f ns, C %.0f ns\n", a, c);
	need(!quire_machine_create(&port, &o, &m), "machine");
	walks(m, a);
	moving(m, a, c);
	quire_machine_destroy(m);
	munmap(o.ram, RAM_BYTES);
	return 0;
}
