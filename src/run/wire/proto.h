/* SPDX-License-Identifier: MIT */
/*
 * proto.h: the channel between one guest thread and its worker.  Freestanding.
 *
 * Everything that a guest can write is suspect: the supervisor copies a request out of the channel
 * before it looks at it, and validates it.
 */
#ifndef RUN_WIRE_PROTO_H
#define RUN_WIRE_PROTO_H

#include "run/wire/addresses.h"

#include <stdint.h>

/*
 * Kick: "slot a0 has handed over, with turn a1, and nobody is attached to it, or I want to sleep
 * until the turn is mine".  A guest that kicks for a slot of another process is killed.  A system
 * call number that does not exist, which the seccomp filter turns into a user notification when it
 * comes from the stub's text: a free worker wakes on the caller's own CPU
 * (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP), 12 us for a fault where a futex wake of an idle CPU
 * costs 60. The caller sleeps until the worker has answered.  Returns 0, or -EINTR (look at `turn`,
 * kick again). Without a listener (use_notify == 0) a kick is an empty packet on CTL with token 0,
 * and the caller sleeps with futex_wait on `turn`.
 */
#define RUN_KICK_NR 0x5149
#define RUN_KICK_DRAIN UINT32_MAX /* no slot: CTL is full */
#define RUN_TOKEN_LISTENER 1      /* the descriptor of this packet is the filter's listener */

/*
 * ---- channel: one guest thread <-> one worker.  Half duplex, by `turn`.
 *
 * Two objects have a part for each slot: what the thread writes (struct chan), and what it only
 * reads (struct answer).  An address space maps those of its own threads alone, side by side; a
 * slot that was one's is no other address space's while this one lives.
 */
#define RUN_MAX_SLOTS 4096u
#define CHAN_SLOT_SIZE 8192u
#define ANSWER_SLOT_SIZE 8192u
#define CHAN_AT(slot) (CHAN_BASE + (uint64_t)(slot) * (CHAN_SLOT_SIZE + ANSWER_SLOT_SIZE))
#define ANSWER_AT(slot) (CHAN_AT(slot) + CHAN_SLOT_SIZE)
/* Offsets in the memfds. */
#define CHAN_OFFSET(slot) ((uint64_t)(slot)*CHAN_SLOT_SIZE)
#define ANSWER_OFFSET(slot) (4096ull + (uint64_t)(slot)*ANSWER_SLOT_SIZE)
#define TABLES_OFFSET(nr_slots) ANSWER_OFFSET(nr_slots)
#define CHAN_MAX_RANGES 64
#define CHAN_SERVICE_RANGES 8
#define ANSWER_MAX_GONE 160

/* What the supervisor's turn hands the stub. */
enum run_cmd {
	CMD_REPLY, /* ret and v[] are the answer */
	/* What the supervisor cannot do itself: v[0] enum window_op, v[1] address in a window, v[2]
	 * bytes (far ranges: v[3] 1, v[1] the window, v[4] pages from there on).  chan->done = 0 or
	 * -errno, then the turn goes back. */
	CMD_WINDOW,
	/* Unmap ranges[0..nranges) from the host (nranges == 0: all below GUEST_TASK_SIZE), then
	 * give the turn back with nothing changed but chan->lent.  Tables too are freed only after
	 * a flush (of an empty range, if no page went): the stub walks them under the fill lock. */
	CMD_FLUSH,
};

enum window_op {
	WINDOW_LOAD,   /* a page: its content into chan->data */
	WINDOW_STORE,  /* from answer->store, as a store does; v[2] bytes inside one page */
	WINDOW_SYNC,   /* msync(MS_SYNC) */
	WINDOW_REMOVE, /* madvise(MADV_REMOVE) */
};

/* What the guest writes: suspect. */
struct chan {
	/* Even: the guest's turn.  Odd: the supervisor's.  Incremented by the side that hands over.
	 * A new thread finds it even, not necessarily 0. */
	uint32_t turn;
	/* Of services, which a flush may wait for while the slot changes hands. */
	uint32_t service_done, service_lent;
	/* The guest sleeps on `turn` with a futex (no listener): wake it after handing over. */
	uint32_t guest_sleeps;
	uint32_t op;  /* enum run_op */
	uint32_t cpu; /* on which the thread was when it asked; with --nodes */
	uint64_t a[8];
	int64_t done; /* what became of CMD_WINDOW */
	/*
	 * With a flush: 1: a system call of another thread's goes on for which a page of the ranges
	 * was touched, so that the host may have looked it up and store into it later, whatever is
	 * mapped there then (a device's transfer, a FUSE server's answer).
	 */
	uint32_t lent; /* service_lent: the same with a service */
	/* Counted by the stub, read by the supervisor at exit: for the report. */
	uint64_t fills, filled_pages, drops;
	char data[CHAN_SLOT_SIZE - 256];
};
_Static_assert(sizeof(struct chan) <= CHAN_SLOT_SIZE, "one slot");

/* What the supervisor writes. */
struct answer {
	/*
	 * A worker watches `turn` (handles a request, or lingers after one).  A guest that hands
	 * over stores turn, fences, and kicks if attached is 0; a worker that leaves stores
	 * attached = 0, fences, and looks at turn once more.
	 */
	uint32_t attached;
	uint32_t cmd; /* enum run_cmd */
	uint32_t nranges;
	uint32_t pad;
	int64_t ret;
	uint64_t v[8];
	/*
	 * Frame number of the mm's top-level table: for forked children and threads when the slot
	 * is given out, for a fresh stub by the answer to OP_EXEC_FILES.
	 */
	uint64_t root;
	/*
	 * Service: a flush on behalf of another process's request (a file punched that several map,
	 * or process_vm_writev), independent of `turn`: the supervisor writes service_ranges and
	 * service_nranges (0: all), bumps service_seq, and sends SIGBUS with rt_tgsigqueueinfo
	 * (SI_QUEUE, si_pid its own) to one thread, which (at once, or if it holds the fill lock
	 * when it drops that; never waiting for the supervisor) executes it as CMD_FLUSH (`lent` is
	 * chan->service_lent here), stores service_seq into chan->service_done and wakes that
	 * (FUTEX_WAKE, not private).
	 *
	 * The host keeps one pending signal of a number.  So it is one whose faults come again by
	 * themselves (a trapped call's SIGSYS would be lost beside it, and the call with it), and
	 * every SIGBUS, whatever it says, serves.  It may come when its request has been served
	 * already, and without its origin (RLIMIT_SIGPENDING): the stub remembers the number of
	 * the last one that it saw.  A thread that has not spoken yet gets none: each
	 * serves when it has been answered.
	 *
	 * A thread that leaves takes no signal any more once it has handed over OP_THREAD_EXIT: the
	 * slot may be another's then.
	 *
	 * A thread that is in a kick gets EINTR, serves, and kicks again; system calls that it
	 * makes for the guest are restarted, with no signal delivered to the guest.
	 */
	uint32_t service_seq, service_nranges;
	struct {
		uint64_t start, end;
	} service_ranges[CHAN_SERVICE_RANGES];
	struct {
		uint64_t start, end;
	} ranges[CHAN_MAX_RANGES];
	uint64_t gone[ANSWER_MAX_GONE][2]; /* windows that nothing maps any more: address, bytes */
	char store[4096];                  /* for WINDOW_STORE */
};
_Static_assert(sizeof(struct answer) <= ANSWER_SLOT_SIZE, "one slot");

/* One packet on CTL: this header plus one descriptor. */
struct ctl_packet {
	uint32_t slot;
	uint32_t pad;
	/* Chosen by the stub, non-zero: names the descriptor in the request that follows. */
	uint64_t token;
};

#endif
