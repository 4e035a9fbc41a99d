/* SPDX-License-Identifier: MIT */
/*
 * cpu.c: the CPUs of a scenario: TLBs, page walks, flushes.
 *
 * An access is one instruction: it finds a translation (in the TLB, or by a walk of the page
 * tables that caches it) and moves its bytes, in one piece; where there is none it faults and is
 * begun again.  A flush reaches one CPU after the other.  Outside of actors, nothing is cached.
 *
 *   1  A translation is cached until a flush names it, or another takes its place.
 *   2  A frame that goes out of use is in nobody's TLB.
 *   3  When all calls have returned, a cached translation agrees with its entry.
 *
 * IDLE_CPU is one on which threads ran before the scenario begins, and none since: what the set-up
 * has mapped is cached there.
 */
#include "check/world/scenario.h"

#include <string.h>

#define IDLE_CPU SCHED_GRACE /* an actor that makes no access */

/* For callbacks that get no world. */
static struct world *world;

static uint64_t frame_of(uint64_t pte)
{
	return (pte & QUIRE_PTE_FRAME_MASK) / PAGE;
}

static struct tlb_entry *find(struct cpu *c, struct quire_mm *mm, uint64_t page)
{
	for (unsigned i = 0; i < TLB_ENTRIES; i++)
		if (c->tlb[i].mm == mm && c->tlb[i].page == page)
			return &c->tlb[i];
	return NULL;
}

static bool permits(uint64_t pte, bool write)
{
	uint64_t need = QUIRE_PTE_PRESENT | QUIRE_PTE_USER;

	if (write)
		need |= QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY;
	return (pte & need) == need;
}

static void cache(struct cpu *c, struct quire_mm *mm, uint64_t page, uint64_t pte)
{
	struct tlb_entry *e = find(c, mm, page);

	if (world->scenario->no_tlb)
		return;
	if (!e)
		e = &c->tlb[c->next++ % TLB_ENTRIES];
	*e = (struct tlb_entry){mm, page, pte};
}

/* The entry that an access uses: cached, or else walked to, and cached then; 0: it faults. */
static uint64_t translate(struct cpu *c, struct quire_mm *mm, uint64_t addr, bool write)
{
	uint64_t page = addr & ~(PAGE - 1), pte;
	struct tlb_entry *e = find(c, mm, page);

	if (e && permits(e->pte, write))
		return e->pte;
	pte = quire_pte(mm, addr);
	if (!permits(pte, write))
		return 0;
	if (sched_self() < SCHED_ALL)
		cache(c, mm, page, pte);
	return pte;
}

static enum access_result fault(struct quire_mm *mm, uint64_t addr, bool write)
{
	switch (quire_fault(mm, addr, write ? QUIRE_WRITE : QUIRE_READ, NULL)) {
	case QUIRE_FAULT_OK:
		return ACCESS_OK;
	case QUIRE_FAULT_SEGV:
		return ACCESS_SEGV;
	case QUIRE_FAULT_BUS:
		return ACCESS_BUS;
	default:
		return ACCESS_OOM;
	}
}

static void move_bytes(struct world *w, uint64_t addr, uint64_t pte, bool write, uint64_t *value)
{
	uint64_t *p = (uint64_t *)(void *)(w->ram + frame_of(pte) * PAGE + addr % PAGE);

	sched_event(write ? SCHED_STORE : SCHED_LOAD, p, sizeof(*p));
	if (write)
		*p = *value;
	else
		*value = *p;
	STEP("%s %llu at %#llx", write ? "stores" : "loads", (unsigned long long)*value,
	     (unsigned long long)addr);
}

/* The instruction.  Its CPU's word says in what order it and flushes come.  False: it faults. */
static bool execute(struct world *w, struct quire_mm *mm, uint64_t addr, bool write,
		    uint64_t *value)
{
	struct cpu *c = &w->cpus[sched_self()];
	uint64_t pte;

	sched_atomic_begin();
	sched_event(SCHED_RMW, &c->word, sizeof(c->word));
	pte = translate(c, mm, addr, write);
	if (pte)
		move_bytes(w, addr, pte, write, value);
	sched_event(SCHED_RMW, &c->word, sizeof(c->word));
	sched_atomic_end();
	return pte != 0;
}

static enum access_result access(struct world *w, struct quire_mm *mm, uint64_t addr, bool write,
				 uint64_t *value)
{
	while (!execute(w, mm, addr, write, value)) {
		enum access_result r;

		STEP("faults at %#llx (%s)", (unsigned long long)addr, write ? "write" : "read");
		r = fault(mm, addr, write);
		if (r != ACCESS_OK)
			return r;
	}
	return ACCESS_OK;
}

static bool look_up(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t *frame,
		    bool *done)
{
	struct cpu *c = &w->cpus[sched_self()];
	uint64_t pte;

	sched_atomic_begin();
	sched_event(SCHED_RMW, &c->word, sizeof(c->word));
	pte = translate(c, mm, addr, true);
	if (pte) {
		*frame = frame_of(pte);
		*done = true;
		STEP("the host looks %#llx up: frame %llu", (unsigned long long)addr,
		     (unsigned long long)*frame);
	}
	sched_event(SCHED_RMW, &c->word, sizeof(c->word));
	sched_atomic_end();
	return pte != 0;
}

bool cpu_look_up(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t *frame, bool *done)
{
	while (!look_up(w, mm, addr, frame, done))
		if (fault(mm, addr, true) != ACCESS_OK)
			return false;
	return true;
}

enum access_result cpu_load(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t *value)
{
	return access(w, mm, addr, false, value);
}

enum access_result cpu_store(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t value)
{
	return access(w, mm, addr, true, &value);
}

uint64_t load(struct world *w, struct quire_mm *mm, uint64_t addr)
{
	uint64_t value = 0;

	expect(cpu_load(w, mm, addr, &value) == ACCESS_OK, "a load at %#llx is refused",
	       (unsigned long long)addr);
	return value;
}

void store(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t value)
{
	expect(cpu_store(w, mm, addr, value) == ACCESS_OK, "a store at %#llx is refused",
	       (unsigned long long)addr);
}

/* ---- flushes ------------------------------------------------------------------- */

static bool named(const struct tlb_entry *e, const struct quire_tlb_range *r, unsigned n)
{
	if (!n)
		return true;
	for (unsigned i = 0; i < n; i++)
		if (r[i].start <= e->page && e->page < r[i].end)
			return true;
	return false;
}

static void flush_cpu(struct cpu *c, struct quire_mm *mm, const struct quire_tlb_range *r,
		      unsigned n)
{
	for (unsigned i = 0; i < TLB_ENTRIES; i++)
		if (c->tlb[i].mm == mm && named(&c->tlb[i], r, n))
			c->tlb[i].mm = NULL;
}

static void tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		      const struct quire_tlb_range *ranges, unsigned n)
{
	struct world *w = ctx;

	(void)cookie;
	for (unsigned i = 0; i < SCHED_ALL; i++) {
		sched_at(SCHED_RMW, &w->cpus[i].word, sizeof(w->cpus[i].word));
		flush_cpu(&w->cpus[i], mm, ranges, n);
		sched_event(SCHED_RMW, &w->cpus[i].word, sizeof(w->cpus[i].word));
	}
	if (n)
		STEP("has flushed %#llx-%#llx%s from all CPUs", (unsigned long long)ranges[0].start,
		     (unsigned long long)ranges[0].end, n > 1 ? " and more" : "");
	else
		STEP("has flushed all from all CPUs");
}

static const char *cpu_name(unsigned i)
{
	return i == IDLE_CPU ? "idle" : sched_actor_name(i);
}

/* The checker's eye, no access of the actor's. */
static __attribute__((no_sanitize("thread"))) void frame_freed(const void *p, size_t bytes)
{
	uint64_t first = (uint64_t)((const char *)p - world->ram) / PAGE;

	device_frame_freed(world, first, bytes / PAGE);
	for (unsigned i = 0; i < SCHED_ALL; i++)
		for (unsigned k = 0; k < TLB_ENTRIES; k++) {
			const struct tlb_entry *e = &world->cpus[i].tlb[k];

			if (e->mm && frame_of(e->pte) >= first &&
			    frame_of(e->pte) < first + bytes / PAGE)
				sched_fail(
				    "%s frees the frame that CPU %u (%s) has cached for %#llx",
				    sched_actor_name(sched_self()), i, cpu_name(i),
				    (unsigned long long)e->page);
		}
}

/* Nothing that a program may do by `cached` is refused by `now`, or would not be noticed there. */
static bool agrees(uint64_t cached, uint64_t now)
{
	const uint64_t rights =
	    QUIRE_PTE_PRESENT | QUIRE_PTE_USER | QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY;

	return frame_of(cached) == frame_of(now) && !(cached & ~now & rights) &&
	       !(now & ~cached & QUIRE_PTE_NX);
}

void cpu_check(struct world *w)
{
	for (unsigned i = 0; i < SCHED_ALL; i++)
		for (unsigned k = 0; k < TLB_ENTRIES; k++) {
			const struct tlb_entry *e = &w->cpus[i].tlb[k];
			uint64_t now = e->mm ? quire_pte(e->mm, e->page) : 0;

			expect(!e->mm || agrees(e->pte, now),
			       "CPU %u (%s) has %#llx cached for %#llx, where the entry is %#llx",
			       i, cpu_name(i), (unsigned long long)e->pte,
			       (unsigned long long)e->page, (unsigned long long)now);
		}
}

void cpu_cache(struct world *w, unsigned i, struct quire_mm *mm, uint64_t addr)
{
	uint64_t pte = quire_pte(mm, addr);

	expect(pte, "nothing to cache at %#llx", (unsigned long long)addr);
	cache(&w->cpus[i], mm, addr & ~(PAGE - 1), pte);
}

static void cache_mapped(struct world *w, struct quire_mm *mm)
{
	struct cpu *c = &w->cpus[IDLE_CPU];
	struct quire_vma_info v = {0};

	while (!quire_vma_next(mm, v.end, &v))
		for (uint64_t page = v.start; page < v.end && c->next < TLB_ENTRIES; page += PAGE)
			if (quire_pte(mm, page))
				cache(c, mm, page, quire_pte(mm, page));
}

void cpu_cache_idle(struct world *w)
{
	cache_mapped(w, w->mm);
	if (w->child)
		cache_mapped(w, w->child);
}

void cpu_init(struct world *w, struct quire_port *port)
{
	world = w;
	port->ctx = w;
	port->tlb_flush = w->scenario->no_tlb ? NULL : tlb_flush;
	sched_on_frame_free(frame_freed);
}
