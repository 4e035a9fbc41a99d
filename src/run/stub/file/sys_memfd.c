/* SPDX-License-Identifier: MIT */
/*
 * sys_memfd.c: memfd_create.  One of huge pages is an ordinary one of the host's, of which the
 * supervisor hears (file/huge_file.c).
 */
#include "run/stub/link/huge_file.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/sys.h"

#include <linux/memfd.h>

#define SIZE_BITS ((uint64_t)MFD_HUGE_MASK << MFD_HUGE_SHIFT)

int64_t sys_memfd_create(struct call *c)
{
	uint64_t flags = (uint32_t)c->a[1];
	int64_t fd, r;

	if (!(flags & MFD_HUGETLB))
		return call_native(c);
	c->a[1] = flags & ~(MFD_HUGETLB | SIZE_BITS);
	fd = call_native(c);
	if (fd < 0)
		return fd;
	r = huge_file_call(c->t, fd, HUGE_CREATE, (flags & SIZE_BITS) >> MFD_HUGE_SHIFT, 0, 0);
	if (!r)
		return fd;
	sys(__NR_close, fd);
	return r;
}
