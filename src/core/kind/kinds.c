/* SPDX-License-Identifier: MIT */
/*
 * kinds.c: the kinds of files that there are.  One is added by a file of this folder, with what its
 * mappings do (struct vma_ops) and what its files are (struct file_kind), by its name in quire.h
 * and a row here.
 */
#include "core/kind/kind.h"

#define FILE_KINDS(X)                                                                              \
	X(QUIRE_FILE_PAGECACHE, pagecache_kind)                                                    \
	X(QUIRE_FILE_EXTERNAL, extfile_kind)                                                       \
	X(QUIRE_FILE_SHMEM, shmem_kind)                                                            \
	X(QUIRE_FILE_HUGETLB, hugetlb_kind)

#define DECLARE(number, kind) extern const struct file_kind kind;
FILE_KINDS(DECLARE)

#define ROW(number, kind) [number] = &kind,
const struct file_kind *const file_kinds[QUIRE_NR_FILE_KINDS] = {FILE_KINDS(ROW)};

void kinds_register(struct quire_machine *m, const struct file_kind *const *kinds, unsigned n)
{
	m->kinds = kinds;
	m->nr_kinds = n;
	m->anon_ops = &anon_vma_ops;
}
