/* SPDX-License-Identifier: MIT */
/*
 * rights_segment.c: System V segments: arguments that are refused, and who may do what to whose,
 * as root and after becoming less.
 *
 * Natively and under quire run the output is the same.  What others have on the host is left
 * alone: keys are looked for, and segments removed at the end.
 */
#include "rights.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define PG 4096l
#define USER 1000

static int group, keyed, world; /* segments: 0640; with a key, 0600; 0604 */
static key_t key;

static void make(void)
{
	key = 0x51530000 + getpid() % 0xffff;
	group = shmget(IPC_PRIVATE, 2 * PG, 0640 | IPC_CREAT);
	world = shmget(IPC_PRIVATE, PG, 0604 | IPC_CREAT);
	while ((keyed = shmget(key, PG, 0600 | IPC_CREAT | IPC_EXCL)) < 0 && errno == EEXIST)
		key++;
}

static void arguments(void)
{
	struct shmid_ds d;
	char *p;

	SAY("IPC_STAT to NULL", shmctl(group, IPC_STAT, NULL));
	SAY("IPC_SET from NULL", shmctl(group, IPC_SET, NULL));
	SAY("unknown command", shmctl(group, 99, NULL));
	SAY("negative command", shmctl(group, -1, NULL));
	SAY("negative id", shmctl(-1, IPC_STAT, &d));
	SAY("id of nothing", shmctl(group + 32768 * 7, IPC_STAT, &d));
	SAY("smaller", shmget(key, 1, 0));
	SAY("larger", shmget(key, PG + 1, 0));
	SAY("exclusive", shmget(key, PG, IPC_CREAT | IPC_EXCL | 0600));
	SAY("nothing, new", shmget(IPC_PRIVATE, 0, 0600));
	SAY("nothing, old", shmget(key, 0, 0));
	SAY("more than memory", shmget(IPC_PRIVATE, 1ul << 46, 0600));
	SAY("more than there is", shmget(IPC_PRIVATE, 1ul << 62, 0600));
	SAY("more than shmmax", shmget(IPC_PRIVATE, ~0ul, 0600));
	SAY("attach nothing", shmat(group + 32768 * 7, NULL, 0));
	SAY("attach unaligned", shmat(group, (void *)0x10000001, 0));
	p = shmat(group, (void *)0x10000001, SHM_RND);
	SAY("attach rounded", p);
	SAY("attach over it", shmat(group, p + PG, 0));
	SAY("attach in its place", shmat(group, p + PG, SHM_REMAP));
	SAY("in the place of nothing", shmat(group, NULL, SHM_REMAP));
	SAY("detach nothing", shmdt(p + 64 * PG));
	SAY("detach unaligned", shmdt(p + 1));
	SAY("detach", shmdt(p + PG));
}

static void attach(const char *what, int id, int flags)
{
	void *p = shmat(id, NULL, flags);

	SAY(what, p);
	if (p != (void *)-1)
		shmdt(p);
}

static void own_locks(void)
{
	struct rlimit r = {PG, 4 * PG};
	int own = shmget(IPC_PRIVATE, 2 * PG, 0600 | IPC_CREAT);
	struct shmid_ds d;

	SAY("lock one's own", shmctl(own, SHM_LOCK, NULL));
	shmctl(own, SHM_UNLOCK, NULL);
	setrlimit(RLIMIT_MEMLOCK, &r);
	SAY("lock more than the limit", shmctl(own, SHM_LOCK, NULL));
	shmctl(own, IPC_STAT, &d);
	printf("  mode %o\n", d.shm_perm.mode);
	SAY("unlock", shmctl(own, SHM_UNLOCK, NULL));
	r.rlim_cur = 0;
	setrlimit(RLIMIT_MEMLOCK, &r);
	SAY("lock without a limit", shmctl(own, SHM_LOCK, NULL));
	SAY("unlock without a limit", shmctl(own, SHM_UNLOCK, NULL));
	SAY("remove one's own", shmctl(own, IPC_RMID, NULL));
}

static void anothers(void)
{
	struct shmid_ds d;

	attach("group's, to write", group, 0);
	attach("group's, to read", group, SHM_RDONLY);
	attach("group's, to execute", group, SHM_RDONLY | SHM_EXEC);
	attach("world's, to read", world, SHM_RDONLY);
	attach("world's, to write", world, 0);
	SAY("IPC_STAT, group's", shmctl(group, IPC_STAT, &d));
	SAY("IPC_STAT, keyed", shmctl(keyed, IPC_STAT, &d));
	SAY("found for nothing", shmget(key, 0, 0));
	SAY("found to write", shmget(key, 0, 0600));
	SAY("found to read", shmget(key, 0, 0004));
	memset(&d, 0, sizeof(d));
	shmctl(world, IPC_STAT, &d);
	SAY("IPC_SET", shmctl(world, IPC_SET, &d));
	SAY("SHM_LOCK", shmctl(group, SHM_LOCK, NULL));
	SAY("SHM_UNLOCK", shmctl(group, SHM_UNLOCK, NULL));
}

static void become(int how)
{
	gid_t root = 0;

	if (how == 1 || how == 2) {
		setgroups(how == 2, &root); /* 2: still in root's group */
		if (setgid(USER))
			_exit(2);
	}
	if (how == 4)
		no_capabilities();
	else if (how && setuid(USER)) /* 3: root's group is one's own */
		_exit(2);
}

static void ask(int how)
{
	anothers();
	own_locks();
	if (how == 1 || how == 2)
		SAY("remove root's", shmctl(group, IPC_RMID, NULL));
}

static void given_away(void)
{
	struct shmid_ds d;

	shmctl(group, IPC_STAT, &d);
	d.shm_perm.mode = 0777;
	d.shm_perm.uid = USER;
	SAY("given away", shmctl(group, IPC_SET, &d));
	shmctl(group, IPC_STAT, &d);
	printf("  mode %o, owner %d, maker %d\n", d.shm_perm.mode, (int)d.shm_perm.uid,
	       (int)d.shm_perm.cuid);
	d.shm_perm.uid = (uid_t)-1;
	SAY("to nobody", shmctl(group, IPC_SET, &d));
	fflush(stdout);
	if (!fork()) {
		become(1);
		SAY("removed by its owner", shmctl(group, IPC_RMID, NULL));
		SAY("locked by no owner", shmctl(world, SHM_LOCK, NULL));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

int main(void)
{
	struct shmid_ds d;

	make();
	printf("arguments\n");
	arguments();
	as("as we are", become, 0, ask);
	if (!geteuid()) {
		as("a user", become, 1, ask);
		as("a user in root's groups", become, 2, ask);
		as("a user with root's group", become, 3, ask);
		as("root without capabilities", become, 4, ask);
		given_away();
	} else {
		printf("not root: cannot become less\n");
		shmctl(group, IPC_RMID, NULL);
	}
	shmctl(keyed, IPC_RMID, NULL);
	shmctl(world, IPC_RMID, NULL);
	SAY("of what is gone", shmctl(world, IPC_STAT, &d));
	SAY("removed twice", shmctl(world, IPC_RMID, NULL));
	return 0;
}
