/* SPDX-License-Identifier: MIT */
/*
 * huge_io.h: reads of files of huge pages, and writes.
 */
#ifndef STUB_HUGE_IO_H
#define STUB_HUGE_IO_H

#include "run/stub/mem/call.h"

/* The call's result; RESTART: it is about something else. */
int64_t huge_read(struct call *c, bool vector);
int64_t huge_write(struct call *c);
/* sendfile, splice and copy_file_range, from or to one. */
int64_t huge_copy(struct call *c);

#endif
