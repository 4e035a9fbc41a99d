/* SPDX-License-Identifier: MIT */
/*
 * sized.h: structs of the embedder's, which may know another version of them than this library.
 */
#ifndef CORE_BASE_SIZED_H
#define CORE_BASE_SIZED_H

#include "core/base/page.h"

/*
 * A struct of the embedder's: bytes that this library does not know must be zero, those that the
 * embedder did not know become zero.  False: it lacks what is needed, or asks for what is unknown.
 */
bool copy_sized(void *to, size_t known, size_t needed, const void *from, size_t given);
/* A struct for the embedder: as much of it as it knows, and zeroes for what we do not know. */
void fill_sized(void *to, size_t given, const void *from, size_t known);

#endif
