/* SPDX-License-Identifier: MIT */
/*
 * vdso.h: the host's vdso.
 */
#ifndef STUB_VDSO_H
#define STUB_VDSO_H

#include "run/stub/life/start.h"

/* Out of the guest's range and of ours, to VDSO_HOME. */
void vdso_move(struct start *s);
/* With --nodes; once struct run_info is mapped. */
void vdso_tell_nodes(const struct start *s);

#endif
