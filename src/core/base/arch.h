/* SPDX-License-Identifier: MIT */
/*
 * arch.h: what the core needs of the processor and the compiler, as far as a compiler can tell.
 *
 * docs/porting.md says the same in words, and what no compiler can tell, such as the order of
 * memory.
 */
#ifndef CORE_ARCH_H
#define CORE_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(void *) == 8 && sizeof(size_t) == 8 && sizeof(uintptr_t) == 8,
	       "addresses of the embedder have 64 bits");
_Static_assert(_Alignof(uint64_t) == 8 && _Alignof(void *) == 8,
	       "a word of 64 bits that two threads share lies in one cache line");
_Static_assert(__atomic_always_lock_free(8, 0), "atomic read-modify-writes of 64 bits, no lock");
_Static_assert(__atomic_always_lock_free(4, 0), "atomic read-modify-writes of 32 bits, no lock");
/* An access of one byte is atomic wherever there is one; none is read, modified and written. */
_Static_assert(sizeof(bool) == 1, "flags of one byte");
/* Counters add negative numbers to unsigned words, and read signed ones back. */
_Static_assert((int32_t)0xffffffffu == -1 && (int64_t)UINT64_MAX == -1, "two's complement");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ || __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
	       "bytes of a word in one of two orders (folio_get_mapped)");

#endif
