/* SPDX-License-Identifier: MIT */
/*
 * absent.c: an access to an address whose entry is not PRESENT: entry.h, 3 and 4.  It may be one of
 * an upper table, which stands for all pages under its slot.
 *
 *   1  A page that is being moved to another frame is waited for, by its folio lock (F), which its
 *      mover holds until the page is back.  No reference is taken for the wait: its mover freezes
 *      the page, which succeeds only if nobody has one that it does not know of.  The frame may be
 *      another's by then, and the wait end early or late: the fault starts over.
 *   2  What the entry says counts only if it is proved under its lock, like anything that a fault
 *      decides by (install.c, 1).  A refusal is one of the living (fault_refuse()).
 */
#include "core/fault/fault.h"
#include "core/frame/folio.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"

enum quire_fault_result fault_await_folio(struct fault *f, struct folio *folio)
{
	struct quire_machine *m = f->mm->machine;

	if (!fault_sleep(f))
		return QUIRE_FAULT_OK;
	folio_await_unlock(m, folio);
	return fault_wake(f);
}

/* Invariant 1. */
static enum quire_fault_result await_migration(struct fault *f)
{
	struct folio *folio = migration_folio(f->mm->machine, f->entry);
	enum quire_fault_result result;
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (err)
		return fault_lost(f, err);
	STEP("finds the page of %#lx on its way: will wait for it", f->addr);
	if (!RULE(waits_without_reference))
		folio_get(folio);
	pt_unlock(&ref);
	result = fault_await_folio(f, folio);
	if (!RULE(waits_without_reference))
		folio_put(f->mm->machine, folio);
	return result;
}

/* There is no userfaultfd yet that would protect the page that comes: the marker goes. */
static enum quire_fault_result drop_marker(struct fault *f)
{
	struct pt_ref ref;
	int err = fault_lock(f, &ref);

	if (!err) {
		pt_set(&ref, ref.entry, 0);
		pt_unlock(&ref);
	}
	return fault_lost(f, err ? err : -QEAGAIN);
}

/* As on the host, a guard is as if nothing were mapped there. */
static enum quire_fault_result meet_marker(struct fault *f)
{
	switch ((enum entry_marker)entry_payload(f->entry)) {
	case MARKER_GUARD:
		return fault_refuse(f, QUIRE_FAULT_SEGV, QSEGV_MAPERR, QUIRE_REASON_GUARD);
	case MARKER_POISON:
		return fault_sigbus(f, QUIRE_REASON_POISON);
	case MARKER_UFFD_WP:
		break;
	}
	return drop_marker(f);
}

enum quire_fault_result fault_absent(struct fault *f)
{
	switch (entry_kind_absent(f->entry)) {
	case ENTRY_MIGRATION:
		return await_migration(f);
	case ENTRY_SWAP: /* nothing could read it back */
		return fault_sigbus(f, QUIRE_REASON_IO);
	case ENTRY_MARKER:
		return meet_marker(f);
	case ENTRY_ZERO:
	case ENTRY_ANON:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
	case ENTRY_NONE:
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(f->mm->machine);
}
