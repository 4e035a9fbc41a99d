/* SPDX-License-Identifier: MIT */
/*
 * huge_file.c: see huge_file.h.
 */
#include "run/stub/link/huge_file.h"

#include "run/stub/link/rpc.h"
#include "run/wire/atomic.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>

static bool may_be(uint64_t dev, uint64_t ino)
{
	uint64_t bit = RUN_MAPPED_BIT(dev, ino);

	return INFO->huge[bit / 32] >> (bit % 32) & 1;
}

bool huge_file_numbered(struct thread *t, uint64_t dev, uint64_t ino, struct huge_look *out)
{
	if (!may_be(dev, ino) || rpc(t, OP_HUGE_FILE, HUGE_LOOK, dev, ino))
		return false;
	*out = (struct huge_look){t->answer->v[0], t->answer->v[1], t->answer->v[2]};
	return true;
}

bool huge_file_look(struct thread *t, int64_t fd, struct huge_look *out)
{
	struct stat st;

	return INFO->huge_files && !sys(__NR_fstat, fd, &st) &&
	       huge_file_numbered(t, st.st_dev, st.st_ino, out);
}

int64_t huge_file_call(struct thread *t, int64_t fd, enum run_huge_call call, uint64_t a,
		       uint64_t b, uint64_t c)
{
	int64_t token = rpc_send_fd(t, (int)fd);

	return token < 0 ? token : rpc(t, OP_HUGE_FILE, call, (uint64_t)token, a, b, c);
}

bool huge_system_is(uint64_t dev)
{
	for (uint32_t i = 0; i < INFO->huge_mounts; i++)
		if (INFO->huge_devs[i] == dev)
			return true;
	return false;
}

int64_t huge_file_opened(struct thread *t, int64_t fd, uint64_t flags)
{
	int64_t r = flags & O_DIRECT ? -EINVAL : huge_file_call(t, fd, HUGE_CREATE, 0, 0, 0);

	if (r)
		sys(__NR_close, fd);
	return r ? r : fd;
}
