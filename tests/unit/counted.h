/* SPDX-License-Identifier: MIT */
/*
 * counted.h: a kind of mapping that belongs to the tests: what it is asked it counts, and it
 * answers as a test wishes.
 */
#ifndef QUIRE_TEST_COUNTED_H
#define QUIRE_TEST_COUNTED_H

#include "core/base/file_types.h"

/* Behind the kinds that there are: counted_register(). */
#define COUNTED_SMALL ((enum quire_file_kind)QUIRE_NR_FILE_KINDS)
#define COUNTED_LARGE ((enum quire_file_kind)(QUIRE_NR_FILE_KINDS + 1)) /* pages of 2 MiB */
/* Told by range what is gone, not by number. */
#define COUNTED_RANGES ((enum quire_file_kind)(QUIRE_NR_FILE_KINDS + 2))

#define ACCOUNT_MAGIC 0x6163636f756e7473ull /* what vma->private points to, while it lives */

/* quire_file_options.priv. */
struct counted {
	uint64_t opens, closes; /* of VMAs; A */
	uint64_t accounts;      /* vma->private that there are; A */
	int64_t charged;        /* pages; A */
	int64_t limit;          /* .. that may be */
	uint64_t cuts;          /* ranges that are gone; A */
	uint64_t last_cut[2];   /* .. the last: addresses */
	/* Refused with that errno; 0: allowed. */
	int no_split, no_move, no_advice, no_populate;
	bool no_merge;
	bool not_copied; /* fork copies no entries */
};

void counted_register(struct quire_machine *m);

#endif
