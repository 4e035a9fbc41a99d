/* SPDX-License-Identifier: MIT */
/*
 * quire.h: the public interface of libquire.
 *
 * Conventions
 *   - Addresses and lengths are in bytes unless a name says pages or frames.
 *     A page is 4096 bytes.
 *   - Calls return 0 or a negative errno (Linux/x86-64 numbers), the errno that
 *     the system call of the same name gives on Linux 6.18.
 *   - Handles are opaque and reference-counted where a *_get/_put pair exists.
 *   - All calls may be made from any thread at any time, unless a comment says
 *     otherwise.  No call may be made from inside a port callback, except where
 *     port.h allows it.
 *   - Option structs start with `size`; zero in every other field means default.
 *   - Structs that a call fills in go along with the size that the caller was compiled with: what
 *     is named here is inline and passes it to the function that ends in _sized.  So both may grow:
 *     a library fills in what the caller knows, and clears what it does not know itself.
 *   - PROT_*, MAP_*, MADV_*, MREMAP_*, MS_*, MCL_* values are Linux's; this header does
 *     not define them: include <sys/mman.h>, or "quire/abi.h" where there is none.
 */
#ifndef QUIRE_H
#define QUIRE_H

#include "quire/counters.h"
#include "quire/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QUIRE_API __attribute__((visibility("default")))
#else
#define QUIRE_API
#endif

#define QUIRE_PAGE_SIZE 4096ull

struct quire_machine;
struct quire_mm;
struct quire_file;

/* ------------------------------------------------------------------ machine */

/* Sizes of huge pages: each has a pool of its own. */
enum quire_huge { QUIRE_HUGE_2M, QUIRE_HUGE_1G, QUIRE_NR_HUGE };

struct quire_machine_options {
	size_t size;
	/* Bytes of RAM; rounded down to pages.  Required. */
	uint64_t ram_bytes;
	/* Host memory of that size, or NULL: taken from port->alloc.  Stays the
	 * embedder's; must outlive the machine. */
	void *ram;
	/* RAM reads as zero when the machine is created. */
	bool ram_is_zero;
	/*
	 * Separate memory for page tables, so that an executor may be shown the
	 * tables read-only.  0: tables are taken from RAM.  Frame numbers of this
	 * zone follow those of RAM: frame ram_bytes / 4096 is its first page.
	 */
	uint64_t table_bytes;
	void *table_ram;
	/* Number of NUMA nodes RAM is divided into, 0 = 1, QUIRE_MAX_NODES at most. */
	unsigned nodes;
	/* First address beyond user space; 0 = 0x7ffffffff000. */
	uint64_t task_size;
	/* Lowest address that mmap may use without a privilege (port->privileged); 0 = 65536. */
	uint64_t mmap_min_addr;
	/* Window of fault-around, a power of two of pages in bytes; 0 = 65536. */
	uint64_t fault_around_bytes;
	/* VMAs per address space; 0 = 65530. */
	uint32_t max_map_count;
	/* Pages of guard gap below a MAP_GROWSDOWN mapping; 0 = 256. */
	uint32_t stack_guard_gap;
	/* Allocation points to fail, by number, ascending; the first is 1. */
	const uint64_t *fail_points;
	unsigned nr_fail_points;
	/*
	 * All NULL by default.  Bytes of each node, multiples of 4 MiB but for the last, ram_bytes
	 * together (NULL: the same of each); the node of each CPU of the port (NULL: as many CPUs
	 * to each); the distance of node i to node j at [i * nodes + j] (NULL: 10 of a node to
	 * itself, else 20).  Read while the machine is created.
	 */
	const uint64_t *node_bytes;
	const uint8_t *cpu_nodes;
	const uint8_t *node_distances;
	/*
	 * So many huge pages of each size are in the pools from the beginning, spread over the
	 * nodes (0: none); the machine is not made if RAM has no room for them (-ENOMEM).  Of 2
	 * MiB, so many more may be made on demand.
	 */
	uint64_t huge_pages[QUIRE_NR_HUGE];
	uint64_t huge_overcommit;
};
#define QUIRE_MAX_NODES 32

QUIRE_API int quire_machine_create(const struct quire_port *port,
				   const struct quire_machine_options *opts,
				   struct quire_machine **out);
/* Every mm and file must have been put. */
QUIRE_API void quire_machine_destroy(struct quire_machine *m);

struct quire_machine_stats {
	uint64_t ram_frames;      /* all of RAM */
	uint64_t free_frames;     /* in the buddy allocator and per-CPU lists */
	uint64_t table_frames;    /* page tables, by whichever zone */
	uint64_t anon_frames;     /* mapped anonymous frames */
	uint64_t file_frames;     /* page cache that is not shmem */
	uint64_t shmem_frames;    /* page cache of shared anonymous memory */
	uint64_t mapped_frames;   /* page cache that some page table maps */
	uint64_t committed_pages; /* Committed_AS */
	uint64_t kmem_bytes;      /* metadata from port->alloc */
	uint64_t alloc_points;    /* allocation points passed so far */
	uint64_t failed_points;   /* of them failed on purpose */
	uint64_t mms;             /* address spaces */
	uint64_t free_per_order[11];
	/* Neither in use nor free: given up, and waiting for a grace period; of RAM, and of the
	 * separate memory for page tables. */
	uint64_t waiting_frames, waiting_table_frames;
	uint64_t free_table_frames; /* of that memory */
	uint64_t lost_pages;        /* dirty pages that write_page refused when their file went */
};
QUIRE_API void quire_machine_stats_sized(struct quire_machine *m, struct quire_machine_stats *out,
					 size_t size);
static inline void quire_machine_stats(struct quire_machine *m, struct quire_machine_stats *out)
{
	quire_machine_stats_sized(m, out, sizeof(*out));
}
/* Frames of RAM that are neither free nor waiting: a few loads, no lock, so that it may be asked at
 * every fault. */
QUIRE_API uint64_t quire_machine_used_frames(struct quire_machine *m);

/* What a node has, and how the allocations of pages fared there since the machine was created (on a
 * machine of several nodes): as /sys/devices/system/node/nodeN/numastat counts. */
struct quire_node_stats {
	uint64_t first_frame, frames; /* of RAM */
	uint64_t free_frames;         /* of them */
	uint64_t hit;                 /* wanted here, and had here */
	uint64_t miss;                /* had here, wanted elsewhere */
	uint64_t foreign;             /* wanted here, had elsewhere */
	uint64_t interleave_hit;      /* interleaved to here, and had here */
	uint64_t local, other;        /* had here, by threads on this node; on others */
};
/* 0, -EINVAL: no such node. */
QUIRE_API int quire_node_stats_sized(struct quire_machine *m, unsigned node,
				     struct quire_node_stats *out, size_t size);
static inline int quire_node_stats(struct quire_machine *m, unsigned node,
				   struct quire_node_stats *out)
{
	return quire_node_stats_sized(m, node, out, sizeof(*out));
}
/* Pages that are on a node, of each kind: looks at every frame of it that was ever used. */
struct quire_node_usage {
	uint64_t anon, file, shmem;
	uint64_t mapped; /* of file and shmem, those that some page table maps */
};
QUIRE_API int quire_node_usage_sized(struct quire_machine *m, unsigned node,
				     struct quire_node_usage *out, size_t size);
static inline int quire_node_usage(struct quire_machine *m, unsigned node,
				   struct quire_node_usage *out)
{
	return quire_node_usage_sized(m, node, out, sizeof(*out));
}
QUIRE_API unsigned quire_machine_nodes(const struct quire_machine *m);
/* All of them, as a set: bit n for node n. */
static inline uint64_t quire_machine_node_set(const struct quire_machine *m)
{
	return (1ull << quire_machine_nodes(m)) - 1;
}
/* 0: there is no such node. */
QUIRE_API unsigned quire_node_distance(const struct quire_machine *m, unsigned from, unsigned to);
/* How many pages in a row weighted interleaving gives to a node: 1 to 255, 1 at first.
 * 0, -EINVAL. */
QUIRE_API int quire_node_set_weight(struct quire_machine *m, unsigned node, unsigned weight);
/* 0: there is no such node. */
QUIRE_API unsigned quire_node_weight(const struct quire_machine *m, unsigned node);

/* ------------------------------------------------------------- huge page pools */

/*
 * A pool of huge pages has some that are free and some that are in use.  Of the free ones some are
 * reserved: a mapping was promised them.  Surplus pages are those beyond what was asked for: made
 * on demand, or in use or reserved when the pool was made smaller; they go when they become free.
 */
struct quire_hugetlb_info {
	uint64_t total, free, reserved, surplus; /* HugePages_Total, _Free, _Rsvd, _Surp */
	uint64_t overcommit;                     /* nr_overcommit_hugepages */
	/* So far: pages made of other memory, and such as could not be (htlb_buddy_alloc_success
	 * and _fail in /proc/vmstat). */
	uint64_t made, not_made;
};

/* Bytes of a page of the size. */
static inline uint64_t quire_huge_bytes(enum quire_huge size)
{
	return size == QUIRE_HUGE_2M ? 2ull << 20 : 1ull << 30;
}
/* QUIRE_NR_HUGE: there are no huge pages of so many bytes. */
static inline enum quire_huge quire_huge_of_bytes(uint64_t bytes)
{
	unsigned size = 0;

	while (size < QUIRE_NR_HUGE && quire_huge_bytes((enum quire_huge)size) != bytes)
		size++;
	return (enum quire_huge)size;
}

/* Of all nodes (QUIRE_ALL_NODES), at one moment; or of one, of which only total, free and surplus
 * are told: the others are of the machine.  0, -EINVAL: no such node or size. */
QUIRE_API int quire_hugetlb_info_sized(struct quire_machine *m, enum quire_huge size, unsigned node,
				       struct quire_hugetlb_info *out, size_t out_size);
static inline int quire_hugetlb_info(struct quire_machine *m, enum quire_huge size, unsigned node,
				     struct quire_hugetlb_info *out)
{
	return quire_hugetlb_info_sized(m, size, node, out, sizeof(*out));
}

/*
 * nr_hugepages: the pool is to have n pages that are no surplus.  Pages come and go on nodes of the
 * set alone (bit i: node i), in turn: quire_machine_node_set() is what nr_hugepages means, and the
 * nodes of the thread's policy nr_hugepages_mempolicy.
 *
 * More: surplus pages count as asked for first, then pages are made, and memory is moved together
 * for them; as many as there can be, which is no error: ask quire_hugetlb_info().  Fewer: free
 * pages that are not reserved go; what of the others is too much becomes surplus.
 *
 * No lock; sleeps; programs go on meanwhile, and one resize waits for another.
 * 0; -EINVAL: no such size, or no such node.
 */
QUIRE_API int quire_hugetlb_resize(struct quire_machine *m, enum quire_huge size, uint64_t nodes,
				   uint64_t n);
/* The same of one node, which is to have n of them: nodeN/hugepages/.../nr_hugepages. */
QUIRE_API int quire_hugetlb_resize_node(struct quire_machine *m, enum quire_huge size,
					unsigned node, uint64_t n);
/* nr_overcommit_hugepages: as many surplus pages may be made on demand.  What is there stays.
 * 0; -EINVAL: no such size, or 1 GiB, of which none are made so. */
QUIRE_API int quire_hugetlb_set_overcommit(struct quire_machine *m, enum quire_huge size,
					   uint64_t n);
/*
 * demote: up to n free pages of 1 GiB that are not reserved, on the node or on all
 * (QUIRE_ALL_NODES), become 512 pages of 2 MiB each.  Fewer, if there are fewer: no error.
 * 0; -EINVAL: no such node, or a size of which none are smaller.
 */
QUIRE_API int quire_hugetlb_demote(struct quire_machine *m, enum quire_huge size, unsigned node,
				   uint64_t n);

/*
 * Groups of processes (cgroups), and how many huge pages each may have.  A group has two counters
 * for each size.  QUIRE_HUGE_PAGES: pages that its processes took, until these are free
 * (hugetlb.2MB.max and .current).  QUIRE_HUGE_RSVD: pages that they reserved, until the range is
 * unmapped or cut off its file, used or not; and pages that they took without a reservation, until
 * these are free (hugetlb.2MB.rsvd.max and .rsvd.current).
 *
 * What is charged to a group is charged to those above it, too, and refused if one of them is at
 * its limit: a reservation with -ENOMEM, an access with SIGBUS.  It stays charged to the group,
 * wherever the process goes.
 */
struct quire_huge_group;
enum quire_huge_count { QUIRE_HUGE_PAGES, QUIRE_HUGE_RSVD, QUIRE_NR_HUGE_COUNTS };
#define QUIRE_HUGE_NO_LIMIT UINT64_MAX

/* parent: may be NULL.  name: at most 63 bytes, copied.  0; -EINVAL: the name is too long;
 * -ENOMEM. */
QUIRE_API int quire_huge_group_create(struct quire_machine *m, struct quire_huge_group *parent,
				      const char *name, struct quire_huge_group **out);
/* rmdir(2): the caller's handle ends.  What is still charged to it stays charged to its parents.
 * 0; -EBUSY: address spaces or groups are still in it.  Before quire_machine_destroy(). */
QUIRE_API int quire_huge_group_remove(struct quire_huge_group *g);
/* bytes: rounded down to whole pages; QUIRE_HUGE_NO_LIMIT: none, as at the beginning.  May be less
 * than there is: then nothing more is granted.  0; -EINVAL: no such size or counter. */
QUIRE_API int quire_huge_group_set_limit(struct quire_huge_group *g, enum quire_huge size,
					 enum quire_huge_count which, uint64_t bytes);
struct quire_huge_group_info {
	struct {
		uint64_t usage, peak; /* huge pages */
		uint64_t limit;       /* or QUIRE_HUGE_NO_LIMIT */
		uint64_t refused;     /* by this limit */
	} counts[QUIRE_NR_HUGE_COUNTS];
	/* `max` of hugetlb.2MB.events, events.local: of this group's processes (local), and of
	 * those below as well. */
	uint64_t events, events_local;
};
/* At one moment.  0; -EINVAL: no such size. */
QUIRE_API int quire_huge_group_info_sized(struct quire_huge_group *g, enum quire_huge size,
					  struct quire_huge_group_info *out, size_t out_size);
static inline int quire_huge_group_info(struct quire_huge_group *g, enum quire_huge size,
					struct quire_huge_group_info *out)
{
	return quire_huge_group_info_sized(g, size, out, sizeof(*out));
}
/* The address space is in that group (NULL: in none, as at the beginning) from now on; a fork's
 * child begins in its parent's.  Any thread, at any moment. */
QUIRE_API void quire_mm_set_huge_group(struct quire_mm *mm, struct quire_huge_group *g);

/*
 * The huge pages of one mounted file system (hugetlbfs): at most `max` (size=;
 * QUIRE_HUGE_NO_LIMIT: no such limit), and `min` that are reserved in the pool from the start
 * (min_size=).  Its files name it (quire_file_options.subpool).
 */
struct quire_huge_subpool;
/* The caller has a reference.  0; -EINVAL: no such size, or min > max; -ENOMEM: the pool has not so
 * many, or there is no memory. */
QUIRE_API int quire_huge_subpool_create(struct quire_machine *m, enum quire_huge size, uint64_t max,
					uint64_t min, struct quire_huge_subpool **out);
/* May be NULL.  With the last reference, files included, what it keeps of `min` goes back; it is
 * gone when the last page that is charged to it is free. */
QUIRE_API void quire_huge_subpool_put(struct quire_huge_subpool *s);
/* What statfs(2) tells: `max`, and how many are left of it; reservations count as used. */
QUIRE_API void quire_huge_subpool_usage(struct quire_huge_subpool *s, uint64_t *max,
					uint64_t *left);

/* The next allocation point is number 1, and alloc_points counts from there.  No other call may be
 * in progress. */
QUIRE_API void quire_machine_restart_points(struct quire_machine *m);
/* From now on fail these points (numbers as in quire_machine_stats.alloc_points). */
QUIRE_API int quire_machine_fail(struct quire_machine *m, const uint64_t *points, unsigned n);

/*
 * Walks everything and proves that accounting is conserved (docs/design.md,
 * "Verify").  Calls `report` once per violation.  Returns the number of
 * violations.  The machine must be quiescent: no other call in progress.
 */
QUIRE_API unsigned quire_verify(struct quire_machine *m,
				void (*report)(void *arg, const char *line), void *arg);

/* ------------------------------------------------------------ address space */

enum quire_rlimit {
	QUIRE_RLIMIT_AS,      /* bytes of all mappings */
	QUIRE_RLIMIT_DATA,    /* bytes of private writable mappings and brk */
	QUIRE_RLIMIT_STACK,   /* bytes of the growing stack */
	QUIRE_RLIMIT_MEMLOCK, /* bytes locked */
	QUIRE_NR_RLIMITS
};
#define QUIRE_RLIM_INFINITY UINT64_MAX

struct quire_mm_options {
	size_t size;
	void *cookie;       /* handed to port callbacks */
	uint64_t mmap_base; /* top-down search starts below it; 0 = under the stack */
	uint64_t rlimit[QUIRE_NR_RLIMITS]; /* 0 = Linux's default */
	/* May lock beyond RLIMIT_MEMLOCK, where port->privileged is not there to be asked. */
	bool ignore_memlock;
};

/* The new mm has one reference, the caller's. */
QUIRE_API int quire_mm_create(struct quire_machine *m, const struct quire_mm_options *opts,
			      struct quire_mm **out);
QUIRE_API void quire_mm_get(struct quire_mm *mm);
/* The last put unmaps everything (exit_mmap) and frees the mm. */
QUIRE_API void quire_mm_put(struct quire_mm *mm);
/* Drops every mapping now, whoever holds references: what exit does. */
QUIRE_API void quire_mm_exit(struct quire_mm *mm);
/* fork(2): copy-on-write copy.  The child's rlimits and brk are the parent's. */
QUIRE_API int quire_mm_fork(struct quire_mm *parent, void *child_cookie, struct quire_mm **out);
QUIRE_API struct quire_machine *quire_mm_machine(struct quire_mm *mm);
QUIRE_API void *quire_mm_cookie(struct quire_mm *mm);
/* Frame number of the top-level page table, for a hardware-like walker. */
QUIRE_API uint64_t quire_mm_root(struct quire_mm *mm);
QUIRE_API void quire_mm_set_rlimit(struct quire_mm *mm, enum quire_rlimit which, uint64_t cur);
/* The hard limit; without a call there is none.  Only QUIRE_RLIMIT_DATA's matters: where the limit
 * itself is 0, all but brk(2) goes by it, as in Linux. */
QUIRE_API void quire_mm_set_rlimit_max(struct quire_mm *mm, enum quire_rlimit which, uint64_t max);
QUIRE_API void quire_mm_set_mmap_base(struct quire_mm *mm, uint64_t base);
/* What exec does before the first brk(2). */
QUIRE_API void quire_mm_set_brk(struct quire_mm *mm, uint64_t start_brk);
/* Bytes of the program's initialised data: brk(2) counts them with the heap against RLIMIT_DATA,
 * also where the heap shrinks, as in Linux.  Default: 0.  A child has its parent's. */
QUIRE_API void quire_mm_set_data(struct quire_mm *mm, uint64_t bytes);
/* An address in the initial stack: its mapping is "[stack]".  Default: the end of the first
 * MAP_GROWSDOWN mapping. */
QUIRE_API void quire_mm_set_stack(struct quire_mm *mm, uint64_t start_stack);

/* ------------------------------------------------- the system calls of memory */

/* `file` may be NULL for anonymous memory; *out is the address. */
QUIRE_API int quire_mmap(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot, int flags,
			 struct quire_file *file, uint64_t offset, uint64_t *out);
/*
 * What a mapping of a file can never become, whatever mprotect asks: beyond what the file's own
 * options say, for files that are opened, attached or sealed in several ways.  A bit set.
 */
enum quire_map_limit {
	/* Opened for reading, or SHM_RDONLY: no shared mapping is writable (EACCES). */
	QUIRE_MAP_READ_ONLY = 1,
	/* F_SEAL_FUTURE_WRITE: no new shared mapping is writable (EPERM, by mprotect EACCES). */
	QUIRE_MAP_SEALED = 2,
	/* Reached by a mount that forbids it: no PROT_EXEC (EPERM, by mprotect EACCES). */
	QUIRE_MAP_NO_EXEC = 4,
};
/* As quire_mmap(), which sets no limits.  What is mapped keeps them over mremap and fork. */
QUIRE_API int quire_mmap_limited(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot,
				 int flags, struct quire_file *file, uint64_t offset,
				 unsigned limits, uint64_t *out);
QUIRE_API int quire_munmap(struct quire_mm *mm, uint64_t addr, uint64_t len);
QUIRE_API int quire_mprotect(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot);
QUIRE_API int quire_mremap(struct quire_mm *mm, uint64_t addr, uint64_t old_len, uint64_t new_len,
			   int flags, uint64_t new_addr, uint64_t *out);
/* Always returns the resulting break, as the system call does. */
QUIRE_API uint64_t quire_brk(struct quire_mm *mm, uint64_t brk);
QUIRE_API int quire_madvise(struct quire_mm *mm, uint64_t addr, uint64_t len, int advice);
/* flags: 0 or MLOCK_ONFAULT */
QUIRE_API int quire_mlock(struct quire_mm *mm, uint64_t addr, uint64_t len, int flags);
QUIRE_API int quire_munlock(struct quire_mm *mm, uint64_t addr, uint64_t len);
QUIRE_API int quire_mlockall(struct quire_mm *mm, int flags);
QUIRE_API int quire_munlockall(struct quire_mm *mm);
/* vec has one byte per page. */
QUIRE_API int quire_mincore(struct quire_mm *mm, uint64_t addr, uint64_t len, uint8_t *vec);
QUIRE_API int quire_msync(struct quire_mm *mm, uint64_t addr, uint64_t len, int flags);

/* ---------------------------------------------------------- memory policies */

/*
 * On which nodes pages are allocated, as mempolicy(7) and set_mempolicy(2) have it.  A policy is a
 * number; 0 is MPOL_DEFAULT: none.
 *
 *     63 .. 61   flags: MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING
 *     57 .. 51   home node + 1; 0: none (set_mempolicy_home_node(2))
 *     50 .. 48   mode: MPOL_*
 *     47 ..  0   nodes: as they were named, if the mode has flags; else those that it means
 *
 * The policy of a mapping decides, else that of the thread (port->task); a page of a file that is
 * not shared memory goes by the thread's alone.  Interleaving takes a mapping's pages, and those
 * of shared memory, by their number in it, and other pages of files in turn.  Where the nodes that
 * a policy insists on (MPOL_BIND) have no memory, memory is out (port->oom), whatever others have.
 * Else the nearest node that has some serves.  Page tables come from the node of the thread.
 */

/* A mode with its flags, whatever nodes go with it. */
QUIRE_API bool quire_policy_mode_ok(unsigned mode);
/* A policy of what set_mempolicy(2) is given: mode with its flags, and nodes (bit 47: some node
 * from 47 on).  0, -EINVAL: no such mode, flags that exclude each other, or none of the nodes is
 * there.  MPOL_PREFERRED without nodes is MPOL_LOCAL. */
QUIRE_API int quire_policy_make(const struct quire_machine *m, unsigned mode, uint64_t nodes,
				uint64_t *policy);
/* The same policy with that home node.  0, -EINVAL: no such node; -EOPNOTSUPP: neither MPOL_BIND
 * nor MPOL_PREFERRED_MANY. */
QUIRE_API int quire_policy_set_home(const struct quire_machine *m, uint64_t *policy, unsigned node);
/* Mode with flags, as get_mempolicy(2) tells it. */
static inline unsigned quire_policy_mode(uint64_t policy)
{
	return (unsigned)(policy >> 48) & 0xe007u;
}
/* The nodes of the machine that it means: a set, bit n for node n; none: MPOL_LOCAL, or 0. */
QUIRE_API uint64_t quire_policy_nodes(const struct quire_machine *m, uint64_t policy);
/* The node that a policy which interleaves gives to the page of that number. */
QUIRE_API unsigned quire_policy_node(const struct quire_machine *m, uint64_t policy,
				     uint64_t number);

/*
 * Gives the mappings of a range a policy, as mbind(2).  They keep it when they are split, moved and
 * forked; neighbours with different ones stay apart.  Of shared memory it is the object's policy:
 * whoever else maps it goes by it, too.  Pages that are there stay where they are.
 * 0, which all have at first, may be given to a range with holes.
 * -EINVAL, -EFAULT: a hole, or nothing but a hole; -ENOMEM.
 */
QUIRE_API int quire_set_policy(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t policy);
/* The policy of a page's mapping or object; 0: that of the thread decides.  -EFAULT: nothing is
 * mapped there. */
QUIRE_API int quire_policy_at(struct quire_mm *mm, uint64_t addr, uint64_t *policy);
/*
 * Gives the policies of a range that home node, as set_mempolicy_home_node(2).  What has none is
 * passed over, and so are holes.
 * -EINVAL; -ENOENT: there is none; -EOPNOTSUPP: one is neither MPOL_BIND nor MPOL_PREFERRED_MANY,
 * and what lies before it has the home node; -ENOMEM.
 */
QUIRE_API int quire_set_home_node(struct quire_mm *mm, uint64_t addr, uint64_t len, unsigned node);
/* The node that the page is on; external frames are taken to be on node 0.  -ENOENT: there is no
 * page yet; -EFAULT: nothing is mapped there, or the zero page. */
QUIRE_API int quire_page_node(struct quire_mm *mm, uint64_t addr);
/* get_mempolicy(2)'s MPOL_F_NODE and MPOL_F_ADDR: the same, of a page that is read for that: the
 * zero page is on node 0.  -EFAULT: it may not be read, and there is none. */
QUIRE_API int quire_read_node(struct quire_mm *mm, uint64_t addr);
/* Of the pages that a range maps, how many are on each of the machine's nodes. */
QUIRE_API void quire_range_nodes(struct quire_mm *mm, uint64_t start, uint64_t end,
				 uint64_t *pages);

/*
 * move_pages(2): status[i] becomes the node on which the page of addrs[i] is, after it was moved to
 * nodes[i] if nodes are given, or a negative errno: -ENOENT: there is no page yet; -EFAULT: nothing
 * is mapped there, or the zero page; -EACCES: others map it, too, and MPOL_MF_MOVE_ALL is not
 * given; -ENOMEM: the node has no frame; -EBUSY: it is in use (pinned, or written back).
 *
 * Returns how many pages could not be moved (-EBUSY, -ENOMEM).  -ENODEV: there is no node nodes[i]:
 * what comes before i is done and told, the rest of status untouched.  -EINVAL: flags, of which
 * MPOL_MF_MOVE and MPOL_MF_MOVE_ALL are known.  Frames of an embedder's are taken to be on node 0,
 * and stay.
 */
QUIRE_API int64_t quire_move_pages(struct quire_mm *mm, uint64_t n, const uint64_t *addrs,
				   const int *nodes, int *status, int flags);
/*
 * migrate_pages(2): the pages on nodes of the set `from` go to those of `to`: those on the first of
 * one to the first of the other, and so on, from the beginning again where `to` has fewer.  Pages
 * that others map, too, only with MPOL_MF_MOVE_ALL.  Returns how many could not be moved; -EINVAL:
 * none of the nodes of `to` is there.
 */
QUIRE_API int64_t quire_migrate_pages(struct quire_mm *mm, uint64_t from, uint64_t to, int flags);
/*
 * mbind(2)'s MPOL_MF_STRICT alone: 0: all pages of a range are on nodes of this set.  -EIO: one is
 * not; -EFAULT: a hole.  A hole behind a mapping is met before the mapping's pages.
 */
QUIRE_API int quire_check_placed(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t nodes);
/*
 * mbind(2)'s MPOL_MF_MOVE and MPOL_MF_MOVE_ALL: the pages of a range that are on none of the nodes
 * of the set `stay` go to where new ones would go by this policy, or, if it is 0, by the thread's.
 * Pages that others map, too, only with MPOL_MF_MOVE_ALL.  Returns how many could not be moved.
 */
QUIRE_API int64_t quire_move_by_policy(struct quire_mm *mm, uint64_t addr, uint64_t len,
				       uint64_t policy, uint64_t stay, int flags);

/* --------------------------------------------------------------- compaction */

/* What keeps a block of frames from becoming free: X(QUIRE_STUCK_ and this, name, what it is). */
/* clang-format off */
#define QUIRE_STUCK_REASONS(X) \
	X(TABLE, page_table, "a page table") \
	X(LARGE, large, "a page of several frames") \
	X(PINNED, pinned, "a page that is pinned") \
	X(LENT, lent, "a page that the host may still use for a system call") \
	X(BUSY, busy, "a page that is locked or being written back") \
	X(REFERENCED, referenced, "a page that somebody has a reference on") \
	X(WAITING, waiting, "a frame on its way: back after a grace period, or just taken") \
	X(NO_ROOM, no_room, "no frame elsewhere to move a page to")
/* clang-format on */

enum quire_stuck {
#define X(reason, name, text) QUIRE_STUCK_##reason,
	QUIRE_STUCK_REASONS(X)
#undef X
	    QUIRE_NR_STUCK
};
/* "page_table" ...; NULL: there is no such reason. */
QUIRE_API const char *quire_stuck_name(enum quire_stuck reason);

struct quire_compact_result {
	uint64_t made;                  /* blocks that became free as a whole */
	uint64_t moved;                 /* pages that were moved for that, or in vain */
	uint64_t stuck[QUIRE_NR_STUCK]; /* blocks that did not, by the first reason */
};
#define QUIRE_ALL_NODES (~0u)
/*
 * Moves pages together until `want` more blocks of 2^order frames are free on the node (0: as many
 * as can be), those first that have the fewest pages.  No free block is broken for it.  Pages that
 * can be moved are private pages and pages of files that nobody has pinned, locked or lent.  Page
 * tables stay: who wants many blocks gives them memory of their own (table_bytes).  No lock;
 * sleeps; programs go on meanwhile.
 *
 * 0; -EINVAL: no such node, or an order of 0 or above 10.
 */
QUIRE_API int quire_compact_sized(struct quire_machine *m, unsigned node, unsigned order,
				  uint64_t want, struct quire_compact_result *out, size_t size);
static inline int quire_compact(struct quire_machine *m, unsigned node, unsigned order,
				uint64_t want, struct quire_compact_result *out)
{
	return quire_compact_sized(m, node, order, want, out, sizeof(*out));
}

/* ------------------------------------------------------------------- faults */

enum quire_access {
	QUIRE_READ = 0,
	QUIRE_WRITE = 1,
	QUIRE_EXEC = 2,
};

enum quire_fault_result {
	QUIRE_FAULT_OK,   /* the entry permits the access now */
	QUIRE_FAULT_SEGV, /* SIGSEGV with .si_code and .addr */
	QUIRE_FAULT_BUS,  /* SIGBUS with .si_code and .addr */
	QUIRE_FAULT_OOM,  /* no memory; the embedder kills somebody */
};

/* Why a fault was refused: one line per rule, see quire_fault_reason_name(). */
enum quire_fault_reason {
	QUIRE_REASON_NONE,
	QUIRE_REASON_NO_VMA,      /* nothing mapped there */
	QUIRE_REASON_PROT_NONE,   /* mapped without any right */
	QUIRE_REASON_PROT_READ,   /* read of a mapping without PROT_READ */
	QUIRE_REASON_PROT_WRITE,  /* write to a mapping without PROT_WRITE */
	QUIRE_REASON_PROT_EXEC,   /* jump into a mapping without PROT_EXEC */
	QUIRE_REASON_STACK_LIMIT, /* growth beyond RLIMIT_STACK or RLIMIT_AS */
	QUIRE_REASON_STACK_GAP,   /* growth would close the guard gap */
	QUIRE_REASON_BEYOND_EOF,  /* page lies beyond the end of the file */
	QUIRE_REASON_IO,          /* the file's read callback failed */
	QUIRE_REASON_NO_MEMORY,   /* a frame or table could not be allocated */
	QUIRE_REASON_GUARD,       /* the page is a guard */
	QUIRE_REASON_POISON,      /* the page's content is lost */
	QUIRE_REASON_HUGE_POOL,   /* no free huge page that is not reserved for others */
	QUIRE_REASON_HUGE_NODE,   /* the same, on the nodes that the mapping is bound to */
	QUIRE_REASON_HUGE_SIZE,   /* the file system of huge pages is full */
	QUIRE_REASON_HUGE_LIMIT,  /* its group may not have more huge pages */
	QUIRE_REASON_HUGE_RSVD,   /* its group may not reserve more of them, and takes one so */
	QUIRE_REASON_HUGE_LOST,   /* the owner of the mapping has taken a page of it after a fork */
	QUIRE_NR_REASONS
};
QUIRE_API const char *quire_fault_reason_name(enum quire_fault_reason r);

/* What a fault did, for counters; a bit set. */
enum quire_fault_kind {
	QUIRE_KIND_SPURIOUS = 0, /* the entry was already good */
	QUIRE_KIND_ZERO = 1,     /* the zero page, read */
	QUIRE_KIND_ANON = 2,     /* a new anonymous page */
	QUIRE_KIND_FILE_MINOR = 3,
	QUIRE_KIND_FILE_MAJOR = 4, /* the file's content had to be read in */
	QUIRE_KIND_COW_COPY = 5,
	QUIRE_KIND_COW_REUSE = 6,
	QUIRE_KIND_WRITE_NOTIFY = 7, /* first write to a clean shared file page */
	QUIRE_NR_KINDS
};

struct quire_vma_info {
	uint64_t start, end;
	uint64_t offset; /* of start in the file, bytes */
	int prot;        /* PROT_* */
	bool shared;
	bool growsdown;
	bool has_file;      /* false: anonymous */
	uint64_t vm_flags;  /* core's VM_* bits, quire_vm_flag_names() */
	uint64_t policy;    /* quire_policy_at() of start */
	char name[16];      /* "[heap]", "[stack]", "" */
	uint64_t dev, ino;  /* of the file, */
	char file_name[64]; /* and its name's beginning.  The file: quire_vma_next_file() */
	uint64_t page_size; /* bytes: that of its huge pages, or QUIRE_PAGE_SIZE */
};

struct quire_fault {
	enum quire_fault_result result;
	enum quire_fault_kind kind;
	enum quire_fault_reason reason;
	int si_code; /* SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR, BUS_OBJERR */
	uint64_t addr;
	uint64_t pte;    /* the entry, when OK */
	unsigned around; /* pages that fault-around mapped beside */
	bool stack_grown;
	bool has_vma; /* vma was filled in (only for refused faults) */
	uint64_t reserved[4];
	struct quire_vma_info vma; /* the last: it may grow */
};

/*
 * Resolves an access of an executor.  May sleep in a file's callbacks.
 * Takes no mmap lock unless the lookup found nothing or raced too often.
 */
QUIRE_API enum quire_fault_result quire_fault_sized(struct quire_mm *mm, uint64_t addr,
						    enum quire_access access,
						    struct quire_fault *out, size_t size);
static inline enum quire_fault_result quire_fault(struct quire_mm *mm, uint64_t addr,
						  enum quire_access access, struct quire_fault *out)
{
	return quire_fault_sized(mm, addr, access, out, sizeof(*out));
}

/*
 * Copy between the embedder and guest memory, faulting in; returns bytes copied or -EFAULT if none.
 * Rights are those of the VMA.  read and write are for what the program itself hands over and gets,
 * such as arguments of its system calls: they grow its stack as its own accesses do.  The remote
 * ones are process_vm_readv and process_vm_writev: they do not.
 */
QUIRE_API int64_t quire_read(struct quire_mm *mm, uint64_t addr, void *buf, uint64_t len);
QUIRE_API int64_t quire_write(struct quire_mm *mm, uint64_t addr, const void *buf, uint64_t len);
QUIRE_API int64_t quire_remote_read(struct quire_mm *mm, uint64_t addr, void *buf, uint64_t len);
QUIRE_API int64_t quire_remote_write(struct quire_mm *mm, uint64_t addr, const void *buf,
				     uint64_t len);

/*
 * A page held in place and readable or writable through `mem` until unpinned.
 *
 * A page of a shared mapping, and a private page of the mm's own, stays the one that the mm maps,
 * until the mm unmaps it: each side sees what the other stores.  A fork gives the child a copy of a
 * pinned private page and leaves the page to the mm.  A private page that a fork has shared before
 * becomes the mm's own when it is pinned, also for reading: that may need memory.
 *
 * Where there is no private page yet, but the zero page or a page of a file in a private mapping, a
 * pin for reading has that page.  The mm's next store there goes to a new page, and the pin goes on
 * reading the old one.  To see that store, pin for writing.  After munmap a pin keeps what it has.
 */
struct quire_pin {
	void *mem;
	uint64_t frame;
	void *priv;
};
/* -EFAULT for a refused access, an external frame, or want of memory; -ENOMEM for a page that has
 * been pinned 65,280 times.  addr is rounded down to its page.  Grows no stack. */
QUIRE_API int quire_pin_sized(struct quire_mm *mm, uint64_t addr, enum quire_access access,
			      struct quire_pin *out, size_t size);
static inline int quire_pin(struct quire_mm *mm, uint64_t addr, enum quire_access access,
			    struct quire_pin *out)
{
	return quire_pin_sized(mm, addr, access, out, sizeof(*out));
}
QUIRE_API void quire_unpin(struct quire_machine *m, struct quire_pin *pin);

/*
 * The entry of addr, as of a page of 4 KiB; 0: there is none.  One without PRESENT maps nothing,
 * and its other bits are the core's own.
 */
QUIRE_API uint64_t quire_pte(struct quire_mm *mm, uint64_t addr);

/* Bits of an entry: x86-64's, with four of the ignored bits used by the core. */
#define QUIRE_PTE_PRESENT 0x001ull
#define QUIRE_PTE_WRITE 0x002ull
#define QUIRE_PTE_USER 0x004ull /* clear in a PROT_NONE mapping: PRESENT, but not to be used */
#define QUIRE_PTE_ACCESSED 0x020ull
#define QUIRE_PTE_DIRTY 0x040ull
#define QUIRE_PTE_HUGE 0x080ull
#define QUIRE_PTE_EXTERNAL 0x200ull /* the frame number is the embedder's */
#define QUIRE_PTE_UFFD_WP 0x400ull
#define QUIRE_PTE_SOFT_DIRTY 0x800ull
#define QUIRE_PTE_SHARED (1ull << 52) /* the VMA is MAP_SHARED */
#define QUIRE_PTE_NX (1ull << 63)
#define QUIRE_PTE_FRAME_MASK 0x000ffffffffff000ull

/* --------------------------------------------------------------------- files */

/*
 * What the core asks the embedder about a file.
 *
 * Each is called in the thread of the call of this header that needs it (a fault, a read, a write,
 * msync, whatever drops the last reference), with a reference on the file, outside read-side
 * sections (RCU), and without any lock of the core's but the one named below.  It may sleep, and it
 * may call this header, with these exceptions:
 *
 *   read_page, write_page   hold the page.  Calls that may want it, or what others hold while they
 *                           want it, are not made from there: faults and accesses of memory that
 *                           maps the file; quire_file_read(), _write(), _truncate(), _punch(),
 *                           _sync(), _mapped_by() and msync of it; and whatever changes, lists or
 *                           forks an address space that maps it or is to (mmap, mincore ...).
 *                           What an embedder holds over such a call is not waited for there.
 *                           quire_file_size() may be called.
 *   read_page               under quire_file_write() holds that file's lock of writers, too.
 *
 * Nothing is held over the others: they may wait for what is held over quire_file_truncate().
 */
struct quire_file_ops {
	/* Page cache files: fill / write one page.  0 or -errno. */
	int (*read_page)(void *priv, uint64_t pgoff, void *mem);
	/* What it refuses stays dirty and is tried again by the next sync, and for the last time
	 * when the last reference goes: then it is lost, with a line (port->log), and counted
	 * (quire_machine_stats.lost_pages).  quire_file_sync() before that tells of errors. */
	int (*write_page)(void *priv, uint64_t pgoff, const void *mem);
	/* External files: frame number of a page (52 bits at most); -errno refuses
	 * (-ENXIO: beyond the end, SIGBUS).  Asked about neighbours as well. */
	int (*frame)(void *priv, uint64_t pgoff, uint64_t *frame);
	/* External files: copy the content of one page, for private writes. */
	int (*copy_page)(void *priv, uint64_t pgoff, void *mem);
	/*
	 * Current size in bytes; NULL: quire_file_options.bytes, and what truncation and writes
	 * make of it (external files: unbounded).  A file that has grown is asked about when
	 * somebody wants what lies beyond the size that the core knows.  A file that has become
	 * shorter is told of by quire_file_truncate(), once this returns the new size.  Stores
	 * through mappings may leave bytes beyond the end in the last page.  The embedder takes
	 * these away, by quire_file_punch(), before it makes the file longer: it alone knows where
	 * the file ended.
	 */
	uint64_t (*file_size)(void *priv);
	/* The last call: the last reference is gone, all that could be written is. */
	void (*release)(void *priv);
	/*
	 * MADV_REMOVE and quire_file_remove(): [off, off + len), whole pages, read as zeros from
	 * now on.  0 or -errno.  May sleep.  What the core has of the range is dropped after it:
	 * until then frames of it may be in use.  write_page of a page of it is not called from
	 * before this until that, nor is one under way: a sync beside passes such a page over, and
	 * where this fails, the page stays dirty.  NULL: -EOPNOTSUPP.
	 */
	int (*punch_hole)(void *priv, uint64_t off, uint64_t len);
};

enum quire_file_kind {
	QUIRE_FILE_PAGECACHE, /* read_page, write_page; content in RAM frames */
	QUIRE_FILE_EXTERNAL,  /* frame, copy_page; content elsewhere */
	QUIRE_FILE_SHMEM,     /* no callbacks needed; zero-filled, content only in RAM */
	QUIRE_FILE_HUGETLB,   /* the same of huge pages, from the machine's pools */
	QUIRE_NR_FILE_KINDS
};

struct quire_file_options {
	size_t size;
	enum quire_file_kind kind;
	const struct quire_file_ops *ops;
	void *priv;
	uint64_t bytes;   /* initial size, where there is no file_size */
	bool writable;    /* opened for writing: MAP_SHARED may be PROT_WRITE */
	bool noexec;      /* mount forbids PROT_EXEC */
	bool noreserve;   /* shmem: charged to committed memory page by page, not whole */
	const char *name; /* for maps; copied */
	uint64_t dev, ino;
	bool moves_alone;     /* no mremap over several mappings takes it along (EFAULT) */
	enum quire_huge huge; /* QUIRE_FILE_HUGETLB: of which size its pages are .. */
	struct quire_huge_subpool *subpool; /* .. and of which file system it is, of that size */
};
/* ops_size: of opts->ops, as the embedder knows it. */
QUIRE_API int quire_file_create_sized(struct quire_machine *m,
				      const struct quire_file_options *opts, size_t ops_size,
				      struct quire_file **out);
static inline int quire_file_create(struct quire_machine *m, const struct quire_file_options *opts,
				    struct quire_file **out)
{
	return quire_file_create_sized(m, opts, sizeof(struct quire_file_ops), out);
}
QUIRE_API void quire_file_get(struct quire_file *file);
/* With the last reference, mappings included, dirty pages are written back and release is called,
 * before the call that drops it returns. */
QUIRE_API void quire_file_put(struct quire_file *file);
/* Writes all dirty pages back.  0, or the first error of write_page:
 * what it refused stays dirty. */
QUIRE_API int quire_file_sync(struct quire_file *file);
QUIRE_API void *quire_file_priv(struct quire_file *file);
QUIRE_API const char *quire_file_name(struct quire_file *file);
QUIRE_API void quire_file_id(struct quire_file *file, uint64_t *dev, uint64_t *ino);
/*
 * What takes content away.  The content may be the embedder's (external files, page cache with a
 * store of its own).  Then the embedder changes its file first and calls afterwards.  It keeps
 * other changes of that file's length and content out, from before the one until after the other.
 * Otherwise a store into a page that is new again is lost with the old page.
 * write_page may be called with the old content until the call returns.  A thread that keeps others
 * out does not wait for it: write_page leaves alone what lies beyond the file's new end, and an
 * embedder makes holes of its own by quire_file_remove().
 *
 * The file ends at `bytes`.  Cached pages that lie wholly beyond are dropped, and so is what is
 * mapped of them, private copies too: an access there is SIGBUS, and finds what the file has if it
 * is made longer again.  Of the page that the end lies in, the rest is zeroed in the cache, and the
 * page is dirty; a private copy keeps it.  So it is by ftruncate(2) and O_TRUNC.  A file of huge
 * pages ends where one does: else -EINVAL.
 * Where the content is moved (FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE), private copies go
 * from the page on in which that begins: the call for an external file is this one with its offset,
 * rounded down to a page, which changes no size there.
 * 0, -EINVAL, -ENOMEM (shmem that grows: overcommit).
 */
QUIRE_API int quire_file_truncate(struct quire_file *file, uint64_t bytes);
/*
 * [off, off+len) reads as zeros, or as what the embedder's file has there now; the size stays.
 * Whole pages are dropped from the cache, dirty or not, and unmapped; private copies stay, but for
 * those of huge pages.  A page of which a part is meant is zeroed there, and dirty.  So it is by
 * FALLOC_FL_PUNCH_HOLE and FALLOC_FL_ZERO_RANGE.
 * 0, -EINVAL.
 */
QUIRE_API int quire_file_punch(struct quire_file *file, uint64_t off, uint64_t len);
/*
 * Makes a hole of whole pages: punch_hole, and then what quire_file_punch() does, without a
 * write_page of them in between.  What punch_hole returned, or -EINVAL.
 */
QUIRE_API int quire_file_remove(struct quire_file *file, uint64_t off, uint64_t len);
/*
 * The pages that have a part of [off, off+len) are there from now on, taken for mm, which asks: by
 * fallocate(2).  `longer`: the file ends at off + len at least (not with FALLOC_FL_KEEP_SIZE).
 * 0; -EINVAL; -EFBIG; -ENOSPC: some are there, and the length is as it was; -EOPNOTSUPP: not a file
 * of huge pages.
 */
QUIRE_API int quire_file_allocate(struct quire_file *file, struct quire_mm *mm, uint64_t off,
				  uint64_t len, bool longer);
/* Huge pages of [off, off+len) are reserved, as by a shared mapping: by shmget(2).  0, -EINVAL,
 * -ENOMEM, -EOPNOTSUPP. */
QUIRE_API int quire_file_reserve(struct quire_file *file, struct quire_mm *mm, uint64_t off,
				 uint64_t len);
QUIRE_API uint64_t quire_file_size(struct quire_file *file);
/* Bytes of it that are in the machine's RAM: its page cache. */
QUIRE_API uint64_t quire_file_resident(struct quire_file *file);
/* Some mapping of mm is of this file.  True of a moment of the call: a caller that needs it to stay
 * true keeps others from mapping the file meanwhile. */
QUIRE_API bool quire_file_mapped_by(struct quire_file *file, const struct quire_mm *mm);
/*
 * read(2)/write(2) through the page cache (all kinds but external; files of huge pages can only be
 * read).  A write beyond the end makes the file longer, if quire_file_truncate() to that length
 * would: else -ENOMEM.
 */
QUIRE_API int64_t quire_file_read(struct quire_file *file, uint64_t off, void *buf, uint64_t len);
QUIRE_API int64_t quire_file_write(struct quire_file *file, uint64_t off, const void *buf,
				   uint64_t len);

/* ---------------------------------------------------------------- inspection */

/* First VMA that ends above addr.  0, or -ENOENT. */
QUIRE_API int quire_vma_next_sized(struct quire_mm *mm, uint64_t addr, struct quire_vma_info *out,
				   size_t size);
static inline int quire_vma_next(struct quire_mm *mm, uint64_t addr, struct quire_vma_info *out)
{
	return quire_vma_next_sized(mm, addr, out, sizeof(*out));
}
/* The same, with its file: *file is NULL, or the caller's to put. */
QUIRE_API int quire_vma_next_file_sized(struct quire_mm *mm, uint64_t addr,
					struct quire_vma_info *out, size_t size,
					struct quire_file **file);
static inline int quire_vma_next_file(struct quire_mm *mm, uint64_t addr,
				      struct quire_vma_info *out, struct quire_file **file)
{
	return quire_vma_next_file_sized(mm, addr, out, sizeof(*out), file);
}
/* "rd ex sh mr ..." as in smaps' VmFlags. */
QUIRE_API void quire_vm_flag_names(uint64_t vm_flags, char *buf, size_t len);

/* What smaps tells of a range, bytes; pss in bytes << 12.  May wait for an mremap under way. */
struct quire_usage {
	uint64_t rss, pss_shifted, pss_dirty_shifted, pss_anon_shifted, pss_file_shifted,
	    pss_shmem_shifted;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t referenced, anonymous, lazyfree, anon_huge, swap, locked_pss_shifted;
	uint64_t external; /* of rss: external frames */
	/* Huge pages of pools, which are in none of the others: with one mapping, and with more. */
	uint64_t private_hugetlb, shared_hugetlb;
	uint64_t file_hugetlb;  /* of both, those that are a file's, .. */
	uint64_t dirty_hugetlb; /* .. and private ones that were written to */
};
QUIRE_API void quire_range_usage_sized(struct quire_mm *mm, uint64_t start, uint64_t end,
				       struct quire_usage *out, size_t size);
static inline void quire_range_usage(struct quire_mm *mm, uint64_t start, uint64_t end,
				     struct quire_usage *out)
{
	quire_range_usage_sized(mm, start, end, out, sizeof(*out));
}

/* New kinds and reasons move no field: there is room for so many. */
#define QUIRE_ROOM_KINDS 16
#define QUIRE_ROOM_REASONS 32
struct quire_mm_stats {
	uint64_t faults[QUIRE_ROOM_KINDS];
	uint64_t segv[QUIRE_ROOM_REASONS]; /* refused, by reason (SIGSEGV and SIGBUS) */
	uint64_t forks, fork_entries_copied, fork_tables_copied;
	uint64_t rss_anon, rss_file, rss_shmem, peak_rss;         /* pages */
	uint64_t total_vm, data_vm, exec_vm, stack_vm, locked_vm; /* pages */
	uint64_t peak_total_vm, peak_locked_vm;
	uint64_t vmas, peak_vmas;
	/* Pages of private writable memory that were granted at once: less RAM refuses them. */
	uint64_t largest_request;
	uint64_t table_bytes, peak_table_bytes;
	uint64_t start_brk, brk, mmap_base, start_stack;
	uint64_t hugetlb; /* pages of 4 KiB that its huge pages of pools are: not in rss */

	/* One for each line of counters.h. */
#define QUIRE_COUNTER_FIELD(counter, field, object, name, text) uint64_t field;
	QUIRE_MM_COUNTERS(QUIRE_COUNTER_FIELD)
#undef QUIRE_COUNTER_FIELD
};
QUIRE_API void quire_mm_stats_sized(struct quire_mm *mm, struct quire_mm_stats *out, size_t size);
static inline void quire_mm_stats(struct quire_mm *mm, struct quire_mm_stats *out)
{
	quire_mm_stats_sized(mm, out, sizeof(*out));
}
/* Of its rss the pages that take RAM, without a lock: private ones, and shared memory. */
QUIRE_API void quire_mm_in_ram(struct quire_mm *mm, uint64_t *anon, uint64_t *shmem);

QUIRE_API const char *quire_version(void);

#ifdef __cplusplus
}
#endif
#endif
