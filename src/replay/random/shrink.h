/* SPDX-License-Identifier: MIT */
/*
 * shrink.h: makes a script that shows a difference as short and plain as it can.
 */
#ifndef REPLAY_SHRINK_H
#define REPLAY_SHRINK_H

#include "replay/script/script.h"

/* `differs` says whether a script, which is valid, still shows it. */
void script_shrink(struct script *s, bool (*differs)(void *arg, const struct script *s), void *arg);

#endif
