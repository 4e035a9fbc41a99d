/* SPDX-License-Identifier: MIT */
/*
 * memory_quire.c: the measured calls as the library's.
 *
 * RAM is touched beforehand: the host's own faults are no part of a figure.
 */
#include "bench/memory.h"
#include "bench/rows.h"

#include <quire/abi.h>
#include <quire/port_host.h>
#include <quire/quire.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct bench_file {
	struct quire_file *file;
};

struct quire_memory_side {
	struct memory base;
	struct quire_machine *machine;
	struct quire_mm *mm;
};

static void must(bool ok, const char *what)
{
	bench_must(ok, "the library", what);
}

static struct quire_mm *mm_of(struct memory *m)
{
	return ((struct quire_memory_side *)m)->mm;
}

static uint64_t q_map(struct memory *m, uint64_t addr, uint64_t len, int prot, int flags,
		      struct bench_file *file)
{
	uint64_t at = 0;

	must(!quire_mmap(mm_of(m), addr, len, prot, flags | (file ? 0 : QMAP_ANONYMOUS),
			 file ? file->file : NULL, 0, &at),
	     "mmap");
	return at;
}

static void q_unmap(struct memory *m, uint64_t addr, uint64_t len)
{
	must(!quire_munmap(mm_of(m), addr, len), "munmap");
}

static void q_protect(struct memory *m, uint64_t addr, uint64_t len, int prot)
{
	must(!quire_mprotect(mm_of(m), addr, len, prot), "mprotect");
}

static void q_advise(struct memory *m, uint64_t addr, uint64_t len, int advice)
{
	must(!quire_madvise(mm_of(m), addr, len, advice), "madvise");
}

static void q_remap(struct memory *m, uint64_t addr, uint64_t len, uint64_t to)
{
	uint64_t at = 0;

	must(!quire_mremap(mm_of(m), addr, len, len, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &at),
	     "mremap");
}

static void q_lock(struct memory *m, uint64_t addr, uint64_t len)
{
	must(!quire_mlock(mm_of(m), addr, len, 0), "mlock");
}

static void q_unlock(struct memory *m, uint64_t addr, uint64_t len)
{
	must(!quire_munlock(mm_of(m), addr, len), "munlock");
}

static void q_mincore(struct memory *m, uint64_t addr, uint64_t len, uint8_t *vec)
{
	must(!quire_mincore(mm_of(m), addr, len, vec), "mincore");
}

static void q_rollup(struct memory *m, void *child)
{
	struct quire_usage u = {0};

	(void)m;
	quire_range_usage(child, 0, UINT64_MAX & ~(BENCH_PAGE - 1), &u);
}

static void *q_fork(struct memory *m)
{
	struct quire_mm *child;

	must(!quire_mm_fork(mm_of(m), NULL, &child), "fork");
	return child;
}

static void q_end_child(struct memory *m, void *child)
{
	(void)m;
	quire_mm_put(child);
}

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	(void)priv;
	(void)pgoff;
	memset(mem, 0, BENCH_PAGE);
	return 0;
}

static int write_page(void *priv, uint64_t pgoff, const void *mem)
{
	(void)priv;
	(void)pgoff;
	(void)mem;
	return 0;
}

static struct bench_file *q_file(struct memory *m, bool disk, uint64_t len)
{
	static const struct quire_file_ops ops = {.read_page = read_page, .write_page = write_page};
	static const char zeros[65536];
	struct quire_file_options o = {.size = sizeof(o), .writable = true, .name = "bench"};
	struct bench_file *f = malloc(sizeof(*f));

	must(f, "malloc");
	o.kind = disk ? QUIRE_FILE_PAGECACHE : QUIRE_FILE_SHMEM;
	o.bytes = len;
	o.ops = disk ? &ops : NULL;
	must(!quire_file_create(((struct quire_memory_side *)m)->machine, &o, &f->file), "a file");
	for (uint64_t at = 0; at < len; at += sizeof(zeros))
		must(quire_file_write(f->file, at, zeros, sizeof(zeros)) == sizeof(zeros), "write");
	return f;
}

static void q_close(struct memory *m, struct bench_file *file)
{
	(void)m;
	quire_file_put(file->file);
	free(file);
}

static const struct memory_ops quire_ops = {
    .name = "quire",
    .map = q_map,
    .unmap = q_unmap,
    .protect = q_protect,
    .advise = q_advise,
    .remap = q_remap,
    .lock = q_lock,
    .unlock = q_unlock,
    .mincore = q_mincore,
    .rollup = q_rollup,
    .fork = q_fork,
    .end_child = q_end_child,
    .file = q_file,
    .close = q_close,
};

struct memory *memory_quire(uint64_t ram_bytes)
{
	static struct quire_memory_side q = {.base = {&quire_ops}};
	static struct quire_port port;
	struct quire_machine_options o = {.size = sizeof(o), .ram_bytes = ram_bytes};
	struct quire_mm_options mm = {.size = sizeof(mm), .ignore_memlock = true};

	o.ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(o.ram != MAP_FAILED, "RAM");
	madvise(o.ram, ram_bytes, MADV_DONTFORK);
	o.max_map_count = 200000;
	o.huge_pages[QUIRE_HUGE_2M] = BENCH_HUGE_PAGES;
	quire_port_host(&port);
	must(!quire_machine_create(&port, &o, &q.machine), "a machine");
	must(!quire_mm_create(q.machine, &mm, &q.mm), "an address space");
	return &q.base;
}
