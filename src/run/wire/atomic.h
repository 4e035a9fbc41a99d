/* SPDX-License-Identifier: MIT */
/*
 * atomic.h: accesses of words that other threads, or the other side, access meanwhile.
 */
#ifndef RUN_ATOMIC_H
#define RUN_ATOMIC_H

#define atomic_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define atomic_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_cas(p, old, new) __sync_bool_compare_and_swap((p), (old), (new))
/* One more, for a figure that decides nothing. */
#define atomic_count(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)

#endif
