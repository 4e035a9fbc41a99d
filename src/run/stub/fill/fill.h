/* SPDX-License-Identifier: MIT */
/*
 * fill.h: the host's mappings.
 */
#ifndef STUB_FILL_H
#define STUB_FILL_H

#include "quire/quire.h"
#include "run/stub/base/stub.h"

enum fill_result {
	FILL_OK,
	FILL_FULL,
	FILL_FAR, /* far_learn() has to ask first */
	FILL_BROKEN,
};
uint64_t walk_entry(const struct thread *t, uint64_t addr);
bool entry_permits(uint64_t entry, enum quire_access access);
bool entry_is_files(uint64_t entry);
uint64_t entry_frame(uint64_t entry);
/* Maps the page of addr, with `run` good neighbours too; the entry was read under the fill lock. */
enum fill_result fill(struct thread *t, uint64_t addr, uint64_t entry, bool run);
void drop_all(struct thread *t);
void flush_ranges(struct thread *t, const uint64_t (*ranges)[2], uint32_t n);
/* The supervisor's request on behalf of another process (proto.h); false: none was waiting. */
bool service_flush(struct thread *t);

#endif
