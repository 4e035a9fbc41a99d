/* SPDX-License-Identifier: MIT */
/*
 * newer_numbers.h: numbers of prctl and arch_prctl that the headers of an older host do not have.
 */
#ifndef RUN_NEWER_NUMBERS_H
#define RUN_NEWER_NUMBERS_H

#include <asm/prctl.h>
#include <linux/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#endif
#ifndef ARCH_REQ_XCOMP_GUEST_PERM
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#endif
#ifndef ARCH_ENABLE_TAGGED_ADDR
#define ARCH_ENABLE_TAGGED_ADDR 0x4002
#endif
#ifndef ARCH_SHSTK_ENABLE
#define ARCH_SHSTK_ENABLE 0x5001
#endif

#endif
