/* SPDX-License-Identifier: MIT */
/*
 * kind.h: what a kind of mapping does differently: its struct vma_ops; and what a kind of file is.
 *
 * Each file of this folder is a kind, or two that differ in little (filemap.c), but for kinds.c,
 * the list of them, and cow.c: writes to private pages, for all of them.
 */
#ifndef CORE_KIND_KIND_H
#define CORE_KIND_KIND_H

#include "core/fault/fault.h"

/* ---- kinds.c */
extern const struct file_kind *const file_kinds[QUIRE_NR_FILE_KINDS];
/* The kinds of a machine that has no file yet: n of files, and that of mappings without one. */
void kinds_register(struct quire_machine *m, const struct file_kind *const *kinds, unsigned n);

/* ---- anon.c */
extern const struct vma_ops anon_vma_ops;

/* ---- cow.c */
/* vma_ops.write_protected of private VMAs whose pages are RAM.  f->unshare: gives no write bit. */
enum quire_fault_result cow_write_protected(struct fault *f);
enum cow_step {
	COW_REUSED, /* done, of *reused pages */
	COW_COPY,   /* with a reference on the folio: it is copied, or something else is done */
	COW_WAIT,   /* it is a copy itself, and not flushed yet: fault_await_folio() */
};
/*
 * A write, or f->unshare, of f->entry, which maps `old` read-only: reuses the page if it is this
 * mm's alone.  0, or as fault_lock().  Also of a leaf, where *reused is 1.
 */
int cow_decide(struct fault *f, struct folio *old, enum cow_step *step, unsigned *reused);
/*
 * Replaces the present f->entry by `fresh`, a private folio with the content in it; takes over
 * its reference, also on failure.  `old`: the RAM folio that f->entry maps, with a reference of
 * the caller's, which the caller keeps; NULL: the zero page or an external frame.  Where f->entry
 * is a leaf, both have as many pages as it maps.
 */
enum quire_fault_result cow_replace(struct fault *f, struct folio *old, struct folio *fresh,
				    enum quire_fault_kind kind);

/* ---- anon.c */
/* A new folio for f->addr that is nobody else's yet; f->vma is touched.  NULL: no memory. */
struct folio *anon_folio(struct fault *f, unsigned alloc_flags);
/* The same in two steps: where f->vma is not there to be asked for its policy and the page's
 * number, and when it is known for which VMA: f->addr of f->vma. */
struct folio *anon_folio_ahead(struct fault *f, uint64_t policy, uint64_t number);
void anon_place(struct fault *f, struct folio *folio);
/*
 * A large folio that nobody else knows becomes the private page of f->vma, of `level`
 * (fault_install_leaf()), that has f->addr; f->vma is touched.
 */
void anon_place_large(struct fault *f, struct folio *folio, unsigned level);
/* Up to n of them, for f->addr and the pages behind it.  Returns how many; 0: no memory. */
unsigned anon_folios(struct fault *f, struct folio **v, unsigned n, unsigned alloc_flags);

#endif
