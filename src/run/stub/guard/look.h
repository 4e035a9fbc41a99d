/* SPDX-License-Identifier: MIT */
/*
 * look.h: one descriptor that no other thread can change while it is looked at; and what is ours.
 */
#ifndef STUB_LOOK_H
#define STUB_LOOK_H

#include "run/stub/base/stub.h"

#include <asm/stat.h>

/* Two answers of the host's about one object. */
static inline bool same_object(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * Takes the place RUN_FD_LOOK; false: a signal came first.  look_at() puts the object of fd there:
 * what is found out about it then holds for what is done with that number.
 */
bool look_begin(struct thread *t);
int64_t look_at(int64_t fd);
void look_end(void);
/* The object is one of ours: a memory object, the control socket, the stub, the life pipe. */
bool look_is_ours(struct stat *st);

#endif
