/* SPDX-License-Identifier: MIT */
#include "engine.h"

struct shared *sh;

void world_new(void)
{
	sched_reset();
	sh = sched_alloc(sizeof(*sh));
	memset(sh, 0, sizeof(*sh));
	sched_port(&sh->port);
}
