/* SPDX-License-Identifier: MIT */
/*
 * machine_number.h: numbers that are written to files of /sys and /proc/sys.
 */
#ifndef RUN_PROCFS_MACHINE_NUMBER_H
#define RUN_PROCFS_MACHINE_NUMBER_H

#include "run/procfs/machine_tree.h"

/* As files of /sys read one: nothing but digits of the base (0: 0x.. and 0.. say which), a + before
 * and a line's end behind them.  0, -EINVAL, -ERANGE. */
int machine_number(const struct machine_write *w, unsigned base, uint64_t *out);
/* As files of /proc/sys do: with blanks before and behind, and only so much of it is taken.  How
 * much, or -EINVAL. */
int64_t machine_sysctl_number(const struct machine_write *w, uint64_t *out);
/* A size, 2M or 2048kB: what follows it is not looked at.  0: none. */
uint64_t machine_size(const struct machine_write *w);

#endif
