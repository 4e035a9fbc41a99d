/* SPDX-License-Identifier: MIT */
/*
 * sigframe.c: the guest's signal frames, laid out as the kernel's x86-64 ABI has them:
 *
 *   sp at entry -> return address (restorer) | ucontext | siginfo | .. | vector state, 64-aligned
 *
 * Pushed and popped by probes, so that the stack may be absent or copy-on-write.  What a popped
 * frame says goes back to the host's kernel, which checks the vector state and the code and stack
 * segments when it loads them.
 */
#include "run/stub/signal/sigframe.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/signal/held.h"
#include "run/stub/signal/signal.h"
#include "run/wire/addresses.h"
#include "run/wire/sys.h"

#include <asm/processor-flags.h>
#include <linux/signal.h>

struct frame {
	uint64_t restorer;
	struct ucontext uc;
	siginfo_t info;
};

#define FX_BYTES ((uint64_t)sizeof(struct _fpstate_64))
#define FX_SW_BYTES offsetof(struct _fpstate_64, sw_reserved)
/* Their initial values, and where they and the registers stand. */
#define FX_CONTROL 0x37f
#define FX_MXCSR 0x1f80
#define FX_MXCSR_AT offsetof(struct _fpstate_64, mxcsr)
#define FX_REGS_AT offsetof(struct _fpstate_64, st_space)
#define XSTATE_PKRU (1ull << 9)
#define USER_CS 0x33
#define USER_SS 0x2b
#define RED_ZONE 128
#define EFLAGS_CLEARED ((uint64_t)(X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF))

/* Bytes of the vector state in a frame that the kernel made, end mark included. */
static uint64_t state_bytes(const struct ucontext *uc)
{
	const struct _fpx_sw_bytes *sw =
	    (const void *)(sys_ptr(uc->uc_mcontext.fpstate) + FX_SW_BYTES);

	if (!uc->uc_mcontext.fpstate)
		return 0;
	return sw->magic1 == FP_XSTATE_MAGIC1 ? sw->extended_size : FX_BYTES;
}

bool on_altstack(const struct thread *t, uint64_t sp)
{
	if (t->alt_flags & SS_AUTODISARM)
		return false;
	return sp > t->alt_sp && sp - t->alt_sp <= t->alt_size;
}

int64_t altstack_set(struct thread *t, uint64_t sp, uint64_t base, uint64_t size, uint64_t flags)
{
	uint64_t mode = flags & ~(uint64_t)SS_AUTODISARM;

	if (on_altstack(t, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE)
		base = size = 0;
	else if (size < MINSIGSTKSZ)
		return -ENOMEM;
	t->alt_sp = base;
	t->alt_size = size;
	t->alt_flags = flags;
	return 0;
}

/* Where the stack continues for a handler; 0: an alternate stack is used up. */
static uint64_t frame_place(const struct thread *t, const struct ucontext *uc,
			    const struct action *act, uint64_t bytes, uint64_t *state)
{
	uint64_t sp = uc->uc_mcontext.rsp - RED_ZONE, frame;
	bool alt = on_altstack(t, uc->uc_mcontext.rsp);

	if ((act->flags & SA_ONSTACK) && t->alt_size && !alt) {
		sp = t->alt_sp + t->alt_size;
		alt = true;
	}
	*state = (sp - bytes) & ~63ull;
	frame = ((*state - sizeof(struct frame)) & ~15ull) - 8;
	if (alt && !(frame > t->alt_sp && frame - t->alt_sp <= t->alt_size))
		return 0;
	return frame;
}

/* A handler starts with the registers that a program starts with; PKRU is no business of the
 * frame's.
 */
static void reset_state(const struct ucontext *uc, uint64_t bytes)
{
	char *state = (char *)uc->uc_mcontext.fpstate;
	uint64_t *has = (uint64_t *)(state + FX_BYTES);
	uint16_t control = FX_CONTROL;
	uint32_t mxcsr = FX_MXCSR;

	if (!bytes)
		return;
	memset(state, 0, FX_MXCSR_AT);
	memcpy(state, &control, sizeof(control));
	memcpy(state + FX_MXCSR_AT, &mxcsr, sizeof(mxcsr));
	memset(state + FX_REGS_AT, 0, FX_SW_BYTES - FX_REGS_AT);
	if (bytes > FX_BYTES)
		*has &= XSTATE_PKRU;
}

static void enter_handler(struct ucontext *uc, const struct action *act, int sig, uint64_t frame)
{
	struct sigcontext *r = &uc->uc_mcontext;

	r->rdi = (uint32_t)sig;
	r->rsi = frame + offsetof(struct frame, info);
	r->rdx = frame + offsetof(struct frame, uc);
	r->rax = 0;
	r->rip = act->handler;
	r->rsp = frame;
	r->cs = USER_CS;
	r->ss = USER_SS;
	r->eflags &= ~EFLAGS_CLEARED;
}

bool frame_push(struct thread *t, struct ucontext *uc, const siginfo_t *info,
		const struct action *act, uint64_t saved_mask)
{
	uint64_t bytes = state_bytes(uc), state;
	uint64_t at = frame_place(t, uc, act, bytes, &state);
	struct frame f;

	if (!at || !(act->flags & SA_RESTORER))
		return false;
	f.restorer = act->restorer;
	f.uc = *uc;
	f.info = *info;
	f.uc.uc_link = NULL;
	f.uc.uc_stack.ss_sp = (void *)t->alt_sp;
	f.uc.uc_stack.ss_size = t->alt_size;
	f.uc.uc_stack.ss_flags = (int)t->alt_flags;
	f.uc.uc_sigmask = saved_mask;
	f.uc.uc_mcontext.oldmask = saved_mask;
	f.uc.uc_mcontext.fpstate = bytes ? (void *)state : NULL;
	if (guest_write(state, uc->uc_mcontext.fpstate, bytes) || guest_write(at, &f, sizeof(f)))
		return false;
	if (t->alt_flags & SS_AUTODISARM) {
		t->alt_sp = t->alt_size = 0;
		t->alt_flags = SS_DISABLE;
	}
	reset_state(uc, bytes);
	enter_handler(uc, act, info->si_signo, at);
	return true;
}

static bool pop_state(struct ucontext *uc, uint64_t from)
{
	uint64_t to = sys_ptr(uc->uc_mcontext.fpstate), bytes = state_bytes(uc);
	struct _fpx_sw_bytes sw;
	uint32_t end = 0;

	if (!from || !to) {
		uc->uc_mcontext.fpstate = NULL; /* the kernel resets the registers */
		return true;
	}
	if ((from & 63) || guest_read(&sw, from + FX_SW_BYTES, sizeof(sw)))
		return false;
	if (bytes > FX_BYTES && sw.magic1 == FP_XSTATE_MAGIC1 && sw.extended_size == bytes &&
	    !guest_read(&end, from + bytes - 4, 4) && end == FP_XSTATE_MAGIC2)
		return guest_read((void *)to, from, bytes) == 0;
	/* Legacy registers alone: all else to its initial state. */
	if (guest_read((void *)to, from, FX_SW_BYTES))
		return false;
	if (bytes > FX_BYTES + 64) {
		memset((void *)(to + FX_BYTES), 0, 64);
		*(uint64_t *)(to + FX_BYTES) = 3;
	}
	return true;
}

static void pop_registers(struct sigcontext *to, const struct sigcontext *from)
{
	struct sigcontext keep = *to;

	*to = *from;
	to->gs = keep.gs;
	to->fs = keep.fs;
	to->fpstate = keep.fpstate;
}

bool frame_pop(struct thread *t, struct ucontext *uc)
{
	struct ucontext f;

	if (guest_read(&f, uc->uc_mcontext.rsp, sizeof(f)))
		return false;
	if (!pop_state(uc, sys_ptr(f.uc_mcontext.fpstate)))
		return false;
	pop_registers(&uc->uc_mcontext, &f.uc_mcontext);
	uc->uc_flags = (uc->uc_flags & ~(uint64_t)UC_STRICT_RESTORE_SS) |
		       (f.uc_flags & (uint64_t)UC_STRICT_RESTORE_SS);
	t->mask = f.uc_sigmask & ~SIGS_UNBLOCKABLE;
	uc->uc_sigmask = host_mask(t->mask);
	/* As the kernel does: refused settings are ignored. */
	altstack_set(t, uc->uc_mcontext.rsp, sys_ptr(f.uc_stack.ss_sp), f.uc_stack.ss_size,
		     (uint32_t)f.uc_stack.ss_flags);
	signal_recheck(t);
	return true;
}

struct ucontext *frame_copy(struct thread *to, const struct ucontext *uc)
{
	uint64_t bytes = state_bytes(uc);
	uint64_t state = (sys_ptr(to) + THREAD_AREA - 64 - bytes) & ~63ull;
	struct ucontext *copy = (struct ucontext *)((state - sizeof(*copy) - 64) & ~15ull);

	*copy = *uc;
	if (bytes) {
		memcpy((void *)state, uc->uc_mcontext.fpstate, bytes);
		copy->uc_mcontext.fpstate = (void *)state;
	}
	return copy;
}
