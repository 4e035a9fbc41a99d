/* SPDX-License-Identifier: MIT */
/*
 * populate.h: faults that no access of the program makes.
 */
#ifndef CORE_FAULT_POPULATE_H
#define CORE_FAULT_POPULATE_H

#include "core/base/mm_types.h"

/*
 * ---- fault.c: quire_fault() for whoever is not the program itself: no stack is grown, as on Linux
 * since 6.5 (get_user_pages).
 */
enum quire_fault_result mm_fault_in(struct quire_mm *mm, uint64_t addr, enum quire_access access);
/* The same for a pin: what is only read, but shared by a fork, becomes the mm's own, too. */
enum quire_fault_result mm_fault_in_to_pin(struct quire_mm *mm, uint64_t addr,
					   enum quire_access access);
/*
 * The first pages of [*at, end), whole ones: one at least, and as many more as cost little, being
 * of one VMA and table.  *at is then behind them.  Not OK: of the first, *at stays, and *why says
 * why.
 */
enum quire_fault_result mm_fault_in_run(struct quire_mm *mm, uint64_t *at, uint64_t end,
					enum quire_access access, enum quire_fault_reason *why);

/*
 * ---- populate.c: faults a range in.  M not held.
 * mm_populate: MADV_POPULATE_*: -ENOMEM hole or no memory, -EINVAL no right, -EFAULT SIGBUS.
 * mm_populate_locked: MAP_POPULATE and mlock: writes where that breaks COW, else reads.  Skips
 * holes; stops at the first failure with -ENOMEM (no right, SIGBUS) or -EAGAIN (no memory).
 * mm_populate_all: mlockall: skips what cannot be populated.
 * mm_populate_held: only what is mlocked, skipping what cannot be populated.
 */
int mm_populate(struct quire_mm *mm, uint64_t start, uint64_t end, enum quire_access access);
int mm_populate_locked(struct quire_mm *mm, uint64_t start, uint64_t end);
void mm_populate_all(struct quire_mm *mm);
void mm_populate_held(struct quire_mm *mm, uint64_t start, uint64_t end);

#endif
