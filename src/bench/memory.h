/* SPDX-License-Identifier: MIT */
/*
 * memory.h: the calls that are measured, as the host kernel and as the library have them.
 *
 * A failure ends the program with a line: a figure of something that did not happen is worse than
 * none.  Addresses and lengths are bytes.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_PAGE 4096ull

struct memory;

/* A file of zeros in memory (tmpfs) or on disk, all of it cached. */
struct bench_file;

struct memory_ops {
	const char *name;
	/* Anonymous if file is NULL. */
	uint64_t (*map)(struct memory *m, uint64_t addr, uint64_t len, int prot, int flags,
			struct bench_file *file);
	void (*unmap)(struct memory *m, uint64_t addr, uint64_t len);
	void (*protect)(struct memory *m, uint64_t addr, uint64_t len, int prot);
	void (*advise)(struct memory *m, uint64_t addr, uint64_t len, int advice);
	/* To that address. */
	void (*remap)(struct memory *m, uint64_t addr, uint64_t len, uint64_t to);
	void (*lock)(struct memory *m, uint64_t addr, uint64_t len);
	void (*unlock)(struct memory *m, uint64_t addr, uint64_t len);
	void (*mincore)(struct memory *m, uint64_t addr, uint64_t len, uint8_t *vec);
	/* The sums that /proc/PID/smaps_rollup tells of a child. */
	void (*rollup)(struct memory *m, void *child);
	/* A copy of the address space, that does nothing, until its end. */
	void *(*fork)(struct memory *m);
	void (*end_child)(struct memory *m, void *child);
	struct bench_file *(*file)(struct memory *m, bool disk, uint64_t len);
	void (*close)(struct memory *m, struct bench_file *file);
};

struct memory {
	const struct memory_ops *ops;
};

struct memory *memory_host(void);
/* A machine with so much RAM. */
struct memory *memory_quire(uint64_t ram_bytes);

/* Ends the program unless `ok`. */
void bench_must(bool ok, const char *who, const char *what);

#endif
