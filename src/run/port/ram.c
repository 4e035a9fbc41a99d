/* SPDX-License-Identifier: MIT */
/*
 * ram.c: the memory objects: RAM, page tables, channels.
 *
 * Owns the memfds, their mappings and run->populated.  All are sparse.  They are sealed against
 * shrinking, so that no guest can make the supervisor take a SIGBUS, and what guests only read
 * against new writable mappings, so that they can only look at it.
 *
 * RAM that the host has not allocated yet costs a fault of about 3 us at its first touch; allocated
 * 64 frames at a time it costs a fraction.  The core hands out ascending frames, so the chunk of
 * the frame that was just handed out is the one to come next.
 */
#include "run/port/ram.h"

#include "quire/quire.h"
#include "run/base/cgroup.h"
#include "run/base/own_limits.h"
#include "run/base/run.h"
#include "run/base/util.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_FRAMES 64ull
#define MIN_TABLES (64ull << 20)
#define DEFAULT_CAP (64ull << 30)
#define DEFAULT_MIN (64ull << 20)

static uint64_t host_available(void)
{
	char text[4096];
	const char *p;
	uint64_t kib = 0;

	if (read_text("/proc/meminfo", text, sizeof(text)) > 0 &&
	    (p = strstr(text, "MemAvailable:")))
		kib = strtoull(p + 13, NULL, 10);
	return kib << 10;
}

static uint64_t default_ram(void)
{
	uint64_t avail = host_available(), limit = cgroup_memory_limit("");

	if (limit < avail)
		avail = limit;
	avail -= avail / 4;
	if (avail > own_limits_most_ram())
		avail = own_limits_most_ram();
	if (avail > DEFAULT_CAP)
		avail = DEFAULT_CAP;
	return avail < DEFAULT_MIN ? DEFAULT_MIN : avail & ~((2ull << 20) - 1);
}

static int object_create(const char *name, uint64_t bytes, uint8_t **mem)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *p;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes))
		goto fail;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		goto fail;
	*mem = p;
	return fd;
fail:;
	int err = -errno;

	close(fd);
	return err;
}

static int seal(int fd, int more)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL | more;

	return fcntl(fd, F_ADD_SEALS, seals) ? -errno : 0;
}

/* What guests write, of which each maps its own threads' parts. */
static int channels_create(struct run *run)
{
	run->fd_chan = object_create("quire-channels", CHAN_OFFSET(run->nr_slots), &run->chans);
	return run->fd_chan < 0 ? run->fd_chan : seal(run->fd_chan, 0);
}

/* What they only read. */
static int tables_create(struct run *run)
{
	uint64_t first = TABLES_OFFSET(run->nr_slots);
	uint8_t *mem;

	run->fd_tables = object_create("quire-tables", first + run->table_bytes, &mem);
	if (run->fd_tables < 0)
		return run->fd_tables;
	run->info = (struct run_info *)(void *)mem;
	run->answers = mem + ANSWER_OFFSET(0);
	run->tables = mem + first;
	return seal(run->fd_tables, F_SEAL_FUTURE_WRITE);
}

static int populated_create(struct run *run)
{
	uint64_t chunks = run->ram_bytes / PAGE / CHUNK_FRAMES + 1;

	run->populated = calloc(chunks / 64 + 1, sizeof(uint64_t));
	return run->populated ? 0 : -ENOMEM;
}

uint64_t ram_least(void)
{
	return DEFAULT_MIN;
}

/* The tables of such a machine. */
uint64_t ram_least_file(void)
{
	return TABLES_OFFSET(RUN_MAX_SLOTS) + MIN_TABLES;
}

int ram_create(struct run *run)
{
	int err;

	run->ram_bytes = run->opts->ram_bytes & ~(PAGE - 1);
	if (!run->ram_bytes)
		run->ram_bytes = default_ram();
	run->table_bytes = PAGE_UP(run->ram_bytes / 16);
	if (run->table_bytes < MIN_TABLES)
		run->table_bytes = MIN_TABLES;
	run->nr_slots = RUN_MAX_SLOTS;
	err = populated_create(run);
	if (err)
		return err;
	run->fd_ram = object_create("quire-ram", run->ram_bytes, &run->ram);
	if (run->fd_ram < 0)
		return run->fd_ram;
	err = seal(run->fd_ram, 0);
	if (!err)
		err = tables_create(run);
	return err ? err : channels_create(run);
}

void ram_expect(struct run *run, uint64_t frame)
{
	uint64_t chunk = frame / CHUNK_FRAMES, bit = 1ull << (chunk % 64);
	uint64_t *word = &run->populated[chunk / 64], start, bytes;

	if (frame >= run->ram_bytes / PAGE || (atomic_load_relaxed(word) & bit))
		return;
	if (__atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit)
		return;
	start = chunk * CHUNK_FRAMES * PAGE;
	bytes = CHUNK_FRAMES * PAGE;
	if (bytes > run->ram_bytes - start)
		bytes = run->ram_bytes - start;
	madvise(run->ram + start, bytes, MADV_POPULATE_WRITE);
}

static void forget_populated(struct run *run, uint64_t first, uint64_t count)
{
	for (uint64_t c = first / CHUNK_FRAMES; c <= (first + count - 1) / CHUNK_FRAMES; c++)
		__atomic_fetch_and(&run->populated[c / 64], ~(1ull << (c % 64)), __ATOMIC_RELAXED);
}

/* The core's frames come back to the host: a hole in the memfd reads as zero. */
bool ram_discard(void *ctx, uint64_t first, uint64_t count)
{
	struct run *run = ctx;

	if (!count || fallocate(run->fd_ram, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)(first * PAGE), (off_t)(count * PAGE)))
		return false;
	forget_populated(run, first, count);
	return true;
}
