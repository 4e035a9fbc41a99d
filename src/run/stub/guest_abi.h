/* SPDX-License-Identifier: MIT */
/*
 * guest_abi.h: structures of guest memory that system calls are given, as x86-64 lays them out;
 * pointers are numbers here: they are the guest's.
 */
#ifndef STUB_GUEST_ABI_H
#define STUB_GUEST_ABI_H

#include <stdint.h>

struct iovec {
	uint64_t base, bytes;
};

struct msghdr {
	uint64_t name;
	uint32_t namelen, pad;
	uint64_t iov, iovlen;
	uint64_t control, controllen;
	uint32_t flags, pad2;
};

struct mmsghdr {
	struct msghdr msg;
	uint32_t len, pad;
};

#endif
