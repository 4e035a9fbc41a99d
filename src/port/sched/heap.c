/* SPDX-License-Identifier: MIT */
/*
 * heap.c: the arena: memory of the core and RAM of the machine, at one address in every process.
 *
 * Owns S.mem (what each 16 bytes are), S.dirty and the bytes of the arena.
 *
 *   1  What is freed is poisoned and not handed out again in the same run: every later touch is
 *      found, and reported with the actor that freed it.
 *   2  A run begins with the snapshot: chunks that were written since are copied back.
 *   3  Allocation is deterministic: the same run gets the same addresses.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

#define POISON 0xdb
#define FRESH 0xa5
#define REDZONE 16u
#define PAGE 4096u
#define MAX_FREED 4096u
#define ACTOR_BYTES (ARENA_SIZE / 16)

/* Who freed what, in this run. */
struct freed {
	uint32_t start, end; /* offsets */
	unsigned actor;
	uint32_t at;
};

static struct freed freed[MAX_FREED];
static unsigned nr_freed;
static uint8_t *saved; /* the snapshot: arena and S.mem */
static uint8_t *saved_mem;

static uint8_t *arena(void)
{
	return (uint8_t *)ARENA_BASE;
}

static void *map_or_die(void *at, size_t bytes, int flags)
{
	void *p =
	    mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED) {
		perror("quire-check: arena");
		exit(2);
	}
	return p;
}

void heap_init(void)
{
	map_or_die(arena(), ARENA_SIZE, MAP_FIXED_NOREPLACE);
	saved = map_or_die(NULL, ARENA_SIZE, MAP_NORESERVE);
	saved_mem = map_or_die(NULL, GRANULES, MAP_NORESERVE);
}

static void mark(uint32_t from, uint32_t to, uint8_t what)
{
	memset(S.mem + (from >> GRANULE_SHIFT), what, (to - from) >> GRANULE_SHIFT);
	for (uint32_t c = from >> CHUNK_SHIFT; c <= (to - 1) >> CHUNK_SHIFT; c++)
		S.dirty[c] = 1;
}

/* Half for the set-up, in front; the pseudo words come first. */
static void make_region(unsigned i)
{
	struct region *r = &S.regions[i];

	r->start = i == SCHED_ALL ? PAGE : ARENA_SIZE / 2 + i * ACTOR_BYTES;
	r->end = i == SCHED_ALL ? ARENA_SIZE / 2 : r->start + ACTOR_BYTES;
	r->brk = r->snap = r->start;
}

void heap_reset(void)
{
	memset(S.mem, MEM_NEVER, sizeof(S.mem));
	memset(S.dirty, 0, sizeof(S.dirty));
	for (unsigned i = 0; i <= SCHED_ALL; i++)
		make_region(i);
	mark(0, sizeof(struct pseudo_words), MEM_LIVE);
	S.ram_start = S.ram_end = 0;
	S.frame_free = NULL;
	nr_freed = 0;
}

/* ---- allocation --------------------------------------------------------------- */

static uint32_t take(uint32_t bytes, uint32_t align)
{
	struct region *r = &S.regions[sched_self()];
	uint32_t at = (r->brk + align - 1) & ~(align - 1);

	if (at + bytes + REDZONE > r->end)
		sched_fail("%s has used up its part of the arena", sched_actor_name(sched_self()));
	r->brk = at + bytes + REDZONE;
	return at;
}

void *sched_alloc(size_t bytes)
{
	uint32_t size = (uint32_t)(bytes + 15) & ~15u, at;

	if (bytes > ARENA_SIZE)
		return NULL;
	at = take(size ? size : 16, 16);
	mark(at, at + size, MEM_LIVE);
	memset(arena() + at, FRESH, size);
	return arena() + at;
}

static void note_freed(uint32_t from, uint32_t to)
{
	if (nr_freed == MAX_FREED)
		return;
	freed[nr_freed++] = (struct freed){from, to, sched_self(), S.cur ? S.cur->points : 0};
}

void sched_free(void *p, size_t bytes)
{
	uint32_t at = arena_offset(p), size = (uint32_t)(bytes + 15) & ~15u;
	char what[200];

	if (!in_arena(p) || S.mem[at >> GRANULE_SHIFT] != MEM_LIVE) {
		sched_describe(p, what, sizeof(what));
		sched_fail("free of %p: %s", p, what);
	}
	if (S.cur)
		point_plain(p, bytes, true);
	memset(p, POISON, size);
	mark(at, at + size, MEM_FREED);
	note_freed(at, at + size);
}

void *sched_ram(size_t bytes)
{
	uint32_t at = take((uint32_t)bytes, PAGE);

	S.ram_start = at;
	S.ram_end = at + (uint32_t)bytes;
	return arena() + at;
}

void mem_in_use(const void *p, size_t bytes)
{
	uint32_t at = arena_offset(p);

	if (in_arena(p))
		mark(at, at + (uint32_t)bytes, MEM_LIVE);
}

void mem_out_of_use(const void *p, size_t bytes)
{
	uint32_t at = arena_offset(p);

	if (!in_arena(p))
		return;
	if (S.cur)
		point_plain(p, bytes, true);
	if (S.frame_free)
		S.frame_free(p, bytes);
	mark(at, at + (uint32_t)bytes, MEM_FREED);
	note_freed(at, at + (uint32_t)bytes);
}

void sched_on_frame_free(void (*func)(const void *p, size_t bytes))
{
	S.frame_free = func;
}

void sched_alloc_failures(unsigned most)
{
	S.alloc_failures = most;
}

bool alloc_fails_by_choice(void)
{
	if (!S.alloc_failures || !sched_choice(S.alloc_failures_left ? 2 : 1))
		return false;
	S.alloc_failures_left--;
	STEP("gets no memory");
	return true;
}

/* ---- checking ------------------------------------------------------------------ */

static const struct freed *find_freed(uint32_t at)
{
	for (unsigned i = nr_freed; i-- > 0;)
		if (freed[i].start <= at && at < freed[i].end)
			return &freed[i];
	return NULL;
}

void sched_describe(const void *p, char *buf, size_t len)
{
	uint32_t at = arena_offset(p);
	const struct freed *f = in_arena(p) ? find_freed(at) : NULL;
	const char *kind = at >= S.ram_start && at < S.ram_end ? "frame" : "object";

	if ((uintptr_t)p >> 48 == 0xdbdb || ((uintptr_t)p & 0xffffffff) >> 16 == 0xdbdb)
		snprintf(buf, len, "a pointer out of freed memory");
	else if (!in_arena(p))
		snprintf(buf, len, "nothing is there");
	else if (f)
		snprintf(buf, len, "%s of %u bytes at %p, freed by %s at its step %u", kind,
			 f->end - f->start, (const void *)(arena() + f->start),
			 sched_actor_name(f->actor), f->at);
	else if (S.mem[at >> GRANULE_SHIFT] == MEM_FREED)
		snprintf(buf, len, "a %s that was free from the beginning", kind);
	else
		snprintf(buf, len, "never allocated");
}

void heap_bad_touch(const void *p, size_t bytes, bool write)
{
	char what[200];

	sched_describe(p, what, sizeof(what));
	sched_fail("%s %s %zu bytes at %p: %s", sched_actor_name(sched_self()),
		   write ? "writes" : "reads", bytes, p, what);
}

void heap_check_range(const void *p, size_t bytes, bool write)
{
	uint32_t at = arena_offset(p);
	uint32_t first = at >> GRANULE_SHIFT, last = (at + (uint32_t)bytes - 1) >> GRANULE_SHIFT;

	if (!in_arena(p) || !bytes)
		return;
	for (uint32_t g = first; g <= last; g++)
		if (__builtin_expect(S.mem[g] != MEM_LIVE, 0))
			heap_bad_touch(p, bytes, write);
	if (write)
		for (uint32_t c = at >> CHUNK_SHIFT; c <= (at + bytes - 1) >> CHUNK_SHIFT; c++)
			S.dirty[c] = 1;
}

/* ---- snapshot -------------------------------------------------------------------- */

#define CHUNK (1u << CHUNK_SHIFT)
#define CHUNK_GRANULES (CHUNK >> GRANULE_SHIFT)

/* Up to brk, the content; all that was ever marked, what it is. */
void heap_snapshot(void)
{
	for (unsigned i = 0; i <= SCHED_ALL; i++) {
		struct region *r = &S.regions[i];

		memcpy(saved + r->start, arena() + r->start, r->brk - r->start);
		r->snap = r->brk;
	}
	memcpy(saved_mem, S.mem, sizeof(S.mem));
	memset(S.dirty, 0, sizeof(S.dirty));
	nr_freed = 0;
}

static void restore_region(struct region *r)
{
	for (uint32_t c = r->start >> CHUNK_SHIFT; c << CHUNK_SHIFT < r->brk; c++) {
		if (!S.dirty[c])
			continue;
		S.dirty[c] = 0;
		if (c << CHUNK_SHIFT < r->snap)
			memcpy(arena() + (c << CHUNK_SHIFT), saved + (c << CHUNK_SHIFT), CHUNK);
		memcpy(S.mem + c * CHUNK_GRANULES, saved_mem + c * CHUNK_GRANULES, CHUNK_GRANULES);
	}
	r->brk = r->snap;
}

void heap_restore(void)
{
	for (unsigned i = 0; i <= SCHED_ALL; i++)
		restore_region(&S.regions[i]);
	nr_freed = 0;
}
