/* SPDX-License-Identifier: MIT */
/*
 * page.h: pages and frame numbers, and what any file needs.
 */
#ifndef CORE_BASE_PAGE_H
#define CORE_BASE_PAGE_H

#include "ds/base.h"
#include "quire/abi.h"
#include "quire/quire.h"
#include "sync.h"

#include "core/base/arch.h"
#include "core/base/rules.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) (((x) + PAGE_SIZE - 1) & PAGE_MASK)

#define MAX_ORDER 10 /* 4 MiB */
#define HUGE_ORDER 9 /* 2 MiB */
#define MAX_CPUS 64
#define NO_FRAME UINT32_MAX

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

typedef uint32_t pfn_t; /* frame number: RAM first, then the table zone */

#define unlikely(x) __builtin_expect(!!(x), 0)
#define likely(x) __builtin_expect(!!(x), 1)

#endif
