/* SPDX-License-Identifier: MIT */
/*
 * entry.h: entries of page tables, and what kinds of them there are.
 *
 * Who looks at an entry asks for its kind, and says for each what is done: a new kind is a row
 * here, and the compiler names the places that have no answer.
 *
 *   1  Only 0 is ENTRY_NONE.  What is neither 0 nor present is of no kind that there is: verify
 *      reports it, and whoever else meets it in a last-level table panics (entry_unknown()).
 *   2  An entry of kind ENTRY_ANON or ENTRY_CACHE counts in its folio's references and mapcount; no
 *      other does.
 */
#ifndef CORE_TABLE_ENTRY_H
#define CORE_TABLE_ENTRY_H

#include "core/base/mm_types.h"
#include "core/frame/folio.h"

typedef uint64_t pte_t;

#define PTE_PRESENT QUIRE_PTE_PRESENT
#define PTE_WRITE QUIRE_PTE_WRITE
#define PTE_USER QUIRE_PTE_USER
#define PTE_ACCESSED QUIRE_PTE_ACCESSED
#define PTE_DIRTY QUIRE_PTE_DIRTY
#define PTE_EXTERNAL QUIRE_PTE_EXTERNAL
#define PTE_SOFT_DIRTY QUIRE_PTE_SOFT_DIRTY
#define PTE_SHARED QUIRE_PTE_SHARED
#define PTE_NX QUIRE_PTE_NX
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

static inline uint64_t pte_frame(pte_t e)
{
	return (e & QUIRE_PTE_FRAME_MASK) >> PAGE_SHIFT;
}

static inline bool pte_present(pte_t e)
{
	return (e & PTE_PRESENT) != 0;
}

static inline pte_t pte_make(uint64_t frame, uint64_t bits)
{
	return (frame << PAGE_SHIFT) | bits;
}

enum entry_kind {
	ENTRY_NONE,
	ENTRY_ZERO,     /* the zero page */
	ENTRY_ANON,     /* a private page */
	ENTRY_CACHE,    /* a page of a file's page cache */
	ENTRY_EXTERNAL, /* a frame of the embedder's */
	ENTRY_UNKNOWN,
};

__attribute__((noreturn)) static inline void entry_unknown(const struct quire_machine *m)
{
	q_panic(m, "an entry of a page table is of no kind that exists");
}

static inline bool entry_is_none(const struct quire_machine *m, pte_t e)
{
	if (likely(pte_present(e)))
		return false;
	if (unlikely(e))
		entry_unknown(m);
	return true;
}

/* PTL held, or with what else keeps the page. */
static inline enum entry_kind entry_kind(const struct quire_machine *m, pte_t e)
{
	uint32_t flags;

	if (unlikely(!pte_present(e)))
		return e ? ENTRY_UNKNOWN : ENTRY_NONE;
	if (unlikely(e & PTE_EXTERNAL))
		return ENTRY_EXTERNAL;
	flags = atomic_load_relaxed(&pfn_folio(m, pte_frame(e))->flags);
	if (unlikely(flags & FOLIO_PERMANENT))
		return ENTRY_ZERO;
	return flags & FOLIO_ANON ? ENTRY_ANON : ENTRY_CACHE;
}

/* Maps a folio that it counts in (2). */
static inline bool entry_has_folio(const struct quire_machine *m, pte_t e)
{
	enum entry_kind kind = entry_kind(m, e);

	return kind == ENTRY_ANON || kind == ENTRY_CACHE;
}

static inline bool entry_is_external(pte_t e)
{
	return pte_present(e) && (e & PTE_EXTERNAL);
}

/* Of an entry that has one, or maps the zero page. */
static inline struct folio *entry_folio(const struct quire_machine *m, pte_t e)
{
	return pfn_folio(m, pte_frame(e));
}

#endif
