/* SPDX-License-Identifier: MIT */
/*
 * kinds.c: the kinds of mapping that there are.  One is added by a file with its vma_ops, a row
 * here and, where it is a kind of file, its name in quire.h.
 */
#include "core/kind/kind.h"

#define VMA_KINDS(X)                                                                               \
	X(QUIRE_FILE_PAGECACHE, filemap_vma_ops)                                                   \
	X(QUIRE_FILE_EXTERNAL, extfile_vma_ops)                                                    \
	X(QUIRE_FILE_SHMEM, shmem_vma_ops)                                                         \
	X(KIND_ANON, anon_vma_ops)

#define DECLARE(kind, ops) extern const struct vma_ops ops;
VMA_KINDS(DECLARE)

#define ROW(kind, ops) [kind] = &ops,
const struct vma_ops *const vma_kinds[NR_VMA_KINDS] = {VMA_KINDS(ROW)};
