/* SPDX-License-Identifier: MIT */
/*
 * port.h: everything the core needs from its environment.
 *
 * An embedder fills one `struct quire_port` and hands it to
 * quire_machine_create(); the core reaches the outside through it and through
 * nothing else.  Guarantees that the core relies on are lettered:
 *
 *   A  alloc() returns memory aligned to at least 16 bytes, or NULL; never sleeps
 *      on anything that needs the core.
 *   B  A function handed to call_rcu() runs after every read-side section that
 *      was open at the time of the call has ended.  It may run on any thread,
 *      outside every read-side section, with no core lock held.
 *   C  cpu() is constant while the calling thread is inside a read-side section.
 *      Two threads may share a number: per-CPU data is locked, never merely owned.
 *   D  When tlb_flush() returns, no executor of `mm` uses a translation that it
 *      cached before the call for the named range (or for all, for a full flush).
 *      It is called with no spinlock held, before the frames are freed.
 *   E  wait() returns when woken, spuriously, or at once when *addr != val.
 */
#ifndef QUIRE_PORT_H
#define QUIRE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quire_mm;

/* Embedded in objects that readers may still hold; storage for call_rcu(). */
struct quire_rcu_head {
	struct quire_rcu_head *next;
	void (*func)(struct quire_rcu_head *head);
	void *reserved[2];
};

/* One half-open range of guest addresses whose cached translations must go. */
struct quire_tlb_range {
	uint64_t start;
	uint64_t end;
};

enum quire_log_level { QUIRE_LOG_DEBUG, QUIRE_LOG_INFO, QUIRE_LOG_WARN, QUIRE_LOG_BUG };

struct quire_port {
	/* Size of this struct as the embedder compiled it: lets it grow. */
	size_t size;
	/* Handed to every call below. */
	void *ctx;

	/* Core metadata (guarantee A).  free() gets the size that alloc() got. */
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *p, size_t bytes);

	/* Sleepable RCU (guarantee B). */
	void (*rcu_read_lock)(void *ctx);
	void (*rcu_read_unlock)(void *ctx);
	void (*call_rcu)(void *ctx, struct quire_rcu_head *head,
			 void (*func)(struct quire_rcu_head *head));
	void (*synchronize_rcu)(void *ctx);
	/* Returns once every call_rcu() function queued before it has run. */
	void (*rcu_barrier)(void *ctx);

	/* Number of the calling thread's CPU, 0 .. ncpus-1 (guarantee C). */
	unsigned (*cpu)(void *ctx);
	/* Number of per-CPU stripes, 1 .. 64. */
	unsigned ncpus;

	/* Sleeping and waking on a 32-bit word, as a futex does (guarantee E). */
	void (*wait)(void *ctx, const uint32_t *addr, uint32_t val);
	void (*wake)(void *ctx, const uint32_t *addr, int count);
	/* Called in spin loops that have lasted a while: let somebody else run. */
	void (*yield)(void *ctx);

	/*
	 * Drops cached translations of an address space (guarantee D).
	 * nranges == 0 means all of it.  NULL: nothing caches translations.
	 * `cookie` is what quire_mm_options.cookie gave for this mm.
	 */
	void (*tlb_flush)(void *ctx, struct quire_mm *mm, void *cookie,
			  const struct quire_tlb_range *ranges, unsigned nranges);

	/*
	 * Frames [first, first+count) of the machine's RAM were freed in bulk and
	 * hold nothing: the embedder may give them back to its host.  They must
	 * read as zero afterwards if true is returned.  NULL: never called.
	 */
	bool (*ram_discard)(void *ctx, uint64_t first, uint64_t count);

	/* One line without newline.  NULL: dropped. */
	void (*log)(void *ctx, enum quire_log_level level, const char *line);

	/* Memory is exhausted in a fault of `mm`: free some and return true to have
	 * it retried, or false to have the fault report QUIRE_FAULT_OOM.  NULL: false. */
	bool (*oom)(void *ctx, struct quire_mm *mm, void *cookie);

	/* A broken invariant.  Must not return.  NULL: trap instruction. */
	void (*panic)(void *ctx, const char *what);
};

#ifdef __cplusplus
}
#endif
#endif
