/* SPDX-License-Identifier: MIT */
/*
 * file_cut.h: content has been taken away from a file.
 */
#ifndef STUB_FILE_CUT_H
#define STUB_FILE_CUT_H

#include "run/stub/base/stub.h"
#include "run/wire/requests.h"

/* The supervisor hears of it if somebody maps the file. */
void file_cut(struct thread *t, int fd, enum run_cut cut, uint64_t off, uint64_t n);

#endif
