/* SPDX-License-Identifier: MIT */
/*
 * port.h: everything the core needs from its environment.
 *
 * An embedder fills one `struct quire_port` and hands it to
 * quire_machine_create(); the core reaches the outside through it and through
 * nothing else (and memcpy, memset, memmove, memcmp).  Where there are threads and
 * malloc, quire_port_host() of port_host.h fills it in and tlb_flush is all that is
 * left to write: examples/embed.c.  Whole ports are examples/bare.c, for a world with one
 * thread and no operating system, and examples/threads.c, for POSIX threads.
 *
 * Of the processor the core needs 64-bit pointers, atomic read-modify-writes of 32 and 64 bits
 * without a lock, and that a store becomes visible to all other processors at the same time; the
 * byte order may be either.  docs/porting.md has all of it, and where it has been tried.
 *
 * Guarantees that the core relies on are lettered:
 *
 *   A  alloc() returns memory aligned to at least 16 bytes, or NULL; it need not be
 *      cleared.  It never sleeps on anything that needs the core.
 *   B  A function handed to call_rcu() runs after every read-side section that
 *      was open at the time of the call has ended.  It may run on any thread,
 *      outside every read-side section, with no core lock held.
 *   C  cpu() is constant while the calling thread is inside a read-side section.
 *      Two threads may share a number: per-CPU data is locked, never merely owned.
 *   D  When tlb_flush() returns, no executor of `mm` uses a translation that it
 *      cached before the call for the named range (or for all, for a full flush).
 *      It is called with no spinlock held, before the frames are freed.
 *   E  wait() returns when woken, spuriously, or at once when *addr != val.
 *
 * What the core guarantees to the embedder:
 *
 *   1  Functions are called in the thread of the call of quire.h that needs them, or in
 *      the one that runs what call_rcu() was handed.  What that thread may hold then:
 *
 *                                        spinlocks   sleeping locks   read-side section
 *      alloc, free, call_rcu, rcu_now,
 *      rcu_over, cpu, task, wake, yield,
 *      log, rcu_read_(un)lock                yes           yes              yes
 *      wait, tlb_flush, tlb_lent,
 *      ram_discard, privileged               no            yes              yes
 *      synchronize_rcu                       no            yes              no
 *      rcu_barrier, oom                      no            (a)              no
 *
 *      (a) The call itself holds none.  It may be made from read_page or write_page, which hold a
 *      page, and perhaps the file's lock of writers (quire.h).  rcu_barrier can wait there all the
 *      same: what the core hands to call_rcu() takes no lock that sleeps.  And oom makes no call
 *      then that the callback may not make itself.
 *
 *      Those of the first line do not sleep on anything but the embedder's own short
 *      locks.  Those of the second wait neither for a call of quire.h to return nor for
 *      a grace period.  panic may come from anywhere.
 *   2  No function of the port calls back into quire.h, with two exceptions: oom may
 *      (not quire_verify or quire_machine_destroy), and any may call quire_mm_cookie
 *      and quire_mm_machine.  (Callbacks of files: struct quire_file_ops in quire.h.)
 *   3  Read-side sections nest; a reader may sleep in them.
 *
 * Executing guest code: the translations
 *
 *   An executor (an emulated CPU, a hardware page table, host mappings) may cache what
 *   quire_fault() or quire_pte() returned, or read the tables itself from
 *   quire_mm_root() on, in x86-64's format.
 *
 *   4  Frame n of an entry is at ram + n * 4096, with quire_machine_options.ram given
 *      by the embedder; from ram_bytes / 4096 on it is in table_ram.  With
 *      QUIRE_PTE_EXTERNAL it is what the file's frame() said.
 *   5  An entry allows to read with PRESENT and USER; to write with WRITE and DIRTY
 *      besides; to execute without NX.  For anything else call quire_fault().  An entry
 *      that came to allow more is not flushed: a refusal by a cached one is a miss.
 *   6  What was cached is good until a tlb_flush of its address begins.  A flush may come
 *      from any thread at any time, and from within the executor's own quire_fault().
 *      So a fill must not outlive a flush that began between its fault and itself: count
 *      flushes, read the count before quire_fault(), and enter what it returned only if
 *      the count is unmoved, under the lock that tlb_flush takes.  Else access again.
 *   7  And a flush must not return in the midst of an access: the executor holds that
 *      lock meanwhile, or tells that it has stopped (as an IPI is acknowledged).
 *   8  An executor that reads the tables itself has more to heed.  After any tlb_flush of the
 *      mm, whatever range it names, page tables that were taken out before may be freed,
 *      anywhere in the mm, a grace period later.  So a walk either does not go on over a
 *      flush, or is made inside a read-side section (rcu_read_lock).  It starts at
 *      quire_mm_root() and keeps no table.
 *   9  The last quire_mm_put() flushes everything once more; `cookie`, and the executor
 *      that it stands for, must live until that has returned.
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

/* What has run out. */
enum quire_memory {
	/* Frames of RAM; page tables too where they have no memory of their own. */
	QUIRE_MEMORY_RAM,
	QUIRE_MEMORY_TABLES, /* quire_machine_options.table_bytes */
	QUIRE_MEMORY_OTHER,  /* no frame was missing: metadata, or a point that was made to fail */
	/* Huge pages of a pool: a touch will be SIGBUS, or mmap -ENOMEM.  Nobody is to end for it,
	 * and nothing is to be freed: return true if some may have come back since, or if you have
	 * waited for some.  Asked once for each touch and each mmap. */
	QUIRE_MEMORY_HUGE,
};

enum quire_log_level { QUIRE_LOG_DEBUG, QUIRE_LOG_INFO, QUIRE_LOG_WARN, QUIRE_LOG_BUG };

/* What the unprivileged may not do. */
enum quire_privilege {
	QUIRE_MAY_LOCK,    /* lock memory beyond RLIMIT_MEMLOCK: CAP_IPC_LOCK */
	QUIRE_MAY_MAP_LOW, /* map below mmap_min_addr: CAP_SYS_RAWIO */
};

/* Where the memory of a thread of the embedder's goes.  The embedder's own; used by one call at a
 * time. */
struct quire_task {
	uint64_t policy; /* quire_policy_make(); 0: none.  Then the node is where the thread is */
	uint32_t node;   /* on which it runs */
	uint32_t turn;   /* pages interleaved so far: 0 with a new policy; the core counts */
	/* The core's: a set of the nodes on which its last allocation that failed found nothing.
	 * For port->oom: others may have memory. */
	uint64_t missing;
};

/* What happens to huge pages of a pool, and to promises of them. */
enum quire_huge_what {
	QUIRE_HUGE_PROMISED,   /* by mmap: so many pages from addr on are there for the mapping */
	QUIRE_HUGE_TOUCHED,    /* a first touch: the mapping has a page now */
	QUIRE_HUGE_COPIED,     /* a write to a page that a fork has made shared: it has a copy */
	QUIRE_HUGE_TAKEN,      /* its owner has taken the page from it, whose mapping is lost */
	QUIRE_HUGE_MISSED,     /* by fork: the page is pinned and there was none for a copy */
	QUIRE_HUGE_REFUSED,    /* a touch is SIGBUS */
	QUIRE_HUGE_UNPROMISED, /* mmap is -ENOMEM: no promise of so many pages */
	QUIRE_NR_HUGE_WHATS
};

struct quire_huge_event {
	enum quire_huge_what what;
	unsigned reason;    /* REFUSED, UNPROMISED: enum quire_fault_reason */
	void *cookie;       /* of the mm whose mapping it is */
	void *by;           /* of the mm of whoever did it: TAKEN: the owner's */
	uint64_t addr;      /* in the mapping: the first page's */
	uint64_t pages;     /* how many */
	uint64_t page_size; /* bytes */
	uint64_t dev, ino;  /* of its file, as in struct quire_vma_info */
	uint64_t offset;    /* of addr in it, bytes */
};

struct quire_port {
	/* Size of this struct as the embedder compiled it: lets it grow. */
	size_t size;
	/* Handed to every call below. */
	void *ctx;

	/* Core metadata (guarantee A).  free() gets the size that alloc() got, and never NULL. */
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *p, size_t bytes);

	/* Sleepable RCU (guarantee B). */
	void (*rcu_read_lock)(void *ctx);
	void (*rcu_read_unlock)(void *ctx);
	void (*call_rcu)(void *ctx, struct quire_rcu_head *head,
			 void (*func)(struct quire_rcu_head *head));
	void (*synchronize_rcu)(void *ctx);
	/* Returns once every call_rcu() function queued before it has run.  A fault calls it, too,
	 * before it reports that memory is out.  So a function that the embedder queues itself must
	 * not wait for a lock that the embedder holds over a call of quire.h. */
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
	 * Asked after a flush, for the same ranges: may something that no flush reaches still read
	 * or store what was mapped there, because it had looked it up before?  A device may, for a
	 * system call of the program that goes on.  Then frames that were mapped there get other
	 * memory, by ram_discard, before they are used again.  Pages of files stay dirty: they are
	 * written back each time.  NULL: nothing may.
	 * Without tlb_flush it must be NULL.
	 */
	bool (*tlb_lent)(void *ctx, struct quire_mm *mm, void *cookie,
			 const struct quire_tlb_range *ranges, unsigned nranges);

	/*
	 * Frames [first, first+count) of the machine's RAM were freed in bulk, or tlb_lent returned
	 * that something may still use them.  They hold nothing: the embedder may give them back to
	 * its host, and in the second case must.  They must read as zero afterwards if true is
	 * returned.  NULL: never called; no tlb_lent either then.
	 */
	bool (*ram_discard)(void *ctx, uint64_t first, uint64_t count);

	/* One line without newline.  NULL: dropped. */
	void (*log)(void *ctx, enum quire_log_level level, const char *line);

	/*
	 * Memory is exhausted in a fault, fork or mremap of `mm` (OTHER: in a fault only; HUGE: in
	 * a fault or mmap, see there), or for a page of an external file that is read (quire_read):
	 * free some and return true to have it tried again, or false to have the fault report
	 * QUIRE_FAULT_OOM and the call -ENOMEM, or end early.  Asked when nothing is free or on its
	 * way but what the call itself has given back, or others have taken it time and again
	 * (docs/design.md).  NULL: false.
	 */
	bool (*oom)(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what);

	/* A broken invariant.  Must not return.  NULL: trap instruction. */
	void (*panic)(void *ctx, const char *what);

	/*
	 * May whoever makes the call that is in progress do this in `mm`?  Asked by the thread that
	 * made the call, and only where the answer decides: so it may be slow, and is of that
	 * moment.  NULL: quire_mm_options.ignore_memlock says about QUIRE_MAY_LOCK; else false.
	 */
	bool (*privileged)(void *ctx, struct quire_mm *mm, void *cookie,
			   enum quire_privilege which);

	/*
	 * May be NULL, both of them: then call_rcu() does for all.  With them the core uses small
	 * objects again by itself, which is much cheaper.  rcu_now() returns a number that names
	 * the present.  rcu_over() returns whether all read-side sections have ended that were open
	 * when the number was taken, this thread's too.  It may return false where it does not
	 * know, unless `hurry` says that it may take some microseconds to find out.  Both may be
	 * called with spinlocks held.
	 */
	uint64_t (*rcu_now)(void *ctx);
	bool (*rcu_over)(void *ctx, uint64_t number, bool hurry);

	/*
	 * On whose behalf is the call that is in progress?  Asked on machines of several nodes, for
	 * each page that is to be allocated, with spinlocks held.  NULL, or NULL returned: of a
	 * thread without a policy, on the node of cpu().
	 */
	struct quire_task *(*task)(void *ctx);

	/*
	 * Tells what has just happened to huge pages.  Locks of the library are held, no spinlock:
	 * it notes it, and calls nothing of the library.  NULL: nobody wants to know.
	 */
	void (*huge_event)(void *ctx, const struct quire_huge_event *e);
};

#ifdef __cplusplus
}
#endif
#endif
