/* SPDX-License-Identifier: MIT */
/*
 * port_host.h: Quire's port for an ordinary Linux process: malloc, RCU by
 * membarrier(2), futexes, stderr.
 *
 * There is nothing to tear down.  A thread is registered with RCU at its first
 * use and unregistered when it ends.
 *
 *   A  No function here looks at ctx: the caller may set it, and replace single
 *      functions (tlb_flush, ram_discard, log, oom), to suit itself.  Whoever
 *      replaces read-side sections replaces all that is named rcu, or sets rcu_over to NULL.
 *   B  ncpus is the same in every port that one process fills in.
 *   C  A child of fork() may use the port only after exec: the thread that runs
 *      call_rcu() functions is not in it.
 */
#ifndef QUIRE_PORT_HOST_H
#define QUIRE_PORT_HOST_H

#include "quire/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* Fills in all of *out; tlb_flush, ram_discard and oom are NULL, ctx is NULL. */
void quire_port_host(struct quire_port *out);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
