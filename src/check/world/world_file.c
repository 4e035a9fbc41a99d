/* SPDX-License-Identifier: MIT */
/*
 * world_file.c: a scenario's file and its disk.
 *
 * A page on the disk is its first 8 bytes.  What a device does at its own pace is a word that
 * another actor sets: the actor that reads or writes sleeps on it.
 */
#include "check/world/world.h"

#include <string.h>

void io_wait(struct world *w)
{
	struct quire_port port;

	sched_port(&port);
	while (!atomic_load(&w->io_allowed)) {
		STEP("sleeps until the device is done");
		port.wait(port.ctx, &w->io_allowed, 0);
	}
}

static int read_page(void *priv, uint64_t pgoff, void *mem)
{
	struct world *w = priv;

	if (w->io_gated)
		io_wait(w);
	expect(pgoff < noted(w, FILE_SIZE), "page %llu is read beyond the end",
	       (unsigned long long)pgoff);
	if (w->io_error)
		return -(int)w->io_error;
	atomic_store((uint64_t *)mem, atomic_load(&w->disk[pgoff]));
	return 0;
}

static int write_page(void *priv, uint64_t pgoff, const void *mem)
{
	struct world *w = priv;

	if (w->io_gated)
		io_wait(w);
	expect(pgoff < noted(w, FILE_SIZE), "page %llu is written beyond the end",
	       (unsigned long long)pgoff);
	atomic_store(&w->disk[pgoff], atomic_load((const uint64_t *)mem));
	STEP("writes %llu to page %llu of the disk", (unsigned long long)w->disk[pgoff],
	     (unsigned long long)pgoff);
	return 0;
}

static int punch_hole(void *priv, uint64_t off, uint64_t len)
{
	struct world *w = priv;

	for (uint64_t i = off / PAGE; i < (off + len) / PAGE; i++)
		atomic_store(&w->disk[i], 0);
	STEP("makes the hole on the disk");
	return 0;
}

static void released(void *priv)
{
	struct world *w = priv;

	STEP("the file is released");
	note(w, FILE_RELEASED, noted(w, FILE_RELEASED) + 1);
}

void expect_released(struct world *w)
{
	struct quire_port port;

	sched_port(&port);
	port.rcu_barrier(port.ctx); /* VMAs put theirs there */
	expect(noted(w, FILE_RELEASED) == 1, "the file was released %llu times",
	       (unsigned long long)noted(w, FILE_RELEASED));
}

/* ---- external: the device's memory, behind the RAM ------------------------------------ */

static int frame(void *priv, uint64_t pgoff, uint64_t *out)
{
	*out = ((struct world *)priv)->device_pfn + pgoff;
	return 0;
}

static int copy_page(void *priv, uint64_t pgoff, void *mem)
{
	struct world *w = priv;

	if (w->io_gated)
		io_wait(w);
	atomic_store((uint64_t *)mem, atomic_load(&w->disk[pgoff]));
	return 0;
}

/* ---- the other file: at any time, and as long as it was ---------------------------------- */

static int other_read(void *priv, uint64_t pgoff, void *mem)
{
	atomic_store((uint64_t *)mem, atomic_load(&((struct world *)priv)->other_disk[pgoff]));
	return 0;
}

static int other_write(void *priv, uint64_t pgoff, const void *mem)
{
	uint64_t value = atomic_load((const uint64_t *)mem);

	atomic_store(&((struct world *)priv)->other_disk[pgoff], value);
	STEP("writes %llu to page %llu of the other disk", (unsigned long long)value,
	     (unsigned long long)pgoff);
	return 0;
}

static int other_frame(void *priv, uint64_t pgoff, uint64_t *out)
{
	return frame(priv, pgoff + DEVICE_PAGES / 2, out);
}

/* ---- making -------------------------------------------------------------------------------- */

static void create(struct world *w, enum quire_file_kind kind, uint64_t pages,
		   const struct quire_file_ops *ops, struct quire_file **out)
{
	struct quire_file_options o = {
	    .size = sizeof(o), .kind = kind, .priv = w, .ops = ops, .writable = true};

	o.bytes = pages * PAGE;
	must(quire_file_create(w->m, &o, out), "file");
}

void make_file(struct world *w, enum quire_file_kind kind, uint64_t pages)
{
	static const struct quire_file_ops cached = {.read_page = read_page,
						     .write_page = write_page,
						     .release = released,
						     .punch_hole = punch_hole};
	static const struct quire_file_ops external = {.frame = frame, .copy_page = copy_page};
	static const struct quire_file_ops *const ops[] = {
	    [QUIRE_FILE_PAGECACHE] = &cached,
	    [QUIRE_FILE_EXTERNAL] = &external,
	    [QUIRE_FILE_SHMEM] = NULL,
	};

	for (uint64_t i = 0; i < sizeof(w->disk) / sizeof(w->disk[0]); i++)
		w->disk[i] = i + 1;
	note(w, FILE_SIZE, pages);
	create(w, kind, pages, ops[kind], &w->file);
}

void make_other(struct world *w, enum quire_file_kind kind, uint64_t pages)
{
	static const struct quire_file_ops cached = {.read_page = other_read,
						     .write_page = other_write};
	static const struct quire_file_ops external = {.frame = other_frame,
						       .copy_page = other_read};

	for (uint64_t i = 0; i < sizeof(w->other_disk) / sizeof(w->other_disk[0]); i++)
		w->other_disk[i] = i + 11;
	create(w, kind, pages, kind == QUIRE_FILE_EXTERNAL ? &external : &cached, &w->other);
}

static void map(struct world *w, struct quire_file *file, uint64_t addr, uint64_t pages, int prot,
		int flags)
{
	must(quire_mmap(w->mm, addr, pages * PAGE, prot, flags | QMAP_FIXED, file, 0, &addr),
	     "mmap of a file");
}

void map_file(struct world *w, uint64_t addr, uint64_t pages, int prot, int flags)
{
	map(w, w->file, addr, pages, prot, flags);
}

void map_other(struct world *w, uint64_t addr, uint64_t pages, int prot, int flags)
{
	map(w, w->other, addr, pages, prot, flags);
}

void truncate_to_one(struct world *w)
{
	must(quire_file_truncate(w->file, PAGE), "truncate");
}

void check_one_page(struct world *w)
{
	uint64_t beyond = w->addr + PAGE;
	uint8_t cached = 0;

	expect(!quire_pte(w->mm, beyond), "a page beyond the end is mapped");
	must(quire_mincore(w->mm, beyond, PAGE, &cached), "mincore");
	expect(!cached, "a page beyond the end is in the cache");
}

void io_gate(struct world *w)
{
	w->io_gated = 1;
}

void io_allow(struct world *w)
{
	struct quire_port port;

	sched_port(&port);
	STEP("the device is done");
	atomic_store(&w->io_allowed, 1);
	port.wake(port.ctx, &w->io_allowed, INT32_MAX);
}
