/* SPDX-License-Identifier: MIT */
/*
 * huge_stat.h: what stat and its like tell of files of huge pages.
 */
#ifndef STUB_HUGE_STAT_H
#define STUB_HUGE_STAT_H

#include "run/stub/mem/call.h"

/* The host has answered a call of stat's kind about its placeholder, perhaps. */
void huge_stat_told(struct call *c, uint64_t buf);
/* .. of statfs, about that name. */
void huge_statfs_told(struct call *c, uint64_t name, uint64_t buf);
/* lseek, where it asks for what the placeholder does not know: is put otherwise.  0, or -errno. */
int64_t huge_seek(struct call *c);

#endif
