/* SPDX-License-Identifier: MIT */
/*
 * probe_types.h: what stub/call/sys_perf.c refuses.
 */
#ifndef RUN_PROBE_TYPES_H
#define RUN_PROBE_TYPES_H

struct run_info;

void probe_types_find(struct run_info *info);

#endif
