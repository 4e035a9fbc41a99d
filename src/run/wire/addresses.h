/* SPDX-License-Identifier: MIT */
/*
 * addresses.h: where things are in every guest process.  Freestanding.
 */
#ifndef RUN_WIRE_ADDRESSES_H
#define RUN_WIRE_ADDRESSES_H

/* The guest owns what lies below; a pointer argument at or
 * above it is EFAULT before the stub makes any native call with it (tests/run/hostile.c: pointers).
 * As high as can be: what has a plan of its own for the whole address space, as a program compiled
 * with -fsanitize=thread, wants its mappings from 0x7e8000000000 on.  Above the page tables, of up
 * to 512 GiB, is the host's stack.
 */
#define GUEST_TASK_SIZE 0x7ea000000000ull
#define FILLS_BASE 0x7ea100000000ull   /* pieces of windows on their way to the guest */
#define FAR_ROOM 0x7ea800000000ull     /* the way to pages of far ranges: far.c */
#define SEEDS_BASE 0x7ee800000000ull   /* windows of one page, where whole ones find no room */
#define WINDOWS_BASE 0x7ef000000000ull /* file windows: MAP_SHARED */
#define WINDOWS_END 0x7f7000000000ull
#define STUB_BASE 0x7f7000000000ull /* the stub's text, data, bss */
#define STUB_END 0x7f7000400000ull
#define THREADS_BASE 0x7f7010000000ull /* thread areas, private to the process */
#define THREAD_AREA 0x40000ull         /* 256 KiB each, aligned to that */
#define CHAN_BASE 0x7f7100000000ull    /* the channels of the process's own threads */
#define INFO_BASE 0x7f7200000000ull    /* struct run_info, read-only */
#define TABLES_BASE 0x7f7800000000ull  /* page tables: memfd, read-only */

/* The page of old calls that every process sees, where the host has it. */
#define RUN_VSYSCALL 0xffffffffff600000ull

#endif
