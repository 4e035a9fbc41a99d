/* SPDX-License-Identifier: MIT */
/*
 * filter.h: which scripts the host kernel must not get, for they would damage it or take too much
 * of it.  The one place that says so, whoever has written the script.
 */
#ifndef REPLAY_FILTER_H
#define REPLAY_FILTER_H

#include "replay/script/script.h"

struct refusal {
	unsigned step; /* from 0 */
	char why[160];
};

/* True: it must not be executed on the host; *refusal says why.  The script is a valid one. */
bool host_refuses(const struct script *s, struct refusal *refusal);

#endif
