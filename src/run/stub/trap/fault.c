/* SPDX-License-Identifier: MIT */
/*
 * fault.c: the life of a fault:
 *
 *   walk --good--> fill --done--> retry the instruction
 *     |              '--host full--> drop everything, walk again
 *     '--not good--> ask the supervisor --ok--> walk again
 *                                        '--refused--> the guest's signal, or a probe's fixup
 */
#include "run/stub/trap/fault.h"

#include "quire/quire.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill.h"
#include "run/stub/fill/fill_lock.h"
#include "run/stub/link/rpc.h"
#include "run/stub/link/window_told.h"
#include "run/stub/signal/signal.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#define TRAP_PAGE_FAULT 14
#define ERR_WRITE 2u
#define ERR_FETCH 16u

struct refusal {
	int sig, code;
	uint64_t addr;
};

/* So many answers without an entry that holds: something is broken, and looping would hide it. */
#define FAULTS_STUCK 2000

/*
 * What fault-around has mapped, and whatever a walk alone finds, comes in runs; a page that was
 * just made comes alone, its neighbours being filled already.
 */
static bool comes_in_run(const struct thread *t, unsigned asked)
{
	uint64_t kind = t->answer->v[3];

	return !asked || kind == QUIRE_KIND_FILE_MINOR || kind == QUIRE_KIND_FILE_MAJOR;
}

static enum fill_result try_fill(struct thread *t, uint64_t addr, enum quire_access access,
				 bool run, bool *good)
{
	enum fill_result r = FILL_OK;
	uint64_t entry;

	fill_lock(t);
	entry = walk_entry(t, addr);
	*good = entry_permits(entry, access);
	if (*good)
		r = fill(t, addr, entry, run);
	/* Nobody waited for us if we were stopped: what we walked may be gone. */
	if (t->service_waits) {
		*good = false;
		r = FILL_OK;
	}
	fill_unlock(t);
	return r;
}

/* True: the entry is good now. */
static bool ask(struct thread *t, uint64_t addr, enum quire_access access, uint64_t ip, uint64_t sp,
		bool bus, struct refusal *why)
{
	int64_t r = bus ? rpc(t, OP_BUS, addr, (uint64_t)access, ip, sp)
			: rpc(t, OP_FAULT, addr, (uint64_t)access, ip, sp);

	if (r == QUIRE_FAULT_OK)
		return true;
	if (r == QUIRE_FAULT_OOM) {
		/* The supervisor has said so and chosen us. */
		sys(__NR_tgkill, sys(__NR_getpid), t->tid, SIGKILL);
		die("out of memory");
	}
	if (r != QUIRE_FAULT_SEGV && r != QUIRE_FAULT_BUS)
		die_error("the supervisor does not know what a fault is", r);
	why->sig = r == QUIRE_FAULT_SEGV ? SIGSEGV : SIGBUS;
	why->code = (int)t->answer->v[0];
	why->addr = t->answer->v[1];
	return false;
}

/* The supervisor may have left the flush of the page's old translation to the fill. */
static void give_up_fill(struct thread *t, uint64_t addr)
{
	uint64_t page[1][2] = {{PAGE_DOWN(addr), PAGE_DOWN(addr) + PAGE}};

	flush_lock(t);
	flush_ranges(t, page, 1);
	flush_unlock(t);
}

/* True: the entry is another by now, or its frame is known. */
static bool learn_far(struct thread *t, uint64_t addr)
{
	uint64_t frame;

	fill_lock(t);
	frame = entry_frame(walk_entry(t, addr));
	fill_unlock(t);
	return frame < FAR_FIRST || far_learn(t, frame);
}

static bool fault_resolve(struct thread *t, uint64_t addr, enum quire_access access, uint64_t ip,
			  uint64_t sp, bool bus, struct refusal *why)
{
	unsigned full = 0, asked = 0;

	if (bus && !ask(t, addr, access, ip, sp, true, why))
		return false;
	for (;;) {
		bool good;
		enum fill_result r = try_fill(t, addr, access, comes_in_run(t, asked), &good);

		if (good && r == FILL_OK)
			return true;
		if (r == FILL_FAR && learn_far(t, addr))
			continue;
		if (r == FILL_FAR || r == FILL_BROKEN || (r == FILL_FULL && ++full > 3)) {
			give_up_fill(t, addr);
			say("the host refuses to map a page, address", addr);
			*why = (struct refusal){SIGSEGV, SEGV_ACCERR, addr};
			return false;
		}
		if (r == FILL_FULL)
			drop_all(t);
		else if (!ask(t, addr, access, ip, sp, false, why))
			return false;
		else if (++asked > FAULTS_STUCK)
			die("the supervisor and the page table disagree");
	}
}

static enum quire_access access_of(const struct ucontext *uc)
{
	if (uc->uc_mcontext.err & ERR_FETCH)
		return QUIRE_EXEC;
	return uc->uc_mcontext.err & ERR_WRITE ? QUIRE_WRITE : QUIRE_READ;
}

static bool resolve_of(struct thread *t, int sig, const struct ucontext *uc, struct refusal *why)
{
	const struct sigcontext *r = &uc->uc_mcontext;

	return fault_resolve(t, r->cr2, access_of(uc), r->rip, r->rsp, sig == SIGBUS, why);
}

void guest_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc)
{
	struct refusal why;

	/* The trap number is an old one when the kernel itself sends (SI_KERNEL). */
	if (uc->uc_mcontext.trapno == TRAP_PAGE_FAULT && info->si_code < SI_KERNEL) {
		if (resolve_of(t, sig, uc, &why))
			return;
		info->si_signo = why.sig;
		info->si_code = why.code;
		info->si_addr = (void *)why.addr;
	}
	signal_fault(t, info, uc);
}

static bool between(uint64_t ip, const char *start, const char *end)
{
	return ip >= sys_ptr(start) && ip < sys_ptr(end);
}

void stub_fault(struct thread *t, int sig, siginfo_t *info, struct ucontext *uc)
{
	struct sigcontext *r = &uc->uc_mcontext;
	struct refusal why;
	bool copy = between(r->rip, probe_copy_start, probe_copy_end);

	if (copy || between(r->rip, probe_word_start, probe_word_end)) {
		if (r->trapno == TRAP_PAGE_FAULT && r->cr2 < GUEST_TASK_SIZE &&
		    resolve_of(t, sig, uc, &why))
			return;
		r->rip = sys_ptr(copy ? probe_copy_fixup : probe_word_fixup);
		return;
	}
	if ((struct thread *)(r->rsp & ~(THREAD_AREA - 1)) == t) {
		say("fault in the stub, instruction", r->rip);
		say("   address", r->cr2);
		say("   signal", (uint64_t)sig);
		die_by(t, sig);
	}
	signal_fault(t, info, uc);
}
