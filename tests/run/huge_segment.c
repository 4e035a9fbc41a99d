/* SPDX-License-Identifier: MIT */
/*
 * huge_segment.c: System V segments of huge pages (SHM_HUGETLB).  What happens is printed: it is
 * the same natively and under quire run.
 *
 * usage: huge_segment CASE: with a pool of 8 free pages of 2 MiB, and nothing else in it.
 */
#include "huge_said.h"

#include <grp.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH ((char *)0x10000000000)
#define FLAGS (SHM_HUGETLB | 0600)

static void tell_segment(int id)
{
	struct shmid_ds d;

	if (!shmctl(id, IPC_STAT, &d))
		printf("segment of %lu bytes, mode %o, attached %lu times\n",
		       (unsigned long)d.shm_segsz, d.shm_perm.mode, (unsigned long)d.shm_nattch);
}

static void life(void)
{
	int id = shmget(IPC_PRIVATE, 1, FLAGS);
	char *at, *more;

	tell_segment(id);
	tell("one page", -1);
	at = shmat(id, NULL, 0);
	SAY((long)at % HUGE);
	at[HUGE - 1] = 7;
	tell("touched", -1);
	SAY(shmat(id, HIGH + 4096, 0));
	SAY(shmat(id, HIGH + 4096, SHM_RND));
	SAY(shmat(id, HIGH, 0) == HIGH);
	SAY(shmat(id, HIGH, 0));
	SAY(shmat(id, HIGH, SHM_REMAP) == HIGH);
	SAY(HIGH[HUGE - 1]);
	SAY(shmdt(HIGH));
	more = shmat(id, NULL, SHM_RDONLY);
	SAY(more[HUGE - 1]);
	SAY(mprotect(more, HUGE, RW));
	SAY(shmdt(more));
	SAY(mremap(at, HUGE, 2 * HUGE, MREMAP_MAYMOVE));
	SAY(munmap(at, 4096));
	SAY(shmctl(id, SHM_LOCK, NULL));
	tell_segment(id);
	SAY(shmctl(id, SHM_UNLOCK, NULL));
	SAY(shmctl(id, IPC_RMID, NULL));
	tell("removed", -1);
	SAY(at[HUGE - 1]);
	SAY(shmdt(at));
	tell("detached", -1);
}

static void parts(void)
{
	int id = shmget(IPC_PRIVATE, 2 * HUGE + 1, FLAGS);
	char *at = shmat(id, NULL, 0);

	SAY(mprotect(at + HUGE, HUGE, PROT_READ));
	at[2 * HUGE] = 1;
	tell("three pages", -1);
	tell_segment(id);
	SAY(shmdt(at));
	tell_segment(id);
	SAY(shmctl(id, IPC_RMID, NULL));
	tell("gone", -1);
}

/* Those that are made are taken away again: on the host they would stay. */
static int get(size_t bytes, int flags)
{
	int id = shmget(IPC_PRIVATE, bytes, flags);

	if (id < 0)
		return -1;
	tell("made", -1);
	return shmctl(id, IPC_RMID, NULL);
}

static void refusals(void)
{
	SAY(get(20 * HUGE, FLAGS));
	SAY(get(20 * HUGE, FLAGS | SHM_NORESERVE));
	SAY(get(8 * HUGE, FLAGS));
	SAY(get(HUGE, FLAGS | 21 << 26));
	SAY(get(HUGE, FLAGS | 16 << 26));
	SAY(get(HUGE, 0600 | 16 << 26));
	SAY(get(0, FLAGS));
	fflush(stdout);
	if (!fork()) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(1);
		SAY(get(HUGE, FLAGS));
		SAY(get(0, FLAGS));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	static const struct said_case cases[] = {
	    {"life", life}, {"parts", parts}, {"refusals", refusals}, {NULL, NULL}};

	return said_main(argc, argv, cases);
}
