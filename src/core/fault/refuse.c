/* SPDX-License-Identifier: MIT */
/*
 * refuse.c: a fault that is refused, and why.
 */
#include "core/fault/fault.h"
#include "core/vma/mm.h"

/* fault.c, 3. */
enum quire_fault_result fault_refuse(struct fault *f, enum quire_fault_result result, int si_code,
				     enum quire_fault_reason reason)
{
	if (RULE(refuse_the_living) && f->vma && vma_is_dead(f->vma))
		return fault_lost(f, -QEAGAIN);
	STEP("is refused: %s", quire_fault_reason_name(reason));
	f->out->si_code = si_code;
	f->out->reason = reason;
	f->out->has_vma = f->vma != NULL;
	if (f->vma)
		vma_fill_info(f->vma, &f->out->vma);
	return result;
}

enum quire_fault_result fault_sigbus(struct fault *f, enum quire_fault_reason reason)
{
	return fault_refuse(f, QUIRE_FAULT_BUS, QBUS_ADRERR, reason);
}

const char *quire_fault_reason_name(enum quire_fault_reason r)
{
	static const char *const names[QUIRE_NR_REASONS] = {
	    [QUIRE_REASON_NONE] = "none",
	    [QUIRE_REASON_NO_VMA] = "nothing is mapped there",
	    [QUIRE_REASON_PROT_NONE] = "the mapping allows no access",
	    [QUIRE_REASON_PROT_READ] = "the mapping is not readable",
	    [QUIRE_REASON_PROT_WRITE] = "the mapping is not writable",
	    [QUIRE_REASON_PROT_EXEC] = "the mapping is not executable",
	    [QUIRE_REASON_STACK_LIMIT] = "the stack would exceed a resource limit",
	    [QUIRE_REASON_STACK_GAP] = "the stack would come too close to the mapping below",
	    [QUIRE_REASON_BEYOND_EOF] = "the page lies beyond the end of the file",
	    [QUIRE_REASON_IO] = "the file could not be read",
	    [QUIRE_REASON_NO_MEMORY] = "no memory",
	    [QUIRE_REASON_GUARD] = "the page is a guard",
	    [QUIRE_REASON_POISON] = "the page is lost",
	    [QUIRE_REASON_HUGE_POOL] = "no huge page is free that others have not reserved",
	    [QUIRE_REASON_HUGE_NODE] = "no huge page is free on the nodes of the mapping",
	    [QUIRE_REASON_HUGE_SIZE] = "the file system of huge pages is full",
	    [QUIRE_REASON_HUGE_LIMIT] = "the group's limit on huge pages is reached",
	    [QUIRE_REASON_HUGE_RSVD] = "the group's limit on reserved huge pages is reached",
	    [QUIRE_REASON_HUGE_LOST] = "the mapping's owner has taken back a huge page of it",
	};

	return (unsigned)r < QUIRE_NR_REASONS ? names[r] : "?";
}
