/* SPDX-License-Identifier: MIT */
/*
 * compact.c: memory is compacted because a program asks for it, and a line tells what came of it.
 *
 * Owns run->compacted (A).
 */
#include "run/call/compact.h"

#include "quire/quire.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/wire/atomic.h"

#include <stdio.h>

#define ORDER 9 /* as large as a large page */

static void count(struct compacted *c, const struct quire_compact_result *r)
{
	atomic_add(&c->times, 1);
	atomic_add(&c->blocks, r->made);
	atomic_add(&c->pages, r->moved);
}

/* "; kept: 2 by a page table, 1 by ..", or nothing. */
static void put_kept(char *text, size_t size, const struct quire_compact_result *r)
{
	static const char *const by[QUIRE_NR_STUCK] = {
#define X(reason, name, text) [QUIRE_STUCK_##reason] = text,
	    QUIRE_STUCK_REASONS(X)
#undef X
	};
	size_t len = 0;

	text[0] = 0;
	for (unsigned i = 0; i < QUIRE_NR_STUCK && len < size; i++)
		if (r->stuck[i])
			len += (size_t)snprintf(
			    text + len, size - len, "%s%llu by %s",
			    len ? ", " : "; kept: ", (unsigned long long)r->stuck[i], by[i]);
}

int compact_memory(struct run *run, uint64_t node)
{
	bool all = node >= quire_machine_nodes(run->machine);
	struct quire_compact_result r = {0};
	char kept[SAY_TEXT];
	int err = quire_compact(run->machine, all ? QUIRE_ALL_NODES : (unsigned)node, ORDER, 0, &r);

	if (err)
		return err;
	count(&run->compacted, &r);
	put_kept(kept, sizeof(kept), &r);
	run_note(run, "compaction: made %llu block%s of 2 MiB, moved %llu page%s%s",
		 (unsigned long long)r.made, r.made == 1 ? "" : "s", (unsigned long long)r.moved,
		 r.moved == 1 ? "" : "s", kept);
	return 0;
}
