/* SPDX-License-Identifier: MIT */
/*
 * kinds.c: the kinds of mapping that there are.  One is added by a file with its vma_ops and a row
 * here.
 */
#include "core/kind.h"

const struct vma_ops *const vma_kinds[NR_VMA_KINDS] = {
    [QUIRE_FILE_PAGECACHE] = &filemap_vma_ops,
    [QUIRE_FILE_SHMEM] = &shmem_vma_ops,
    [QUIRE_FILE_EXTERNAL] = &extfile_vma_ops,
    [KIND_ANON] = &anon_vma_ops,
};
