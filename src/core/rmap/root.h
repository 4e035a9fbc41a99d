/* SPDX-License-Identifier: MIT */
/*
 * root.h: whose private pages are where: one root for each address space, in the tree of forks.
 *
 *   1  The folio of a private page names the root of the mm that made it (folio->root).  Every mm
 *      that maps the page is that one or descends from it by forks.
 *   2  A root stays in the tree while its mm lives, and while one that descends from it does.  So
 *      while a page has an entry, its root is there: who reads folio->root in RCU and finds
 *      mapcount > 0 afterwards has a root that is not freed before it leaves RCU.
 *   3  Fork links the child behind its brothers and sisters before it copies the first entry.  A
 *      walk looks at an mm's entries first, and for its children afterwards: what the child has
 *      copied before is found with the child, and what it copies later was seen already.
 *   4  A chain of forks whose parents have ended does not grow without end.  A fork that finds many
 *      roots in a row above it, of ended mms with one child each, gives the pages that have their
 *      names that of the root below them: such pages are mapped there and further down, nowhere
 *      else.  Then the roots go.  A walk that goes through one of them keeps it.  While a page is
 *      being moved they stay, and while very many descend from the root below them.
 */
#ifndef CORE_RMAP_ROOT_H
#define CORE_RMAP_ROOT_H

#include "core/base/anon_types.h"
#include "core/base/mm_types.h"

/* Of a new mm, without a parent.  NULL: no memory. */
struct anon_root *anon_root_new(struct quire_mm *mm);
/* The mm ends: nothing is found through its root any more.  Its tables are there still.  Sleeps. */
void anon_root_end(struct anon_root *root);
/* Invariants 3 and 4: the child, which nobody else knows, is `parent`'s.  Both M. */
void anon_root_fork(struct quire_mm *parent, struct quire_mm *child);

/* ---- for walks */

/* Where to look for the folio's entries, with a reference.  NULL: it has none.  Not in RCU. */
struct anon_root *anon_root_of(struct quire_machine *m, struct folio *folio);
/* The next one after `at` in the tree below `start`, parents first; takes over a reference. */
struct anon_root *anon_root_next(struct anon_root *start, struct anon_root *at);
void anon_root_get(struct anon_root *root);
void anon_root_put(struct anon_root *root);

/* `root` is that of `below`, or of one that it descends from.  The machine is at rest. */
bool anon_root_is_above(const struct anon_root *root, const struct anon_root *below);

#endif
