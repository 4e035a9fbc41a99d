/* SPDX-License-Identifier: MIT */
/*
 * page.h: pages of guest memory.
 */
#ifndef RUN_PAGE_H
#define RUN_PAGE_H

#define PAGE 4096ull
#define PAGE_DOWN(x) ((x) & ~(PAGE - 1))
#define PAGE_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))

#endif
