/* SPDX-License-Identifier: MIT */
/*
 * call_table.c: what becomes of each system call, and which memory the host's kernel uses for it
 * (wire/calls.h).
 */
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"

#include <asm/errno.h>

#define V                                                                                          \
	{                                                                                          \
		0                                                                                  \
	}
#define PID                                                                                        \
	{                                                                                          \
		ARG_PID, 0, 0, 0                                                                   \
	}
#define FD                                                                                         \
	{                                                                                          \
		ARG_FD, 0, 0, 0                                                                    \
	}
#define STR                                                                                        \
	{                                                                                          \
		ARG_STRING, DIR_IN, 0, 0                                                           \
	}
#define SPEC(kind, dir, by, size)                                                                  \
	{                                                                                          \
		kind, dir, by, size                                                                \
	}
#define IN(n) SPEC(ARG_FIXED, DIR_IN, 0, n)
#define OUT(n) SPEC(ARG_FIXED, DIR_OUT, 0, n)
#define BOTH(n) SPEC(ARG_FIXED, DIR_BOTH, 0, n)
#define INBY(by, unit) SPEC(ARG_COUNTED, DIR_IN, by, unit)
#define OUTBY(by, unit) SPEC(ARG_COUNTED, DIR_OUT, by, unit)
#define BOTHBY(by, unit) SPEC(ARG_COUNTED, DIR_BOTH, by, unit)
#define OUTSIZED(by) SPEC(ARG_SIZED, DIR_OUT, by, 0)
#define BITS(by) SPEC(ARG_BITS, DIR_BOTH, by, 0)
#define IOVIN(by) SPEC(ARG_IOVEC, DIR_IN, by, 0)
#define IOVOUT(by) SPEC(ARG_IOVEC, DIR_OUT, by, 0)

#define NATIVE(...)                                                                                \
	{                                                                                          \
		CALL_NATIVE, 0,                                                                    \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define MEMORY(...)                                                                                \
	{                                                                                          \
		CALL_MEMORY, 0,                                                                    \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define SPECIAL(fn, ...)                                                                           \
	{                                                                                          \
		CALL_SPECIAL, 0,                                                                   \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define REFUSED(e)                                                                                 \
	{                                                                                          \
		CALL_REFUSED, e,                                                                   \
		{                                                                                  \
			V                                                                          \
		}                                                                                  \
	}
#define ABSENT(e)                                                                                  \
	{                                                                                          \
		CALL_ABSENT, e,                                                                    \
		{                                                                                  \
			V                                                                          \
		}                                                                                  \
	}

#define UNKNOWN                                                                                    \
	{                                                                                          \
		.kind = CALL_UNKNOWN                                                               \
	}

#define CALL(name, what) [__NR_##name] = what,
#define OURS(name, what, fn, ints) [__NR_##name] = what,
const struct call_desc call_table[NR_CALLS] = {SYSTEM_CALLS(CALL, OURS)};

/* Files that are compiled with this one have other tables (special.h). */
#undef NATIVE
#undef MEMORY
#undef SPECIAL
#undef REFUSED
#undef ABSENT
#undef UNKNOWN
#undef CALL
#undef OURS
