/* SPDX-License-Identifier: MIT */
/*
 * host.h: what the files of the host port share.
 *
 *   port_host.c    threads and their slots, waiting, text; fills in the port
 *   host_alloc.c   metadata memory
 *   host_readers.c read-side sections, and when they have ended
 *   host_rcu.c     what runs after them
 */
#ifndef QUIRE_HOST_H
#define QUIRE_HOST_H

#include "quire/port_host.h"

#define HOST_MAX_SLOTS 64
#define HOST_CACHE_LINE 64

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HOST_SANITIZED 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HOST_SANITIZED 1
#endif
#endif

struct host_thread {
	bool registered;
	bool reader;       /* in the list of host_readers.c */
	unsigned slot;     /* constant while registered */
	unsigned sections; /* its depth of read-side sections */
	uint64_t since;    /* A: when the outermost began; 0: in none */
	struct host_thread *next_reader;
} __attribute__((aligned(HOST_CACHE_LINE)));

extern __thread struct host_thread host_self __attribute__((tls_model("initial-exec")));

void host_register_thread(void);

/* First line of whatever needs the thread's slot, RCU or caches. */
static inline void host_ensure_registered(void)
{
	if (__builtin_expect(!host_self.registered, 0))
		host_register_thread();
}

_Noreturn void host_panic(void *ctx, const char *what);
void host_wait(void *ctx, const uint32_t *addr, uint32_t val);
void host_wake(void *ctx, const uint32_t *addr, int count);

void *host_alloc(void *ctx, size_t bytes);
void host_free(void *ctx, void *p, size_t bytes);
/* The thread ends: what it has cached is for the others. */
void host_alloc_thread_exit(void);

void host_rcu_read_lock(void *ctx);
void host_rcu_read_unlock(void *ctx);
uint64_t host_rcu_now(void *ctx);
bool host_rcu_over(void *ctx, uint64_t number, bool hurry);
/* Once for the process, before all else; and as a thread ends. */
void host_readers_init(void);
void host_reader_exit(struct host_thread *t);
void host_call_rcu(void *ctx, struct quire_rcu_head *head,
		   void (*func)(struct quire_rcu_head *head));
void host_synchronize_rcu(void *ctx);
void host_rcu_barrier(void *ctx);

#endif
