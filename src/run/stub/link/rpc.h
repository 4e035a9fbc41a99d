/* SPDX-License-Identifier: MIT */
/*
 * rpc.h: a request to the worker and its answer.
 */
#ifndef STUB_RPC_H
#define STUB_RPC_H

#include "run/stub/base/stub.h"

int64_t rpc_call(struct thread *t, uint32_t op, const uint64_t a[8]);
#define rpc(t, op, ...) rpc_call((t), (op), (const uint64_t[8]){__VA_ARGS__})
/* Hands a descriptor over: the token that names it in a request; -errno. */
int64_t rpc_send_fd(struct thread *t, int fd);
int64_t rpc_send_fd_token(struct thread *t, int fd, uint64_t token);
/* One line of the supervisor's; the call goes on to fail as the caller says. */
void rpc_unsupported(struct thread *t, int64_t nr, uint64_t detail);

#endif
