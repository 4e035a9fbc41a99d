/* SPDX-License-Identifier: MIT */
/*
 * huge_call.h: calls that concern the content of files of huge pages.
 */
#ifndef RUN_HUGE_CALL_H
#define RUN_HUGE_CALL_H

struct request;

void op_mmap_huge(struct request *q);
void op_huge_file(struct request *q);

#endif
