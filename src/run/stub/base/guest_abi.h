/* SPDX-License-Identifier: MIT */
/*
 * guest_abi.h: structures that calls on sockets and scattered memory are given, as x86-64 lays them
 * out, and the numbers that go with them.  Pointers are numbers here: most are the guest's.
 */
#ifndef STUB_GUEST_ABI_H
#define STUB_GUEST_ABI_H

#include <asm/socket.h>
#include <stdint.h>

/* Those that no header of the host's for programs without a libc has. */
#define SCM_RIGHTS 1
#define SOCK_STREAM 1
#define MSG_OOB 0x1u
#define MSG_DONTWAIT 0x40u
#define MSG_WAITALL 0x100u
#define MSG_NOSIGNAL 0x4000u
#define MSG_WAITFORONE 0x10000u
#define MSG_ZEROCOPY 0x4000000u

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
