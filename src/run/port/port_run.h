/* SPDX-License-Identifier: MIT */
/*
 * port_run.h: the core's port under `quire run`.
 */
#ifndef RUN_PORT_RUN_H
#define RUN_PORT_RUN_H

#include "quire/quire.h"

struct run;
struct slot;

void port_run(struct run *run);
/* As quire_fault(), for the slot's thread, which maps the page anew before it runs on if that is
 * OK.
 */
enum quire_fault_result fault_and_fill(struct slot *slot, uint64_t addr, enum quire_access access,
				       struct quire_fault *f);

#endif
