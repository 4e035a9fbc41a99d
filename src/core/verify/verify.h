/* SPDX-License-Identifier: MIT */
/*
 * verify.h: what the parts of quire_verify() share: verify.c (frames, files, totals) and
 * verify_mm.c (VMAs, tables, entries).
 */
#ifndef CORE_VERIFY_VERIFY_H
#define CORE_VERIFY_VERIFY_H

#include "core/base/file_types.h"
#include "core/frame/zone.h"

/* What a frame's counts should be, by all that was found to refer to it. */
struct expected {
	uint32_t refs;
	int32_t maps;   /* of all pages of the folio that this is the head of */
	uint32_t alone; /* of this frame */
};

struct verify {
	struct quire_machine *m;
	void (*report)(void *arg, const char *line);
	void *arg;
	unsigned bad;
	struct expected *expected[256]; /* by zone: its frames below the frontier */
	uint64_t file_vmas;             /* VMAs of files, in trees of address spaces */
	uint64_t linked_vmas;           /* VMAs in interval trees of files */
	uint64_t committed;             /* pages */
	uint64_t pins;                  /* of all frames */
	int64_t tables, mapped_anon, mapped_file;
};

void verify_bad(struct verify *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* NULL: no frame of this number was ever in use. */
struct expected *verify_frame(struct verify *v, uint64_t pfn);
/* Entries, or a leaf, map n frames of the folio from pfn on. */
void verify_entry_of(struct verify *v, const struct folio *f, uint64_t pfn, unsigned n);
/*
 * verify_frames.c.  Quiescent and drained: the buddy lists against flags and counts.  Returns the
 * violations.
 */
unsigned frames_verify(struct quire_machine *m, void (*report)(void *, const char *), void *arg);
/* verify_huge.c */
void verify_huge(struct verify *v);
/* verify_mm.c */
void verify_mm(struct verify *v, struct quire_mm *mm);
/* verify_anon.c: of an mm, and of an entry of a private page that it has at addr. */
void verify_root(struct verify *v, const struct quire_mm *mm);
void verify_found(struct verify *v, const struct quire_mm *mm, uint64_t addr, const struct folio *f,
		  uint64_t pfn);

#endif
