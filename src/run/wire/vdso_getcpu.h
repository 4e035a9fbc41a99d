/* SPDX-License-Identifier: MIT */
/*
 * vdso_getcpu.h: the vdso's getcpu, which tells of the host's nodes, made to tell of ours.
 * Freestanding: the stub's vdso, and the supervisor's copy for who moves it.
 */
#ifndef RUN_VDSO_GETCPU_H
#define RUN_VDSO_GETCPU_H

#include <stdint.h>

/* Writes over the function in the image, which is writable.  What has no such function stays as it
 * is: programs make the system call then. */
void vdso_getcpu_replace(uint8_t *image, uint64_t bytes, uint32_t nodes, uint32_t cpus);

#endif
