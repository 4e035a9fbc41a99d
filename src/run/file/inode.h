/* SPDX-License-Identifier: MIT */
/*
 * inode.h: which windows there are of a file.
 */
#ifndef RUN_INODE_H
#define RUN_INODE_H

struct request;
struct run;
struct window;

int inodes_create(struct run *run);
/* One space more, or less, has the window in its table: so long is its file referenced. */
void inode_enter(struct window *w);
void inode_leave(struct window *w);
void op_file_cut(struct request *q);

#endif
