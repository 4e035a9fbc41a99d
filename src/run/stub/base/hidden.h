/* SPDX-License-Identifier: MIT */
/*
 * hidden.h: included before everything else in the stub: what other files define is in the same
 * image, so that no compiler goes through a global offset table.
 */
#pragma GCC visibility push(hidden)
