/* SPDX-License-Identifier: MIT */
/*
 * closer.h: the last close of a guest's descriptor, which may take long.
 */
#ifndef RUN_CLOSER_H
#define RUN_CLOSER_H

int closer_start(void);
void close_later(int fd);

#endif
