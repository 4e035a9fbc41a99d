/* SPDX-License-Identifier: MIT */
/*
 * stub_image.h: the stub's ELF file, as linked, inside the tool.
 */
#ifndef RUN_STUB_IMAGE_H
#define RUN_STUB_IMAGE_H

extern const char stub_image[], stub_image_end[];

#endif
