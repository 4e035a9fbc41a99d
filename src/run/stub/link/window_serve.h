/* SPDX-License-Identifier: MIT */
/*
 * window_serve.h: what the supervisor cannot do itself with a window.
 */
#ifndef STUB_WINDOW_SERVE_H
#define STUB_WINDOW_SERVE_H

#include "run/stub/base/stub.h"

/* CMD_WINDOW, as the answer says it.  0 or -errno. */
int64_t window_serve(struct thread *t);

#endif
