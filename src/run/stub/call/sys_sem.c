/* SPDX-License-Identifier: MIT */
/*
 * sys_sem.c: semctl(), whose pointer depends on a command.  The semaphores are the host's.
 */
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/stub/mem/touch_args.h"
#include "run/wire/sys.h"

#include <linux/ipc.h>
#include <linux/sem.h>

static uint64_t semctl_bytes(uint64_t id, uint64_t cmd)
{
	struct semid64_ds ds;

	switch (cmd) {
	case IPC_SET:
	case IPC_STAT:
	case IPC_INFO:
	case SEM_STAT:
	case SEM_INFO:
	case SEM_STAT_ANY:
		return sizeof(ds);
	case GETALL:
	case SETALL:
		if (sys(__NR_semctl, id, 0, IPC_STAT, &ds) == 0)
			return ds.sem_nsems * 2;
	}
	return 0;
}

int64_t sys_semctl(struct call *c)
{
	hide_pointer(&c->a[3]);
	touch_any(c->t, c->a[3], semctl_bytes(c->a[0], (uint32_t)c->a[2]));
	return call_native(c);
}
