/* SPDX-License-Identifier: MIT */
/*
 * special.h: the system calls that are functions of the stub's, by the list (wire/calls.h).
 */
#ifndef STUB_SPECIAL_H
#define STUB_SPECIAL_H

#include "run/stub/mem/call.h"
#include "run/wire/calls.h"

#define NATIVE(...)
#define MEMORY(...)
#define SPECIAL(fn, ...) int64_t fn(struct call *c);
#define REFUSED(e)
#define ABSENT(e)
#define UNKNOWN
#define CALL(name, what) what
#define OURS(name, what, fn, ints) what
SYSTEM_CALLS(CALL, OURS)
int64_t sys_sigreturn(struct call *c);
#undef NATIVE
#undef MEMORY
#undef SPECIAL
#undef REFUSED
#undef ABSENT
#undef UNKNOWN
#undef CALL
#undef OURS

#endif
