/* SPDX-License-Identifier: MIT */
/*
 * far.c: pages of a file that its window does not show.
 *
 * The host duplicates a mapping at any length, beyond what it shows itself, from its first page on.
 * So the way to a far page is a duplicate of the window, that long, of which the rest goes again:
 * it costs addresses and some calls, and nothing that grows with the length.  Where there are not
 * as many addresses as that, the way goes by several such steps.
 *
 *   1. The table says which numbers are of which window.  It is filled when a number is met that is
 *      not in it, in a forked child too, and emptied of a window before that is unmapped; both
 *      under windows_lock.  It is read under the fill lock, and changed with flushes locked out.
 *   2. FAR_ROOM is used under room_lock, and empty while that is free.
 */
#include "run/stub/fill/far.h"

#include "run/stub/base/area.h"
#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/fill/fill_lock.h"
#include "run/wire/addresses.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/requests.h"
#include "run/wire/sys.h"

#include <linux/mman.h>

#define MAX_FAR 65536u
#define STEP (1ull << 25) /* pages */
/* In FAR_ROOM: the duplicate; where a step ends; what is lent. */
#define STEPS_AT (FAR_ROOM + (STEP + 1024) * PAGE)
#define LENT_AT (STEPS_AT + 16 * PAGE)
#define ROOM_BYTES (SEEDS_BASE - FAR_ROOM)
_Static_assert(LENT_AT + FAR_PIECE <= SEEDS_BASE, "room");

struct far {
	uint64_t frame, pages, seed;
};

static struct far far_table[MAX_FAR]; /* by frame */
static uint32_t nr_far;
static uint32_t room_lock;

/* ---- the table -------------------------------------------------------------- */

/* The first entry whose range ends above the frame. */
static uint32_t lower_bound(uint64_t frame)
{
	uint32_t low = 0, high = nr_far;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (far_table[middle].frame + far_table[middle].pages > frame)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* False: the table is full. */
static bool insert(const struct far *f)
{
	uint32_t i = lower_bound(f->frame);

	if (i < nr_far && far_table[i].frame == f->frame)
		return true;
	if (nr_far == MAX_FAR)
		return false;
	memmove(&far_table[i + 1], &far_table[i], (nr_far - i) * sizeof(far_table[0]));
	far_table[i] = *f;
	nr_far++;
	return true;
}

bool far_add(struct thread *t, uint64_t frame, uint64_t pages, uint64_t seed)
{
	const struct far f = {frame, pages, seed};
	bool added;

	flush_lock(t);
	added = insert(&f);
	flush_unlock(t);
	return added;
}

void far_forget(struct thread *t, uint64_t seed)
{
	uint32_t n = 0;

	if (!nr_far)
		return;
	flush_lock(t);
	for (uint32_t i = 0; i < nr_far; i++) {
		if (far_table[i].seed != seed)
			far_table[n++] = far_table[i];
	}
	nr_far = n;
	flush_unlock(t);
}

/* Another thread of the parent may just have been under way. */
void far_after_fork(void)
{
	atomic_store(&room_lock, 0u);
	sys(__NR_munmap, FAR_ROOM, ROOM_BYTES);
}

/* ---- the way ----------------------------------------------------------------- */

/* Pages from `distance` behind the seed's first, mapped at *at, in FAR_ROOM.  room_lock held. */
static int64_t go(uint64_t seed, uint64_t distance, uint64_t pages, uint64_t *at)
{
	uint64_t from = seed;
	int64_t err = 0;

	for (unsigned i = 0; distance > STEP && !err; i ^= 1) {
		err = remap_to(from, 0, (STEP + 1) * PAGE, FAR_ROOM);
		if (!err)
			err = remap_to(FAR_ROOM + STEP * PAGE, PAGE, PAGE, STEPS_AT + 2 * i * PAGE);
		from = STEPS_AT + 2 * i * PAGE;
		distance -= STEP;
	}
	*at = FAR_ROOM + distance * PAGE;
	if (!err && *at + pages * PAGE <= STEPS_AT)
		return remap_to(from, 0, (distance + pages) * PAGE, FAR_ROOM);
	/* Too much for the rest of the room: two steps, the second from the first page wanted. */
	if (!err)
		err = remap_to(from, 0, (distance + 1) * PAGE, FAR_ROOM);
	if (!err)
		err = remap_to(*at, PAGE, PAGE, STEPS_AT + 4 * PAGE);
	if (!err)
		err = remap_to(STEPS_AT + 4 * PAGE, 0, pages * PAGE, LENT_AT);
	*at = LENT_AT;
	return err;
}

static void leave_room(void)
{
	sys(__NR_munmap, FAR_ROOM, ROOM_BYTES);
	lock_drop(&room_lock);
}

int64_t far_lend(uint64_t seed, uint64_t distance, uint64_t pages, uint64_t *at)
{
	int64_t err;

	lock_take(&room_lock);
	err = go(seed, distance, pages, at);
	if (err)
		leave_room();
	return err;
}

void far_return(void)
{
	leave_room();
}

int64_t far_fill(uint64_t frame, uint64_t pages, uint64_t prot, uint64_t to)
{
	uint32_t i = lower_bound(frame);
	uint64_t at;
	int64_t err;

	if (i == nr_far || far_table[i].frame > frame)
		return -ENOENT;
	if (frame + pages > far_table[i].frame + far_table[i].pages)
		return -EFAULT;
	err = far_lend(far_table[i].seed, frame - far_table[i].frame, pages, &at);
	if (err)
		return err;
	err = sys(__NR_mprotect, at, pages * PAGE, prot);
	if (!err)
		err = remap_to(at, pages * PAGE, pages * PAGE, to);
	far_return();
	return err;
}
