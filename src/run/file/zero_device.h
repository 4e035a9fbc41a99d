/* SPDX-License-Identifier: MIT */
/*
 * zero_device.h: mappings of /dev/zero.
 */
#ifndef RUN_ZERO_DEVICE_H
#define RUN_ZERO_DEVICE_H

struct request;

void op_mmap_zero(struct request *q);

#endif
