/* SPDX-License-Identifier: MIT */
/*
 * zero_device.c: mappings of /dev/zero, by how it was opened.
 *
 * A private one is anonymous memory, a shared one a shared-memory file of its own of the mapping's
 * length; an offset counts as it does for a file of that length.
 */
#include "run/file/zero_device.h"

#include "quire/quire.h"
#include "run/file/files_leave.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

static int shared_file(struct request *q, bool writable, struct quire_file **out)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_SHMEM};

	o.bytes = PAGE_UP(q->a[2]);
	o.writable = writable;
	o.noreserve = !writable || (q->a[4] & MAP_NORESERVE);
	/* What is only read has no memory of its own, and on the host no name of its own. */
	o.name = writable ? "/dev/zero (deleted)" : "/dev/zero";
	return quire_file_create(q->run->machine, &o, out);
}

static int map_shared(struct request *q, uint64_t *addr)
{
	struct quire_file *file;
	int err = shared_file(q, (q->a[0] & O_ACCMODE) == O_RDWR, &file);

	if (err)
		return err;
	err = quire_mmap(q->space->mm, q->a[1], q->a[2], (int)q->a[3], wide_flags(q->a[4]), file,
			 q->a[6], addr);
	quire_file_put(file);
	return err;
}

static int map_private(struct request *q, uint64_t *addr)
{
	if (q->a[4] & MAP_GROWSDOWN)
		return -EINVAL;
	return quire_mmap(q->space->mm, q->a[1], q->a[2], (int)q->a[3],
			  (int)q->a[4] | MAP_ANONYMOUS, NULL, 0, addr);
}

void op_mmap_zero(struct request *q)
{
	struct watch watch = {0};
	uint64_t addr = 0;

	if (q->a[4] & MAP_FIXED)
		watch_range(q, q->a[1], PAGE_UP(q->a[2]), &watch);
	if ((q->a[0] & O_ACCMODE) == O_WRONLY)
		q->ret = -EACCES;
	else if ((q->a[4] & MAP_TYPE) == MAP_PRIVATE)
		q->ret = map_private(q, &addr);
	else
		q->ret = map_shared(q, &addr);
	if (!q->ret)
		q->ret = (int64_t)addr;
	watch_end(q, &watch);
}
