/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: accesses of words that other threads, or the other side, access meanwhile.
 */
#ifndef RUN_ATOMIC_H
#define RUN_ATOMIC_H

#define at_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define at_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define at_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define at_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define at_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define at_cas(p, old, new) __sync_bool_compare_and_swap((p), (old), (new))
/* One more, for a figure that decides nothing. */
#define at_count(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)

#endif
