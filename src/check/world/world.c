/* SPDX-License-Identifier: MIT */
/*
 * world.c: builds what a scenario plays in.
 */
#include "check/world/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_FRAMES 48u

void must(int err, const char *what)
{
	if (err)
		sched_fail("%s failed with %d", what, err);
	STEP("%s returns", what);
}

void map_anon(struct world *w, uint64_t addr, uint64_t pages, int prot)
{
	must(quire_mmap(w->mm, addr, pages * PAGE, prot, MAP_ANON_PRIVATE, NULL, 0, &addr), "mmap");
}

void note(struct world *w, unsigned i, uint64_t value)
{
	atomic_store(&w->v[i], value);
}

uint64_t noted(struct world *w, unsigned i)
{
	return atomic_load(&w->v[i]);
}

uint64_t peek(struct world *w, struct quire_mm *mm, uint64_t addr)
{
	uint64_t value = 0, pte = quire_pte(mm, addr);

	(void)w;
	expect(pte & QUIRE_PTE_PRESENT, "no page is present at %#llx", (unsigned long long)addr);
	expect(quire_read(mm, addr, &value, sizeof(value)) == sizeof(value), "%#llx is unreadable",
	       (unsigned long long)addr);
	return value;
}

void fill(struct world *w, uint64_t addr, uint64_t value)
{
	expect(quire_write(w->mm, addr, &value, sizeof(value)) == sizeof(value),
	       "%#llx is not writable", (unsigned long long)addr);
}

void fill_ram(struct world *w, uint64_t addr, uint64_t leave)
{
	struct quire_machine_stats st;
	struct quire_port port;

	sched_port(&port);
	port.rcu_barrier(port.ctx);
	map_anon(w, addr, DEFAULT_FRAMES, PROT_RW);
	fill(w, addr, 1); /* the tables of all of it */
	quire_machine_stats(w->m, &st);
	for (uint64_t i = 1; st.free_frames > leave; i++) {
		fill(w, addr + i * PAGE, 1);
		quire_machine_stats(w->m, &st);
	}
}

bool mapped(struct world *w, uint64_t addr, struct quire_vma_info *out)
{
	return quire_vma_next(w->mm, addr, out) == 0 && out->start <= addr;
}

void expect_tables(struct world *w, uint64_t n)
{
	struct quire_mm_stats stats;

	quire_mm_stats(w->mm, &stats);
	expect(stats.table_bytes == n * PAGE, "%llu page tables where %llu are needed",
	       (unsigned long long)(stats.table_bytes / PAGE), (unsigned long long)n);
}

static void run_actor(void *arg)
{
	struct world *w = arg;

	w->scenario->actors[sched_self()].run(w);
}

static void on_broken_book(void *arg, const char *line)
{
	(void)arg;
	sched_fail("verify: %s", line);
}

static void after_run(void *arg)
{
	struct world *w = arg;

	cpu_check(w);
	if (w->scenario->check)
		w->scenario->check(w);
	quire_verify(w->m, on_broken_book, NULL);
}

static void make_machine(struct world *w, const struct scenario *s)
{
	unsigned frames = s->frames ? s->frames : DEFAULT_FRAMES;
	struct quire_machine_options o = {.size = sizeof(o)};
	struct quire_mm_options mo = {.size = sizeof(mo)};
	struct quire_port port;

	if (s->polls)
		sched_port_polled(&port);
	else
		sched_port(&port);
	cpu_init(w, &port);
	if (s->device)
		device_init(&port);
	o.ram_bytes = (uint64_t)frames * PAGE;
	o.ram = sched_ram(o.ram_bytes + DEVICE_PAGES * PAGE);
	w->ram = o.ram;
	w->device_pfn = frames;
	mem_in_use(w->ram + o.ram_bytes, DEVICE_PAGES * PAGE);
	must(quire_machine_create(&port, &o, &w->m), "machine");
	must(quire_mm_create(w->m, &mo, &w->mm), "mm");
	w->addr = BASE;
}

/* Outside of a run nothing catches a failure. */
void world_build(const struct scenario *s, struct subject *out)
{
	struct world *w;

	sched_reset();
	w = sched_alloc(sizeof(*w));
	memset(w, 0, sizeof(*w));
	w->scenario = s;
	make_machine(w, s);
	s->setup(w);
	cpu_cache_idle(w);
	for (unsigned i = 0; i < SCHED_ACTORS; i++)
		if (s->actors[i].run)
			sched_actor(i, s->actors[i].name, run_actor, w);
	sched_alloc_failures(s->alloc_failures);
	sched_snapshot();
	*out = (struct subject){after_run, w};
}
