/* SPDX-License-Identifier: MIT */
/*
 * sys_truncate.c: calls that take content away from a file: the host's, but for the private copies
 * of its pages, which are the core's and which it must hear of.
 *
 * The host goes first, so that a thread that finds a page gone finds the file as it is by then.
 * What other programs do to files that a guest maps comes to nobody's ears.
 */
#include "run/stub/guard/machine_file.h"
#include "run/stub/guard/sys_path.h"
#include "run/stub/link/file_cut.h"
#include "run/stub/link/huge_file.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/requests.h"

#include <asm/stat.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

static int64_t truncate_path(struct call *c)
{
	struct spare_use spare;
	struct huge_look look;
	int64_t fd = path_found(c->t, AT_FDCWD, c->a[0], 0, &spare), r;

	if (fd >= 0 && huge_file_look(c->t, fd, &look) && (c->a[1] & (look.page - 1)))
		r = -EINVAL;
	else
		r = fd < 0 ? path_missing(c, 0, fd) : path_by_name(c, -1, 0, fd);
	if (r == 0)
		file_cut(c->t, (int)fd, CUT_END, c->a[1], 0);
	path_done(c->t, fd, &spare);
	return r;
}

int64_t sys_truncate(struct call *c)
{
	struct huge_look look;
	int64_t r;

	if (c->nr == __NR_truncate)
		return truncate_path(c);
	if (machine_file_is(c->t, (int)c->a[0]))
		return 0;
	if (huge_file_look(c->t, (int)c->a[0], &look) && (c->a[1] & (look.page - 1)))
		return -EINVAL;
	r = call_native(c);
	if (r == 0)
		file_cut(c->t, (int)c->a[0], CUT_END, c->a[1], 0);
	return r;
}

int64_t sys_fallocate(struct call *c)
{
	uint64_t mode = c->a[1];
	struct huge_look look;
	int64_t r;

	if (huge_file_look(c->t, (int)c->a[0], &look))
		return huge_file_call(c->t, (int)c->a[0], HUGE_FALLOCATE, mode, c->a[2], c->a[3]);
	r = call_native(c);
	if (r)
		return r;
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		file_cut(c->t, (int)c->a[0], CUT_MOVED, c->a[2], 0);
	else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		file_cut(c->t, (int)c->a[0], CUT_PUNCH, c->a[2], c->a[3]);
	return r;
}
