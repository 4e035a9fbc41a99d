/* SPDX-License-Identifier: MIT */
/*
 * entry.h: entries of page tables, and what kinds of them there are.
 *
 * Code that looks at an entry asks for its kind, and says for each kind what is done.  A new kind
 * is a row here; the compiler names the places that have no answer to it (-Wswitch-enum).
 *
 *   1  Only 0 is ENTRY_NONE.  An entry of no kind that exists is reported by verify; all other code
 *      panics (entry_unknown()).
 *   2  An entry of kind ENTRY_ANON or ENTRY_CACHE counts in its folio's references and mapcount; no
 *      other does.
 *   3  An entry without PRESENT says in 5 bits of what type it is, and has 50 bits of payload.
 *      A marker's translation is cached by nobody, so that it goes without a flush.
 *   4  A migration entry stands where a page is being moved to another frame.  The thread that
 *      moves it has the folio locked (F), with a reference or with all of them (frozen), until the
 *      entry has gone or names a page again.  The entry itself counts in the rss of its mm and in
 *      nothing else.  Its payload is the frame, and what the page's entry had beside it; its type
 *      is the right to write: writable, read-only of a page that is this mm's alone, or read-only.
 *      What it says when the page comes back counts, and nothing that the folios say: fork and
 *      mprotect change it there.  So FOLIO_EXCLUSIVE goes from the folio to the entry, and from
 *      the entry to the folio that it names in the end (migration_of(), migration_back()).
 *      A page that has a pin is not moved: that is asked under the PTL under which the entry is put
 *      in.  The thread flushes after that, without the PTL.  So the translation may still be
 *      cached, and whoever takes the entry away, or rights from it, flushes its address like a
 *      page's.  And whoever takes it away, or moves it, marks the page like a mapped one if the
 *      host may still use it (tlb.c, 4).
 *   5  A slot of an upper table holds a table, or one entry for all pages under the slot: a leaf
 *      (LEAF), or an entry without PRESENT.  That entry is locked by the upper table's lock (U).
 *   6  A leaf of RAM maps a large folio as a whole, and counts in it once for each page: n times in
 *      references and mapcount.  It is of a mapping of such pages (vma_ops.page_shift), which is
 *      never split within one: whoever changes the entry has all of it.
 *
 * Of entries without PRESENT only those of pages that are being moved are made (rmap/migrate.c);
 * the others are made by tests.  Leaves are made by faults (fault/leaf.c).  What is done with them:
 *
 *                 migration      swap       guard         poison     leaf
 *     zap         goes, rss -n   goes       munmap only   goes       goes, whole: one run of n
 *     fork        copied; a      copied     copied        copied     copied, n times; private:
 *                 private page                                       read-only; pinned: its kind
 *                 read-only                                          says (copy_pinned)
 *     mincore     resident       no         as none       as none    resident
 *     usage       its page       swap       nowhere       nowhere    n pages
 *     access      waits for F    SIGBUS     SIGSEGV       SIGBUS     as a page's; a page of it is
 *                                                                    pinned, read, written
 *     mprotect    its rights     stays      stays         stays      changes
 *                 change
 *     mremap      moves          moves      moves         moves      moves: one U, then the other
 *     walk        comes back     none       none          none       is met once (rmap/walk.c)
 *     verify      bad            bad        good          good       as its page, n times
 *
 * A write-protect marker of userfaultfd is treated as a guard is, but an access removes it.  In a
 * slot of an upper table the same is done with each of them.
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
#define PTE_LEAF QUIRE_PTE_HUGE /* in an upper table: no table, but the pages themselves */
#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)

/* What an entry has of its page, and not of its VMA's rights. */
#define PTE_KEPT_BITS                                                                              \
	(QUIRE_PTE_FRAME_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_LEAF | PTE_EXTERNAL |               \
	 PTE_SOFT_DIRTY | QUIRE_PTE_UFFD_WP)

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

/* ---- without PRESENT (3) ----------------------------------------------------- */

#define ENTRY_TYPE_SHIFT 1
#define ENTRY_TYPE_BITS 5
#define ENTRY_PAYLOAD_SHIFT (ENTRY_TYPE_SHIFT + ENTRY_TYPE_BITS)
#define ENTRY_PAYLOAD_BITS 50

enum entry_type {
	ENTRY_TYPE_NONE,
	/* The payload is a frame number, and what else the page's entry had: migration_of(). */
	ENTRY_MIGRATE_READ,
	ENTRY_MIGRATE_EXCLUSIVE,
	ENTRY_MIGRATE_WRITE,
	/* The payload is for whoever has swapped the page out. */
	ENTRY_SWAPPED,
	/* The payload is one of enum entry_marker. */
	ENTRY_MARKED,
};

enum entry_marker {
	MARKER_POISON = 1, /* the page is lost */
	MARKER_GUARD,      /* nothing may be there */
	MARKER_UFFD_WP,    /* the page that comes is write-protected */
};
#define MARKER_LAST MARKER_UFFD_WP /* behind it there is none */

/* entry_make(), as a constant. */
#define ENTRY_ABSENT(type, payload)                                                                \
	((pte_t)(type) << ENTRY_TYPE_SHIFT | (pte_t)(payload) << ENTRY_PAYLOAD_SHIFT)

static inline pte_t entry_make(enum entry_type type, uint64_t payload)
{
	return ENTRY_ABSENT(type, payload);
}

static inline enum entry_type entry_type(pte_t e)
{
	return (enum entry_type)(e >> ENTRY_TYPE_SHIFT & ((1u << ENTRY_TYPE_BITS) - 1));
}

static inline uint64_t entry_payload(pte_t e)
{
	return e >> ENTRY_PAYLOAD_SHIFT & ((1ull << ENTRY_PAYLOAD_BITS) - 1);
}

/* ---- kinds ------------------------------------------------------------------- */

enum entry_kind {
	ENTRY_NONE,
	ENTRY_ZERO,      /* the zero page */
	ENTRY_ANON,      /* a private page */
	ENTRY_CACHE,     /* a page of a file's page cache */
	ENTRY_EXTERNAL,  /* a frame of the embedder's */
	ENTRY_MIGRATION, /* entry_type() says of what sort */
	ENTRY_SWAP,
	ENTRY_MARKER,
	ENTRY_UNKNOWN,
};

__attribute__((noreturn)) static inline void entry_unknown(const struct quire_machine *m)
{
	q_panic(m, "an entry of a page table is of no kind that exists");
}

static inline bool entry_none(pte_t e)
{
	return !e;
}

/* In an upper table.  What is none of them is one entry (5), and has a kind. */
static inline bool entry_is_table(pte_t e)
{
	return (e & (PTE_PRESENT | PTE_LEAF)) == PTE_PRESENT;
}

static inline enum entry_kind entry_kind_absent(pte_t e)
{
	if (entry_none(e))
		return ENTRY_NONE;
	if (e >> (ENTRY_PAYLOAD_SHIFT + ENTRY_PAYLOAD_BITS))
		return ENTRY_UNKNOWN;
	switch (entry_type(e)) {
	case ENTRY_MIGRATE_READ:
	case ENTRY_MIGRATE_EXCLUSIVE:
	case ENTRY_MIGRATE_WRITE:
		return ENTRY_MIGRATION;
	case ENTRY_SWAPPED:
		return ENTRY_SWAP;
	case ENTRY_MARKED:
		if (entry_payload(e) - 1 < MARKER_LAST)
			return ENTRY_MARKER;
		break;
	case ENTRY_TYPE_NONE:
		break;
	}
	return ENTRY_UNKNOWN;
}

/* A page that is being moved to another frame (4). */
static inline bool entry_is_moving(pte_t e)
{
	return unlikely(!pte_present(e)) && entry_kind_absent(e) == ENTRY_MIGRATION;
}

/* A page is there, and its frame is one of the machine's, if the entry is not broken. */
static inline bool entry_names_ram(pte_t e)
{
	return (e & (PTE_PRESENT | PTE_EXTERNAL)) == PTE_PRESENT;
}

/* Of an entry that names RAM, by the flags of its folio. */
static inline enum entry_kind entry_kind_by_flags(uint32_t flags)
{
	if (unlikely(flags & FOLIO_PERMANENT))
		return ENTRY_ZERO;
	return flags & FOLIO_ANON ? ENTRY_ANON : ENTRY_CACHE;
}

/* Of a last-level entry, or of a leaf.  PTL (or U) held, or with what else keeps the page. */
static inline enum entry_kind entry_kind(const struct quire_machine *m, pte_t e)
{
	uint32_t flags;

	if (unlikely(!pte_present(e)))
		return entry_kind_absent(e);
	if (unlikely(e & PTE_EXTERNAL))
		return ENTRY_EXTERNAL;
	flags = atomic_load_relaxed(&pfn_folio(m, pte_frame(e))->flags);
	if (unlikely(flags & (FOLIO_PERMANENT | FOLIO_TAIL)))
		flags = atomic_load_relaxed(&frame_folio(m, pte_frame(e))->flags);
	return entry_kind_by_flags(flags);
}

/* Maps a folio that it counts in (2). */
static inline bool entry_has_folio(const struct quire_machine *m, pte_t e)
{
	enum entry_kind kind = entry_kind(m, e);

	return kind == ENTRY_ANON || kind == ENTRY_CACHE;
}

/* The folio of an ENTRY_ANON; of any other kind NULL. */
static inline struct folio *entry_anon_folio(const struct quire_machine *m, pte_t e)
{
	struct folio *f;

	if (unlikely(!entry_names_ram(e)))
		return NULL;
	f = frame_folio(m, pte_frame(e));
	return folio_test(f, FOLIO_ANON) ? f : NULL;
}

/* Of an entry that has one, or maps the zero page. */
static inline struct folio *entry_folio(const struct quire_machine *m, pte_t e)
{
	return frame_folio(m, pte_frame(e));
}

/* ---- a page that is being moved (4) -------------------------------------------- */

#define MIGRATION_FRAME_BITS 40
/* Of the page's entry, and from which bit of the payload on it is: what is side by side moves as
 * one.  WRITE is the type. */
#define MIGRATION_KEEPS(X)                                                                         \
	X(PTE_USER, 40)                                                                            \
	X(PTE_ACCESSED | PTE_DIRTY, 41)                                                            \
	X(QUIRE_PTE_UFFD_WP | PTE_SOFT_DIRTY, 43)                                                  \
	X(PTE_SHARED, 45)                                                                          \
	X(PTE_NX, 46)
#define MIGRATION_LAST_BIT 46
_Static_assert(MIGRATION_LAST_BIT < ENTRY_PAYLOAD_BITS, "all that is kept has room");

static inline uint64_t migration_frame(pte_t e)
{
	return entry_payload(e) & ((1ull << MIGRATION_FRAME_BITS) - 1);
}

/* For an entry that names a page.  exclusive: the page is this mm's alone. */
static inline pte_t migration_of(pte_t e, bool exclusive)
{
	uint64_t payload = pte_frame(e);

#define X(bits, at) payload |= (e & (bits)) / ((bits) & -(bits)) << (at);
	MIGRATION_KEEPS(X)
#undef X
	return entry_make(e & PTE_WRITE ? ENTRY_MIGRATE_WRITE
			  : exclusive   ? ENTRY_MIGRATE_EXCLUSIVE
					: ENTRY_MIGRATE_READ,
			  payload);
}

/* The entry that it was made of, or has become since, of the page in that frame. */
static inline pte_t migration_back(pte_t e, uint64_t frame)
{
	uint64_t payload = entry_payload(e);
	pte_t val = pte_make(frame, PTE_PRESENT);

	if (entry_type(e) == ENTRY_MIGRATE_WRITE)
		val |= PTE_WRITE;
#define X(bits, at) val |= ((payload >> (at)) * ((bits) & -(bits))) & (bits);
	MIGRATION_KEEPS(X)
#undef X
	return val;
}

static inline struct folio *migration_folio(const struct quire_machine *m, pte_t e)
{
	return frame_folio(m, migration_frame(e));
}

/* The page is this mm's alone. */
static inline bool migration_is_exclusive(const struct quire_machine *m, pte_t e)
{
	return entry_type(e) != ENTRY_MIGRATE_READ && folio_test(migration_folio(m, e), FOLIO_ANON);
}

/*
 * The node of the page, as move_pages(2) tells it: of an embedder's frame nothing is known, it is
 * taken to be on node 0.  -ENOENT: there is no page; -EFAULT: the zero page, which is nowhere.
 */
static inline int entry_node(const struct quire_machine *m, pte_t e)
{
	switch (entry_kind(m, e)) {
	case ENTRY_ANON:
	case ENTRY_CACHE:
		return (int)folio_zone(pfn_folio(m, pte_frame(e)));
	case ENTRY_MIGRATION:
		return (int)folio_zone(migration_folio(m, e));
	case ENTRY_EXTERNAL:
		return 0;
	case ENTRY_ZERO:
		return -QEFAULT;
	case ENTRY_NONE:
	case ENTRY_SWAP:
	case ENTRY_MARKER:
		return -QENOENT;
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(m);
}

/* What is the mm's own of a private mapping: a page, wherever it is now, or a marker. */
static inline bool entry_is_private(const struct quire_machine *m, pte_t e)
{
	switch (entry_kind(m, e)) {
	case ENTRY_ANON:
	case ENTRY_SWAP:
	case ENTRY_MARKER:
		return true;
	case ENTRY_MIGRATION:
		return folio_test(migration_folio(m, e), FOLIO_ANON);
	case ENTRY_NONE:
	case ENTRY_ZERO:
	case ENTRY_CACHE:
	case ENTRY_EXTERNAL:
		return false;
	case ENTRY_UNKNOWN:
		break;
	}
	entry_unknown(m);
}

/* Of the entry of an upper slot: that of one of its pages, `at` bytes behind the first. */
static inline pte_t entry_of_page(pte_t e, uint64_t at)
{
	return pte_present(e) ? (e & ~PTE_LEAF) + (at & PAGE_MASK) : e;
}

/* A private page that may be another mm's as well.  PTL held; else a hint. */
static inline bool entry_is_forked(const struct quire_machine *m, pte_t e)
{
	return entry_kind(m, e) == ENTRY_ANON && !folio_test(entry_folio(m, e), FOLIO_EXCLUSIVE);
}

#endif
