/* SPDX-License-Identifier: MIT */
/*
 * sysinfo.c: sysinfo(2): the memory is the machine's, as proc_text_meminfo.c tells it; load, uptime
 * and the number of processes are the host's.  Owns nothing.
 */
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/request.h"
#include "run/wire/page.h"

#include <errno.h>
#include <sys/sysinfo.h>

int64_t sys_sysinfo(struct request *q)
{
	struct quire_machine_stats m;
	struct sysinfo si;

	if (sysinfo(&si))
		return -errno;
	quire_machine_stats(q->run->machine, &m);
	si.totalram = m.ram_frames * PAGE;
	si.freeram = m.free_frames * PAGE;
	si.sharedram = m.shmem_frames * PAGE;
	si.bufferram = si.totalswap = si.freeswap = si.totalhigh = si.freehigh = 0;
	si.mem_unit = 1;
	return guest_write(q->space, q->a[1], &si, sizeof(si)) == (int64_t)sizeof(si) ? 0 : -EFAULT;
}
