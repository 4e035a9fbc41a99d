/* SPDX-License-Identifier: MIT */
/*
 * file_cut.c: tells the supervisor that content has been taken away from a file: private copies of
 * its pages are the core's.
 */
#include "run/stub/link/file_cut.h"

#include "run/stub/base/stub.h"
#include "run/stub/link/rpc.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/stat.h>

/* .. nor is it one of huge pages. */
static bool nobody_maps(const struct stat *st)
{
	uint64_t bit = RUN_MAPPED_BIT(st->st_dev, st->st_ino);

	return !((INFO->mapped[bit / 32] | INFO->huge[bit / 32]) >> (bit % 32) & 1);
}

void file_cut(struct thread *t, int fd, enum run_cut cut, uint64_t off, uint64_t n)
{
	struct stat st;
	int64_t token;

	if (sys(__NR_fstat, fd, &st) || !S_ISREG(st.st_mode) || nobody_maps(&st))
		return;
	token = rpc_send_fd(t, fd);
	if (token >= 0)
		rpc(t, OP_FILE_CUT, (uint64_t)token, cut, off, n);
}
