/* SPDX-License-Identifier: MIT */
/*
 * large.h: a kind of mapping for scenarios and tests: large pages, each of which a leaf maps.
 *
 * Private mappings have zeros of their own, or copies of what the file's cache has; shared ones add
 * zeros to the cache.  Nothing is reserved: memory comes from the machine's free lists.
 */
#ifndef CHECK_LARGE_H
#define CHECK_LARGE_H

#include "core/base/file_types.h"

/* Kinds of files behind those that there are: large_register(). */
#define LARGE_2M ((enum quire_file_kind)QUIRE_NR_FILE_KINDS)
#define LARGE_1G ((enum quire_file_kind)(QUIRE_NR_FILE_KINDS + 1))

/* quire_file_options.priv; all may be 0. */
struct large {
	/* Where its folios come from; NULL: folio_alloc(). */
	struct folio *(*alloc)(struct quire_machine *m, unsigned order);
	/* fork gives the child nothing for a pinned page, or fails. */
	bool child_goes_without;
	int fork_error;
};

void large_register(struct quire_machine *m);

#endif
