/* SPDX-License-Identifier: MIT */
/*
 * fuse_lent.c CASE DIR: pages that a system call has been lent are unmapped while the host works
 * with them, and their memory is used anew at once, before the host is done.
 *
 * The host is held up by a file system of ours (fuse_server.h).  DIR is empty, and in a mount
 * namespace of its own.  77: there is no /dev/fuse, or no mounting.
 */
#include "fuse_server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST (8192 * PG)
#define LEFT (PAGES * PG / 2) /* stays free: some of the pages are among the others */

#define REUSED 0x5a

struct io {
	int fd;
	bool write;
	unsigned char *buffer;
	ssize_t result;
};

static void *do_io(void *arg)
{
	struct io *io = arg;

	io->result =
	    io->write ? pwrite(io->fd, io->buffer, BYTES, 0) : pread(io->fd, io->buffer, BYTES, 0);
	return NULL;
}

static unsigned char *map(size_t bytes, int flags)
{
	unsigned char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

/* Nearly all of the memory that is free, written; bytes: how much. */
static unsigned char *use_all(size_t *bytes)
{
	unsigned char *p = map(MOST, MAP_PRIVATE | MAP_NORESERVE);
	struct sysinfo si;

	for (*bytes = 0; *bytes < MOST; *bytes += PG) {
		sysinfo(&si);
		if (si.freeram * si.mem_unit <= LEFT)
			break;
		memset(p + *bytes, REUSED, PG);
	}
	return p;
}

/* Shared memory is freed a while after it was unmapped.  Natively nobody can tell. */
static void wait_freed(unsigned long before)
{
	struct sysinfo si;

	do
		sysinfo(&si);
	while (si.totalram * si.mem_unit <= MOST && si.freeram * si.mem_unit < before + BYTES / 2);
}

static unsigned long free_now(void)
{
	struct sysinfo si;

	sysinfo(&si);
	return si.freeram * si.mem_unit;
}

static int check_all(const unsigned char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i] != REUSED) {
			printf("page %zu of %zu holds %#x\n", i / PG, bytes / PG, p[i]);
			return 1;
		}
	return 0;
}

static bool holds(const unsigned char *p, unsigned char value)
{
	for (size_t i = 0; i < BYTES; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* ---- what becomes of the buffer meanwhile ---- */

static void unmap(unsigned char *p)
{
	if (munmap(p, BYTES))
		fail("munmap");
}

static void drop(unsigned char *p)
{
	if (madvise(p, BYTES, MADV_DONTNEED))
		fail("madvise");
}

static void map_over(unsigned char *p)
{
	if (mmap(p, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
		fail("mmap");
}

static void move_and_unmap(unsigned char *p)
{
	unsigned char *to = map(BYTES, MAP_PRIVATE);

	if (mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		fail("mremap");
	unmap(to);
}

static int hold[2];
static pid_t child;

/* Each has the pages for itself, and looks at them when the other is done. */
static void fork_and_write(unsigned char *p)
{
	char c;

	if (pipe(hold))
		fail("pipe");
	child = fork();
	if (!child) {
		close(hold[1]);
		if (read(hold[0], &c, 1))
			_exit(1);
		_exit(!holds(p, WRITTEN));
	}
	for (size_t i = 0; i < BYTES; i += PG)
		p[i] = 1;
}

static void end_child(void)
{
	int status;

	close(hold[1]);
	close(hold[0]);
	if (waitpid(child, &status, 0) != child)
		fail("waitpid");
	if (status) {
		printf("the child's pages are not as they were\n");
		exit(1);
	}
}

/* A child has the pages alone, and ends. */
static void give_to_child(unsigned char *p)
{
	fork_and_write(p);
	unmap(p);
	end_child();
}

static void check_both(unsigned char *p)
{
	if (!holds(p, ANSWERED)) {
		printf("what was read did not come\n");
		exit(1);
	}
	end_child();
}

static const struct way {
	const char *name, *file;
	int open_flags, map_flags;
	bool write;
	void (*meanwhile)(unsigned char *p);
	void (*after)(unsigned char *p);
} ways[] = {
    {"unmap", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, unmap, NULL},
    {"direct_io", "direct", O_RDONLY, MAP_PRIVATE, false, unmap, NULL},
    {"drop", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, drop, NULL},
    {"map_over", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, map_over, NULL},
    {"move", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, move_and_unmap, NULL},
    {"shared", "paged", O_RDONLY | O_DIRECT, MAP_SHARED, false, unmap, NULL},
    {"child", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, give_to_child, NULL},
    {"write", "paged", O_RDWR | O_DIRECT, MAP_PRIVATE, true, unmap, NULL},
    {"fork", "paged", O_RDONLY | O_DIRECT, MAP_PRIVATE, false, fork_and_write, check_both},
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	printf("no case %s\n", name);
	exit(2);
}

static int open_file(const char *dir, const struct way *w)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, w->file);
	fd = open(path, w->open_flags);
	if (fd < 0)
		fail(path);
	return fd;
}

int main(int argc, char **argv)
{
	const struct way *w = find_way(argc > 2 ? argv[1] : "");
	const char *dir = argv[2];
	struct io io = {.write = w->write};
	pthread_t thread;
	unsigned char *all;
	unsigned long before;
	size_t bytes;
	pid_t server;
	int bad;

	server = server_start(dir, w->write);
	close(open_file(dir, w)); /* this server has no FUSE_FLUSH: the host does not ask again */
	io.fd = open_file(dir, w);
	io.buffer = map(BYTES, w->map_flags);
	memset(io.buffer, WRITTEN, BYTES);
	if (w->write) { /* the one that is not held */
		do_io(&io);
		server_says('g');
	}
	if (pthread_create(&thread, NULL, do_io, &io))
		fail("pthread_create");
	server_says('r');
	before = free_now();
	w->meanwhile(io.buffer);
	if (!w->after)
		wait_freed(before);
	all = use_all(&bytes);
	server_go();
	if (w->write)
		server_says('g');
	pthread_join(thread, NULL);
	bad = check_all(all, bytes);
	if (w->after)
		w->after(io.buffer);
	if (io.result != BYTES) {
		printf("the call gives %zd\n", io.result);
		bad = 1;
	}
	close(io.fd);
	server_end(server, dir);
	return bad;
}
