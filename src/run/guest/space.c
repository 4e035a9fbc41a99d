/* SPDX-License-Identifier: MIT */
/*
 * space.c: address spaces and who is in them.
 *
 * Owns the life of struct space:
 *
 *   created ── enter ──> used (on run->spaces) ── last leave ──> unused ── last put ──> freed
 *
 *   1  users > 0 only while a process that is new or alive has proc->space == it.
 *   2  Once users is 0 nobody executes in it: flushes return at once, for ever.
 *   3  The mm is put with the last reference, which a worker may hold a little longer.
 */
#include "run/guest/space.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/guest/slot.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where top-down search starts: below a gap that the stack may grow into. */
#define MIN_STACK_GAP (128ull << 20)
#define MAX_STACK_GAP (GUEST_TASK_SIZE / 6 * 5)
#define STACK_GUARD (256 * PAGE)

static struct space *space_new(struct run *run)
{
	struct space *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->run = run;
	s->refs = 1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->flush_lock, NULL);
	return s;
}

static void space_free(struct space *s)
{
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->flush_lock);
	free(s->windows);
	free(s->exe);
	free(s);
}

static uint64_t mmap_base(uint64_t stack_limit)
{
	uint64_t gap = stack_limit;

	if (gap < MIN_STACK_GAP)
		gap = MIN_STACK_GAP;
	if (gap > MAX_STACK_GAP)
		gap = MAX_STACK_GAP;
	return PAGE_DOWN(GUEST_TASK_SIZE - gap - STACK_GUARD);
}

uint64_t space_special_bytes(const struct space *s)
{
	return atomic_load(&s->vdso_bytes) + atomic_load(&s->vvar_bytes);
}

/* What of a limit is left for the mappings that the core has. */
static uint64_t for_core(const struct space *s, int i, uint64_t bytes)
{
	uint64_t special = i == QUIRE_RLIMIT_AS ? space_special_bytes(s) : 0;

	if (bytes == RLIM_INFINITY)
		return bytes;
	return bytes > special ? bytes - special : 0;
}

void space_limit(struct space *s, int i, const struct rlimit *r)
{
	quire_mm_set_rlimit_max(s->mm, (enum quire_rlimit)i, for_core(s, i, r->rlim_max));
	quire_mm_set_rlimit(s->mm, (enum quire_rlimit)i, for_core(s, i, r->rlim_cur));
}

int space_create(struct run *run, const struct rlimit *rlim, struct space **out)
{
	struct space *s = space_new(run);
	struct quire_mm_options o = {.size = sizeof(o), .cookie = s};
	int err;

	if (!s)
		return -ENOMEM;
	o.mmap_base = mmap_base(rlim[QUIRE_RLIMIT_STACK].rlim_cur);
	err = quire_mm_create(run->machine, &o, &s->mm);
	if (err) {
		space_free(s);
		return err;
	}
	for (int i = 0; i < QUIRE_NR_RLIMITS; i++)
		space_limit(s, i, &rlim[i]);
	*out = s;
	return 0;
}

static int copy_layout(struct space *to, const struct space *from)
{
	to->dontfork = atomic_load(&from->dontfork);
	to->vdso = from->vdso;
	to->vdso_bytes = atomic_load(&from->vdso_bytes);
	to->vvar = from->vvar;
	to->vvar_bytes = atomic_load(&from->vvar_bytes);
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->stack_top = from->stack_top;
	to->args_bytes = from->args_bytes;
	to->entry = from->entry;
	if (!from->exe)
		return 0;
	to->exe = strdup(from->exe);
	return to->exe ? 0 : -ENOMEM;
}

int space_fork(struct space *parent, struct space **out)
{
	struct space *s = space_new(parent->run);
	int err;

	if (!s)
		return -ENOMEM;
	err = copy_layout(s, parent);
	if (!err)
		err = s->run->space_hooks->copy(s, parent);
	if (!err)
		err = quire_mm_fork(parent->mm, s, &s->mm);
	if (err) {
		s->run->space_hooks->destroy(s);
		space_free(s);
		return err;
	}
	*out = s;
	return 0;
}

struct space *space_get(struct space *s)
{
	atomic_add(&s->refs, 1);
	return s;
}

void space_put(struct space *s)
{
	if (atomic_add(&s->refs, (uint32_t)-1))
		return;
	quire_mm_put(s->mm);
	s->run->space_hooks->destroy(s);
	space_free(s);
}

void space_enter_locked(struct space *s)
{
	struct run *run = s->run;

	if (atomic_add(&s->users, 1) > 1)
		return;
	s->prev = NULL;
	s->next = run->spaces;
	if (s->next)
		s->next->prev = s;
	run->spaces = s;
}

bool space_leave_locked(struct space *s)
{
	if (atomic_add(&s->users, (uint32_t)-1))
		return false;
	s->run->left++;
	slots_unmapped_locked(s);
	if (s->prev)
		s->prev->next = s->next;
	else
		s->run->spaces = s->next;
	if (s->next)
		s->next->prev = s->prev;
	return true;
}
