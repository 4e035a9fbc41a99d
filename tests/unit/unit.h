/* SPDX-License-Identifier: MIT */
/*
 * unit.h: what the core's unit tests share.
 *
 * A `struct unit` is a machine on the host port with one address space.  Use
 * unit_setup and unit_teardown as cmocka's fixtures (*state is the unit), or
 * unit_up() and unit_down() with options of your own.  Teardown proves that
 * nothing is left: verify clean, every frame free, every byte of metadata given
 * back.  Call unit_verify() after each step of a test.
 *
 * Everything is static inline: a test that uses half of it gets no warning.
 */
#ifndef QUIRE_TEST_UNIT_H
#define QUIRE_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quire/port_host.h"
#include "quire/abi.h"
#include "quire/quire.h"

#define UPAGE QUIRE_PAGE_SIZE
#define UNIT_RAM (64ull << 20)
#define URW (QPROT_READ | QPROT_WRITE)
#define UANON (QMAP_PRIVATE | QMAP_ANONYMOUS)
#define USHARED (QMAP_SHARED | QMAP_ANONYMOUS)

struct unit {
	struct quire_port port, host; /* port: the host's, with alloc and free counted */
	struct quire_machine *m;
	struct quire_mm *mm;
	int64_t outstanding;   /* bytes of port->alloc not yet freed */
	uint64_t flushes;      /* calls of tlb_flush */
	uint64_t flush_ranges; /* ranges in them; a full flush counts as one */
	bool lent;             /* what unit_lent() says */
};

static inline void *unit_alloc(void *ctx, size_t bytes)
{
	struct unit *u = ctx;
	void *p = u->host.alloc(u->host.ctx, bytes);

	if (p)
		__atomic_add_fetch(&u->outstanding, (int64_t)bytes, __ATOMIC_RELAXED);
	return p;
}

static inline void unit_free(void *ctx, void *p, size_t bytes)
{
	struct unit *u = ctx;

	if (p)
		__atomic_sub_fetch(&u->outstanding, (int64_t)bytes, __ATOMIC_RELAXED);
	u->host.free(u->host.ctx, p, bytes);
}

static inline void unit_flush(void *ctx, struct quire_mm *mm, void *cookie,
			      const struct quire_tlb_range *ranges, unsigned nranges)
{
	struct unit *u = ctx;

	(void)mm;
	(void)cookie;
	(void)ranges;
	__atomic_add_fetch(&u->flushes, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&u->flush_ranges, nranges ? nranges : 1, __ATOMIC_RELAXED);
}

/* A test that has lent memory puts it into u->port.tlb_lent. */
static inline bool unit_lent(void *ctx, struct quire_mm *mm, void *cookie,
			     const struct quire_tlb_range *ranges, unsigned nranges)
{
	struct unit *u = ctx;

	(void)mm;
	(void)cookie;
	(void)ranges;
	(void)nranges;
	return u->lent;
}

static inline void unit_report(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "verify: %s\n", line);
}

/* The machine is quiescent and its books balance. */
static inline void unit_verify(struct unit *u)
{
	assert_int_equal(quire_verify(u->m, unit_report, NULL), 0);
}

/* Fills in *u but for the machine: a test may put functions of its own into u->port. */
static inline void unit_port(struct unit *u)
{
	memset(u, 0, sizeof(*u));
	quire_port_host(&u->host);
	u->port = u->host;
	u->port.ctx = u; /* the host port looks at no ctx */
	u->port.alloc = unit_alloc;
	u->port.free = unit_free;
	u->port.tlb_flush = unit_flush;
}

/* After unit_port(); opts and mm_opts may be NULL. */
static inline void unit_machine(struct unit *u, const struct quire_machine_options *opts)
{
	struct quire_machine_options dflt = {.size = sizeof(dflt), .ram_bytes = UNIT_RAM};

	assert_int_equal(quire_machine_create(&u->port, opts ? opts : &dflt, &u->m), 0);
}

static inline void unit_machine_mm(struct unit *u, const struct quire_machine_options *opts,
				   const struct quire_mm_options *mm_opts)
{
	unit_machine(u, opts);
	assert_int_equal(quire_mm_create(u->m, mm_opts, &u->mm), 0);
}

/* Both at once; without an mm, and with one. */
static inline void unit_up_machine(struct unit *u, const struct quire_machine_options *opts)
{
	unit_port(u);
	unit_machine(u, opts);
}

static inline void unit_up(struct unit *u, const struct quire_machine_options *opts,
			   const struct quire_mm_options *mm_opts)
{
	unit_port(u);
	unit_machine_mm(u, opts, mm_opts);
}

/* u->mm may be NULL by now; other address spaces and files must have been put. */
static inline void unit_down(struct unit *u)
{
	unit_verify(u);
	if (u->mm)
		quire_mm_put(u->mm);
	u->mm = NULL;
	u->port.rcu_barrier(u->port.ctx);
	unit_verify(u);
	quire_machine_destroy(u->m);
	u->port.rcu_barrier(u->port.ctx);
	assert_int_equal(u->outstanding, 0);
}

static inline int unit_setup(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));

	unit_up(u, NULL, NULL);
	*state = u;
	return 0;
}

static inline int unit_teardown(void **state)
{
	unit_down(*state);
	free(*state);
	return 0;
}

#undef unit_test /* cmocka has an old one */
#define unit_test(f) cmocka_unit_test_setup_teardown(f, unit_setup, unit_teardown)

/* mmap that must succeed; addr 0: wherever. */
static inline uint64_t unit_map_file(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot,
				     int flags, struct quire_file *file, uint64_t offset)
{
	uint64_t out = 0;

	assert_int_equal(quire_mmap(mm, addr, len, prot, flags, file, offset, &out), 0);
	return out;
}

static inline uint64_t unit_map(struct quire_mm *mm, uint64_t addr, uint64_t len, int prot,
				int flags)
{
	return unit_map_file(mm, addr, len, prot, flags, NULL, 0);
}

/* A file of zeroes in RAM, opened for writing or not. */
static inline struct quire_file *unit_shmem(struct unit *u, uint64_t bytes, bool writable)
{
	struct quire_file_options opts = {
	    .size = sizeof(opts), .kind = QUIRE_FILE_SHMEM, .bytes = bytes, .writable = writable};
	struct quire_file *file;

	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	return file;
}

/* False: the access was refused. */
static inline bool unit_try_load(struct quire_mm *mm, uint64_t addr, uint64_t *val)
{
	return quire_read(mm, addr, val, sizeof(*val)) == (int64_t)sizeof(*val);
}

static inline bool unit_try_store(struct quire_mm *mm, uint64_t addr, uint64_t val)
{
	return quire_write(mm, addr, &val, sizeof(val)) == (int64_t)sizeof(val);
}

static inline uint64_t unit_load(struct quire_mm *mm, uint64_t addr)
{
	uint64_t val = 0;

	assert_true(unit_try_load(mm, addr, &val));
	return val;
}

static inline void unit_store(struct quire_mm *mm, uint64_t addr, uint64_t val)
{
	assert_true(unit_try_store(mm, addr, val));
}

/* Ends a case that cannot be had here: why is told with it (tests/unit/tap). */
#define unit_skip(why)                                                                             \
	do {                                                                                       \
		print_message("skipped: %s\n", (why));                                             \
		skip();                                                                            \
	} while (0)

/* One word per page, of the page's number in the range and a seed. */
static inline uint64_t unit_word(uint64_t page, uint64_t seed)
{
	return (page + 1) * 0x9e3779b97f4a7c15ull + seed;
}

static inline void unit_fill(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len / UPAGE; i++)
		unit_store(mm, addr + i * UPAGE, unit_word(i, seed));
}

static inline void unit_expect_fill(struct quire_mm *mm, uint64_t addr, uint64_t len, uint64_t seed)
{
	for (uint64_t i = 0; i < len / UPAGE; i++)
		assert_int_equal(unit_load(mm, addr + i * UPAGE), unit_word(i, seed));
}

static inline void unit_expect_zero(struct quire_mm *mm, uint64_t addr, uint64_t len)
{
	for (uint64_t i = 0; i < len / UPAGE; i++)
		assert_int_equal(unit_load(mm, addr + i * UPAGE), 0);
}

/* The fault itself, for its result and reason. */
static inline enum quire_fault_result unit_fault(struct quire_mm *mm, uint64_t addr,
						 enum quire_access access, struct quire_fault *out)
{
	struct quire_fault dummy;

	memset(out ? out : &dummy, 0, sizeof(dummy));
	return quire_fault(mm, addr, access, out ? out : &dummy);
}

static inline struct quire_machine_stats unit_stats(struct quire_machine *m)
{
	struct quire_machine_stats st;

	quire_machine_stats(m, &st);
	return st;
}

static inline uint64_t unit_free_frames(struct quire_machine *m)
{
	return unit_stats(m).free_frames;
}

static inline struct quire_mm *unit_fork(struct quire_mm *mm)
{
	struct quire_mm *child;

	assert_int_equal(quire_mm_fork(mm, NULL, &child), 0);
	return child;
}

static inline unsigned unit_vma_count(struct quire_mm *mm)
{
	struct quire_vma_info vi;
	unsigned n = 0;

	for (uint64_t a = 0; quire_vma_next(mm, a, &vi) == 0; a = vi.end)
		n++;
	return n;
}

static inline uint64_t unit_rss(struct quire_mm *mm)
{
	struct quire_mm_stats st;

	quire_mm_stats(mm, &st);
	return st.rss_anon + st.rss_file + st.rss_shmem;
}

#endif
