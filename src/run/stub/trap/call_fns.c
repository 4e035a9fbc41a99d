/* SPDX-License-Identifier: MIT */
/*
 * call_fns.c: which function of the stub's a special system call is (wire/calls.h).
 */
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/trap/syscall.h"

#define NATIVE(...) NULL
#define MEMORY(...) NULL
#define SPECIAL(fn, ...) fn
#define REFUSED(e) NULL
#define ABSENT(e) NULL
#define UNKNOWN NULL
#define CALL(name, what) [__NR_##name] = what,
#define OURS(name, what, fn, ints) [__NR_##name] = what,

const call_fn call_fns[NR_CALLS] = {SYSTEM_CALLS(CALL, OURS)};

/* Files that are compiled with this one have other tables (special.h). */
#undef NATIVE
#undef MEMORY
#undef SPECIAL
#undef REFUSED
#undef ABSENT
#undef UNKNOWN
#undef CALL
#undef OURS
