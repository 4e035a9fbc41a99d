/* SPDX-License-Identifier: MIT */
/*
 * op_fault.c: a guest's access, resolved by the core or refused.
 */
#include "quire/abi.h"
#include "quire/quire.h"
#include "run/file/guest_mem.h"
#include "run/file/window.h"
#include "run/guest/account.h"
#include "run/base/run.h"
#include "run/guest/request.h"
#include "run/huge/why.h"
#include "run/op/ops.h"
#include "run/port/port_run.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"

#include <errno.h>

static enum quire_access access_of(uint64_t a)
{
	return a == QUIRE_WRITE ? QUIRE_WRITE : a == QUIRE_EXEC ? QUIRE_EXEC : QUIRE_READ;
}

static void reply(struct request *q, const struct quire_fault *f)
{
	q->ret = f->result;
	q->v[0] = (uint64_t)(int64_t)f->si_code;
	q->v[1] = f->addr;
	q->v[2] = f->pte;
	q->v[3] = f->kind;
}

static bool in_ram(uint64_t pte)
{
	return (pte & (QUIRE_PTE_PRESENT | QUIRE_PTE_EXTERNAL)) == QUIRE_PTE_PRESENT;
}

static uint64_t frame_of(uint64_t pte)
{
	return (pte & QUIRE_PTE_FRAME_MASK) / PAGE;
}

static bool beyond_end(const struct quire_fault *f)
{
	return f->result == QUIRE_FAULT_BUS && f->reason == QUIRE_REASON_BEYOND_EOF;
}

/*
 * Nobody is killed for want of memory, the asker neither: oom_score_adj exempts them all.  The page
 * cannot be had, as that of a file whose device is full.
 */
static void refuse_page(const struct request *q, struct quire_fault *f)
{
	f->result = QUIRE_FAULT_BUS;
	f->si_code = QBUS_ADRERR;
	f->addr = q->a[0];
}

/* Asks the core, of all processes: no lock is held. */
static void note_refusal(const struct request *q, enum quire_access access,
			 const struct quire_fault *f)
{
	struct refusal *first = proc_note_refusal(q->proc, q->space, q->a[0], q->a[2], access, f);
	struct huge_why *why = first ? huge_why(q->run, q->a[0], f) : NULL;

	if (!why)
		return;
	pthread_mutex_lock(&q->run->lock);
	first->why = why;
	pthread_mutex_unlock(&q->run->lock);
}

void op_fault(struct request *q)
{
	struct quire_fault f = {0};
	enum quire_access access = access_of(q->a[1]);

	do
		f.result = fault_and_fill(q->slot, q->a[0], access, &f);
	while (beyond_end(&f) && file_has_grown(q->space, q->a[0]));
	if (f.result == QUIRE_FAULT_OOM && !atomic_load(&q->proc->oom_killed))
		refuse_page(q, &f);
	if (f.result == QUIRE_FAULT_OK && in_ram(f.pte))
		q->fresh = frame_of(f.pte) + 1;
	else if (f.result == QUIRE_FAULT_SEGV || f.result == QUIRE_FAULT_BUS)
		note_refusal(q, access, &f);
	reply(q, &f);
}

/* Before a system call writes or reads a buffer: as much of it as is there. */
void op_touch(struct request *q)
{
	uint64_t start = q->a[0], addr = start, end = start + q->a[1];
	enum quire_access access = access_of(q->a[2]);

	if (end < start || end > GUEST_TASK_SIZE)
		end = GUEST_TASK_SIZE;
	while (addr < end) {
		struct quire_fault f = {0};

		if (quire_fault(q->space->mm, addr, access, &f) != QUIRE_FAULT_OK) {
			if (beyond_end(&f) && file_has_grown(q->space, addr))
				continue;
			break;
		}
		if (in_ram(f.pte))
			q->fresh = frame_of(f.pte) + 1;
		addr = PAGE_DOWN(addr) + PAGE;
	}
	q->ret = addr <= start ? 0 : (int64_t)((addr < end ? addr : end) - start);
}

/* The host says that the file has no such page. */
void op_bus(struct request *q)
{
	struct quire_fault f = {.result = QUIRE_FAULT_BUS,
				.reason = QUIRE_REASON_BEYOND_EOF,
				.si_code = QBUS_ADRERR,
				.addr = q->a[0]};
	struct quire_file *file = file_at(q->space, q->a[0], &f.vma);

	if (file) {
		f.has_vma = true;
		window_shrunk(file_window(file), (f.vma.offset + (q->a[0] - f.vma.start)) / PAGE);
		quire_file_put(file);
	}
	proc_note_refusal(q->proc, q->space, q->a[0], q->a[2], access_of(q->a[1]), &f);
	reply(q, &f);
}
