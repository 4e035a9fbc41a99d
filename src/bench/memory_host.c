/* SPDX-License-Identifier: MIT */
/*
 * memory_host.c: the measured calls as the host's system calls.
 */
#include "bench/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct bench_file {
	int fd;
};

static void must(bool ok, const char *what)
{
	bench_must(ok, "host", what);
}

static uint64_t host_map(struct memory *m, uint64_t addr, uint64_t len, int prot, int flags,
			 struct bench_file *file)
{
	void *p = mmap((void *)addr, len, prot, flags | (file ? 0 : MAP_ANONYMOUS),
		       file ? file->fd : -1, 0);

	(void)m;
	must(p != MAP_FAILED, "mmap");
	return (uint64_t)p;
}

static void host_unmap(struct memory *m, uint64_t addr, uint64_t len)
{
	(void)m;
	must(!munmap((void *)addr, len), "munmap");
}

static void host_protect(struct memory *m, uint64_t addr, uint64_t len, int prot)
{
	(void)m;
	must(!mprotect((void *)addr, len, prot), "mprotect");
}

static void host_advise(struct memory *m, uint64_t addr, uint64_t len, int advice)
{
	(void)m;
	must(!madvise((void *)addr, len, advice), "madvise");
}

static void host_remap(struct memory *m, uint64_t addr, uint64_t len, uint64_t to)
{
	(void)m;
	must(mremap((void *)addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED,
	     "mremap");
}

static void host_lock(struct memory *m, uint64_t addr, uint64_t len)
{
	(void)m;
	must(!mlock((void *)addr, len), "mlock");
}

static void host_unlock(struct memory *m, uint64_t addr, uint64_t len)
{
	(void)m;
	must(!munlock((void *)addr, len), "munlock");
}

static void host_mincore(struct memory *m, uint64_t addr, uint64_t len, uint8_t *vec)
{
	(void)m;
	must(!mincore((void *)addr, len, vec), "mincore");
}

static void host_rollup(struct memory *m, void *child)
{
	char text[4096], path[64];
	int fd;

	(void)m;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)(intptr_t)child);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && read(fd, text, sizeof(text)) > 0, "smaps_rollup");
	close(fd);
}

static void *host_fork(struct memory *m)
{
	pid_t pid = fork();

	(void)m;
	must(pid >= 0, "fork");
	if (!pid)
		for (;;)
			pause();
	return (void *)(intptr_t)pid;
}

static void host_end_child(struct memory *m, void *child)
{
	pid_t pid = (pid_t)(intptr_t)child;

	(void)m;
	kill(pid, SIGKILL);
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
}

/* By write, so that no page is mapped and all are in the cache. */
static struct bench_file *host_file(struct memory *m, bool disk, uint64_t len)
{
	static const char zeros[65536];
	struct bench_file *f = malloc(sizeof(*f));

	(void)m;
	must(f, "malloc");
	f->fd = disk ? open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
		     : memfd_create("bench", MFD_CLOEXEC);
	must(f->fd >= 0, "a file");
	for (uint64_t at = 0; at < len; at += sizeof(zeros))
		must(write(f->fd, zeros, sizeof(zeros)) == sizeof(zeros), "write");
	return f;
}

static void host_close(struct memory *m, struct bench_file *file)
{
	(void)m;
	close(file->fd);
	free(file);
}

static const struct memory_ops host_ops = {
    .name = "host",
    .map = host_map,
    .unmap = host_unmap,
    .protect = host_protect,
    .advise = host_advise,
    .remap = host_remap,
    .lock = host_lock,
    .unlock = host_unlock,
    .mincore = host_mincore,
    .rollup = host_rollup,
    .fork = host_fork,
    .end_child = host_end_child,
    .file = host_file,
    .close = host_close,
};

struct memory *memory_host(void)
{
	static struct memory host = {&host_ops};

	must(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "pages of 4 KiB");
	return &host;
}
