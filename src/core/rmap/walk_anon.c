/* SPDX-License-Identifier: MIT */
/*
 * walk_anon.c: the entries that map a private page: none is found yet.
 */
#include "core/rmap/walk.h"

void rmap_walk_anon(struct quire_machine *m, struct rmap_walk *w)
{
	(void)m;
	(void)w;
}
