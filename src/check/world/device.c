/* SPDX-License-Identifier: MIT */
/*
 * device.c: a system call of the host's that has been lent a page and stores into it later, by what
 * it had looked up, whatever has become of the page.
 *
 *   1  The note of what is lent is made before the page is looked up, and read by tlb_lent().
 *   2  A frame that goes out of use is not in the hands of the host: or other memory was put in
 *      its place (ram_discard), and what is stored then is nobody's.
 */
#include "check/world/world.h"

#include <string.h>

static bool is_lent(const struct device *d, const struct quire_mm *mm,
		    const struct quire_tlb_range *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (d->mm == mm && r[i].start <= d->page && d->page < r[i].end)
			return true;
	return !n && d->mm == mm;
}

static bool tlb_lent(void *ctx, struct quire_mm *mm, void *cookie,
		     const struct quire_tlb_range *ranges, unsigned n)
{
	struct device *d = &((struct world *)ctx)->device;
	bool lent;

	(void)cookie;
	sched_at(SCHED_LOAD, &d->word, sizeof(d->word));
	lent = is_lent(d, mm, ranges, n);
	STEP(lent ? "is told that the host may still use it" : "is told that nobody uses it");
	return lent;
}

static bool ram_discard(void *ctx, uint64_t first, uint64_t count)
{
	struct world *w = ctx;
	struct device *d = &w->device;

	sched_at(SCHED_RMW, &d->word, sizeof(d->word));
	if (d->looked_up && d->frame >= first && d->frame < first + count)
		d->left_alone = true;
	memset(w->ram + first * PAGE, 0, count * PAGE);
	return true;
}

static void set_lent(struct device *d, struct quire_mm *mm, uint64_t page)
{
	sched_at(SCHED_RMW, &d->word, sizeof(d->word));
	d->mm = mm;
	d->page = page;
}

bool device_begin(struct world *w, struct quire_mm *mm, uint64_t addr)
{
	struct device *d = &w->device;

	set_lent(d, mm, addr & ~(PAGE - 1));
	STEP("notes that the page of %#llx is lent", (unsigned long long)addr);
	if (cpu_look_up(w, mm, addr, &d->frame, &d->looked_up))
		return true;
	set_lent(d, NULL, 0);
	return false;
}

void device_end(struct world *w, uint64_t value)
{
	struct device *d = &w->device;
	uint64_t *p = (uint64_t *)(void *)(w->ram + d->frame * PAGE);

	sched_at(SCHED_RMW, &d->word, sizeof(d->word));
	if (!d->left_alone) {
		sched_event(SCHED_STORE, p, sizeof(*p));
		*p = value;
	}
	STEP("the host has stored %llu", (unsigned long long)value);
	d->looked_up = false;
	set_lent(d, NULL, 0);
}

__attribute__((no_sanitize("thread"))) void device_frame_freed(struct world *w, uint64_t first,
							       uint64_t count)
{
	const struct device *d = &w->device;

	if (d->looked_up && !d->left_alone && d->frame >= first && d->frame < first + count)
		sched_fail("%s frees frame %llu, into which the host may still store",
			   sched_actor_name(sched_self()), (unsigned long long)d->frame);
}

void device_init(struct quire_port *port)
{
	port->tlb_lent = tlb_lent;
	port->ram_discard = ram_discard;
}
