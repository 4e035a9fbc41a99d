/* SPDX-License-Identifier: MIT */
/*
 * actor_call.c: the steps that are one system call, or a few accesses.
 */
#include "replay/calls/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MAX_COPY (64u << 10)

/* By number, not by libc's wrapper, which has opinions of its own. */
int64_t call_sys(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	long r = syscall(nr, a, b, c, d, e, f);

	return r == -1 ? -errno : r;
}

static int64_t call_map(struct call *c)
{
	uint64_t flags = c->step->words[1] | (c->step->target < 0 ? MAP_ANONYMOUS : 0u);

	return call_sys(SYS_mmap, c->a[0], c->a[1], c->step->words[0], flags, (uint64_t)c->fd,
			c->a[2]);
}

static int64_t call_unmap(struct call *c)
{
	return call_sys(SYS_munmap, c->a[0], c->a[1], 0, 0, 0, 0);
}

static int64_t call_protect(struct call *c)
{
	return call_sys(SYS_mprotect, c->a[0], c->a[1], c->step->words[0], 0, 0, 0);
}

static int64_t call_advise(struct call *c)
{
	return call_sys(SYS_madvise, c->a[0], c->a[1], c->step->words[0], 0, 0, 0);
}

static int64_t call_remap(struct call *c)
{
	return call_sys(SYS_mremap, c->a[0], c->a[1], c->a[2], c->step->words[0], c->a[3], 0);
}

static int64_t call_lock(struct call *c)
{
	return call_sys(SYS_mlock2, c->a[0], c->a[1], c->step->words[0], 0, 0, 0);
}

static int64_t call_unlock(struct call *c)
{
	return call_sys(SYS_munlock, c->a[0], c->a[1], 0, 0, 0, 0);
}

static int64_t call_lockall(struct call *c)
{
	return call_sys(SYS_mlockall, c->step->words[0], 0, 0, 0, 0, 0);
}

static int64_t call_unlockall(struct call *c)
{
	(void)c;
	return call_sys(SYS_munlockall, 0, 0, 0, 0, 0, 0);
}

static int64_t call_brk(struct call *c)
{
	return call_sys(SYS_brk, c->a[0], 0, 0, 0, 0, 0);
}

static int64_t call_mincore(struct call *c)
{
	static unsigned char vec[HUGE_PAGES * (REPLAY_HUGE / REPLAY_PAGE) + 1];
	int64_t err;

	if (c->a[1] / REPLAY_PAGE >= sizeof(vec) && c->a[1] < 1ull << 46)
		return -E2BIG;
	err = call_sys(SYS_mincore, c->a[0], c->a[1], (uint64_t)vec, 0, 0, 0);
	for (uint64_t i = 0; !err && i < (c->a[1] + REPLAY_PAGE - 1) / REPLAY_PAGE; i++)
		result_byte(c->r, vec[i] & 1);
	return err;
}

static int64_t call_msync(struct call *c)
{
	return call_sys(SYS_msync, c->a[0], c->a[1], c->step->words[0], 0, 0, 0);
}

static int64_t call_read(struct call *c)
{
	actor_read(c->a[0], c->a[1], c->r);
	return c->r->value;
}

static int64_t call_write(struct call *c)
{
	actor_write(c->a[0], c->a[1], 1, (uint8_t)c->a[2], c->r);
	return c->r->value;
}

static int64_t call_fill(struct call *c)
{
	actor_write(c->a[0], c->a[1], REPLAY_PAGE, (uint8_t)c->a[2], c->r);
	return c->r->value;
}

/* ---- files ------------------------------------------------------------------ */

static int fill_file(int fd, uint64_t bytes)
{
	uint8_t page[REPLAY_PAGE];

	if (ftruncate(fd, (off_t)bytes))
		return -errno;
	for (uint64_t off = 0; off < bytes && off < ARENA_PAGES * REPLAY_PAGE;
	     off += sizeof(page)) {
		uint64_t n = pattern_page(off, bytes, page);

		if (pwrite(fd, page, n, (off_t)off) != (ssize_t)n)
			return -errno;
	}
	return fsync(fd) ? -errno : 0;
}

/* A file of the current directory without a name. */
static int open_on_disk(void)
{
	char name[] = "./replay-XXXXXX";
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	fd = mkostemp(name, O_CLOEXEC); /* a file system without such files */
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* It cannot be written to: a file of huge pages begins with zeros. */
static bool is_huge_file(const struct call *c)
{
	return c->step->words[0] == FILE_HUGETLB || c->step->words[0] == FILE_MOUNTED;
}

static int open_file(const struct call *c)
{
	switch (c->step->words[0]) {
	case FILE_DISK:
		return open_on_disk();
	case FILE_HUGETLB:
		return memfd_create("replay", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);
	case FILE_MOUNTED:
		return open_mounted(c);
	default:
		return memfd_create("replay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	}
}

static int64_t call_file(struct call *c)
{
	int fd = open_file(c);
	struct stat st;
	int err;

	if (fd < 0)
		return -errno;
	err = is_huge_file(c) ? 0 : fill_file(fd, c->a[0]);
	if (is_huge_file(c) && ftruncate(fd, (off_t)c->a[0]))
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	actor_files.fd[c->step->target] = fd;
	if (!fstat(fd, &st))
		actor_files.ino[c->step->target] = st.st_ino;
	return 0;
}

static int64_t call_truncate(struct call *c)
{
	return call_sys(SYS_ftruncate, (uint64_t)c->fd, c->a[0], 0, 0, 0, 0);
}

static int64_t call_punch(struct call *c)
{
	return call_sys(SYS_fallocate, (uint64_t)c->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			c->a[0], c->a[1], 0, 0);
}

static int64_t call_pread(struct call *c)
{
	static uint8_t buf[MAX_COPY];
	int64_t n;

	if (c->a[1] > sizeof(buf))
		return -E2BIG;
	n = call_sys(SYS_pread64, (uint64_t)c->fd, (uint64_t)buf, c->a[1], c->a[0], 0, 0);
	for (int64_t i = 0; i < n; i++)
		result_byte(c->r, buf[i]);
	return n;
}

static int64_t call_pwrite(struct call *c)
{
	static uint8_t buf[MAX_COPY];

	if (c->a[1] > sizeof(buf))
		return -E2BIG;
	memset(buf, (int)c->a[2], c->a[1]);
	return call_sys(SYS_pwrite64, (uint64_t)c->fd, (uint64_t)buf, c->a[1], c->a[0], 0, 0);
}

static int64_t call_size(struct call *c)
{
	struct shmid_ds segment;
	struct stat st;

	if (c->fd >= 0)
		return fstat(c->fd, &st) ? -errno : (int64_t)st.st_size;
	if (shmctl(actor_files.shm[c->step->target], IPC_STAT, &segment))
		return -errno;
	return (int64_t)segment.shm_segsz;
}

static int64_t call_fallocate(struct call *c)
{
	return call_sys(SYS_fallocate, (uint64_t)c->fd, c->step->words[0], c->a[0], c->a[1], 0, 0);
}

static int64_t call_seal(struct call *c)
{
	return call_sys(SYS_fcntl, (uint64_t)c->fd, F_ADD_SEALS, c->step->words[0], 0, 0, 0);
}

static int64_t call_statfs(struct call *c)
{
	struct statfs st;

	return fstatfs(c->fd, &st) ? -errno : told_blocks(st.f_blocks, st.f_bfree);
}

static int64_t call_fsync(struct call *c)
{
	return call_sys(SYS_fsync, (uint64_t)c->fd, 0, 0, 0, 0, 0);
}

/* ---- System V shared memory ------------------------------------------------- */

static int64_t call_shm(struct call *c)
{
	int64_t id = call_sys(SYS_shmget, IPC_PRIVATE, c->a[0],
			      IPC_CREAT | 0600 | c->step->words[0], 0, 0, 0);

	if (id < 0)
		return id;
	actor_files.shm[c->step->target] = (int)id;
	c->b->segments[c->step->target] = (int32_t)id + 1;
	return 0;
}

static int64_t call_attach(struct call *c)
{
	return call_sys(SYS_shmat, (uint64_t)actor_files.shm[c->step->target], c->a[0],
			c->step->words[0], 0, 0, 0);
}

static int64_t call_detach(struct call *c)
{
	return call_sys(SYS_shmdt, c->a[0], 0, 0, 0, 0, 0);
}

static int64_t call_remove(struct call *c)
{
	return call_sys(SYS_shmctl, (uint64_t)actor_files.shm[c->step->target], IPC_RMID, 0, 0, 0,
			0);
}

/* ---- processes -------------------------------------------------------------- */

/* args: the address there, the address here, the length. */
static int64_t copy_across(struct call *c, long nr)
{
	struct iovec local = {(void *)c->a[1], c->a[2]}, remote = {(void *)c->a[0], c->a[2]};

	return call_sys(nr, (uint64_t)c->b->pids[c->step->target], (uint64_t)&local, 1,
			(uint64_t)&remote, 1, 0);
}

static int64_t call_vmread(struct call *c)
{
	return copy_across(c, SYS_process_vm_readv);
}

static int64_t call_vmwrite(struct call *c)
{
	return copy_across(c, SYS_process_vm_writev);
}

static int64_t call_limit(struct call *c)
{
	static const __rlimit_resource_t which[NR_LIMITS] = {
	    [LIMIT_AS] = RLIMIT_AS,
	    [LIMIT_DATA] = RLIMIT_DATA,
	    [LIMIT_MEMLOCK] = RLIMIT_MEMLOCK,
	    [LIMIT_STACK] = RLIMIT_STACK,
	};
	struct rlimit old;
	__rlimit_resource_t resource = which[c->step->words[0] % NR_LIMITS];

	if (getrlimit(resource, &old))
		return -errno;
	old.rlim_cur = c->a[0];
	return setrlimit(resource, &old) ? -errno : 0;
}

static int64_t call_status(struct call *c)
{
	return actor_status(c->step->words[0] % NR_STATUS);
}

static int64_t call_usage(struct call *c)
{
	struct view v;

	actor_view(c->b, &v);
	return view_usage(&v, c->a[0], c->step->words[0]);
}

static int64_t call_contents(struct call *c)
{
	actor_contents(c->b, c->r);
	return 0;
}

static int64_t (*const calls[NR_VERBS])(struct call *c) = {
    [VERB_MAP] = call_map,
    [VERB_UNMAP] = call_unmap,
    [VERB_PROTECT] = call_protect,
    [VERB_ADVISE] = call_advise,
    [VERB_REMAP] = call_remap,
    [VERB_LOCK] = call_lock,
    [VERB_UNLOCK] = call_unlock,
    [VERB_LOCKALL] = call_lockall,
    [VERB_UNLOCKALL] = call_unlockall,
    [VERB_BRK] = call_brk,
    [VERB_MINCORE] = call_mincore,
    [VERB_MSYNC] = call_msync,
    [VERB_READ] = call_read,
    [VERB_WRITE] = call_write,
    [VERB_FILL] = call_fill,
    [VERB_FILE] = call_file,
    [VERB_TRUNCATE] = call_truncate,
    [VERB_PUNCH] = call_punch,
    [VERB_FALLOCATE] = call_fallocate,
    [VERB_SEAL] = call_seal,
    [VERB_SIZE] = call_size,
    [VERB_STATFS] = call_statfs,
    [VERB_MOUNT] = call_mount,
    [VERB_GET] = call_get,
    [VERB_PUT] = call_put,
    [VERB_POKE] = call_poke,
    [VERB_POOL] = call_pool,
    [VERB_OVERCOMMIT] = call_overcommit,
    [VERB_DEMOTE] = call_demote,
    [VERB_POOL_TEXT] = call_pool_text,
    [VERB_COUNTERS] = call_counters,
    [VERB_PREAD] = call_pread,
    [VERB_PWRITE] = call_pwrite,
    [VERB_FSYNC] = call_fsync,
    [VERB_SHM] = call_shm,
    [VERB_ATTACH] = call_attach,
    [VERB_DETACH] = call_detach,
    [VERB_REMOVE] = call_remove,
    [VERB_VMREAD] = call_vmread,
    [VERB_VMWRITE] = call_vmwrite,
    [VERB_MBIND] = call_mbind,
    [VERB_SET_MEMPOLICY] = call_set_mempolicy,
    [VERB_GET_MEMPOLICY] = call_get_mempolicy,
    [VERB_HOME_NODE] = call_home_node,
    [VERB_MOVE_PAGES] = call_move_pages,
    [VERB_MIGRATE_PAGES] = call_migrate_pages,
    [VERB_LIMIT] = call_limit,
    [VERB_STATUS] = call_status,
    [VERB_USAGE] = call_usage,
    [VERB_CONTENTS] = call_contents,
};

void actor_call(struct board *b, const struct step *step, struct result *r)
{
	struct call c = {.b = b, .step = step, .r = r, .fd = -1};

	if (!calls[step->verb]) {
		r->outcome = OUTCOME_ABSENT;
		return;
	}
	for (unsigned i = 0; i < MAX_ARGS; i++)
		c.a[i] = board_value(b, step->args[i]);
	if (step->target >= 0 && verb_takes(step->verb, ARG_FILE))
		c.fd = actor_files.fd[step->target];
	r->value = calls[step->verb](&c);
	/* Not before: the call may be the end of this process.  An access may have met a signal. */
	if (r->outcome == OUTCOME_NONE)
		r->outcome = OUTCOME_VALUE;
}
