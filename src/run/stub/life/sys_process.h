/* SPDX-License-Identifier: MIT */
/*
 * sys_process.h: what a process has set for itself.
 */
#ifndef STUB_SYS_PROCESS_H
#define STUB_SYS_PROCESS_H

#include <stdbool.h>

bool tsc_is_off(void);

#endif
