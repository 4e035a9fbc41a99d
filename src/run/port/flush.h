/* SPDX-License-Identifier: MIT */
/*
 * flush.h: flushes by a thread that is not in the address space.
 */
#ifndef RUN_FLUSH_H
#define RUN_FLUSH_H

#include "quire/port.h"

#include <stdbool.h>

struct space;

/* *lent: set as struct chan says (service_lent). */
void flush_remote(struct space *space, const struct quire_tlb_range *ranges, unsigned n,
		  bool *lent);

#endif
