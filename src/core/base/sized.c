/* SPDX-License-Identifier: MIT */
/*
 * sized.c: structs of the embedder's, which may know another version of them than this library.
 */
#include "core/base/sized.h"

bool copy_sized(void *to, size_t known, size_t needed, const void *from, size_t given)
{
	const uint8_t *bytes = from;

	if (given < needed)
		return false;
	for (size_t i = known; i < given; i++)
		if (bytes[i])
			return false;
	memset(to, 0, known);
	memcpy(to, from, given < known ? given : known);
	return true;
}

void fill_sized(void *to, size_t given, const void *from, size_t known)
{
	memcpy(to, from, given < known ? given : known);
	if (given > known)
		memset((char *)to + known, 0, given - known);
}
