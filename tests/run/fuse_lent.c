/* SPDX-License-Identifier: MIT */
/*
 * fuse_lent.c CASE DIR: pages that a system call has been lent are unmapped while the host works
 * with them, and their memory is used anew at once, before the host is done.
 *
 * The host is held up by a file system of ours: its server is a child, which speaks the protocol of
 * /dev/fuse itself and answers a read, or takes a write in, only when it is told.  DIR is empty,
 * and in a mount namespace of its own.  77: there is no /dev/fuse, or no mounting.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PG 4096ul
#define PAGES 192 /* in one request of the host's */
#define BYTES (PAGES * PG)
#define MOST (8192 * PG)
#define LEFT (PAGES * PG / 2) /* stays free: some of the pages are among the others */

#define ANSWERED 0xd1
#define WRITTEN 0xb0
#define REUSED 0x5a

static int here[2], go[2]; /* a request is there; go on with it */
static const char *dir;

static void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* ---- the server ---------------------------------------------------------------- */

enum node { ROOT = FUSE_ROOT_ID, PAGED, DIRECT };

static char request[BYTES + 65536], answer_data[BYTES],
    packet[sizeof(struct fuse_out_header) + BYTES];

static void answer(int fuse, uint64_t unique, int err, const void *data, size_t n)
{
	struct fuse_out_header h = {(uint32_t)(sizeof(h) + n), -err, unique};

	memcpy(packet, &h, sizeof(h));
	if (n)
		memcpy(packet + sizeof(h), data, n);
	if (write(fuse, packet, h.len) != (ssize_t)h.len && errno != ENOENT)
		fail("server: write");
}

static struct fuse_attr attr_of(uint64_t node)
{
	struct fuse_attr a = {.ino = node, .nlink = 1, .blksize = (uint32_t)PG};

	a.mode = node == ROOT ? S_IFDIR | 0755 : S_IFREG | 0644;
	a.size = node == ROOT ? 0 : BYTES;
	return a;
}

static void look_up(int fuse, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {.attr_valid = 1000, .entry_valid = 1000};

	out.nodeid = !strcmp(name, "paged") ? PAGED : !strcmp(name, "direct") ? DIRECT : 0;
	if (!out.nodeid) {
		answer(fuse, in->unique, ENOENT, NULL, 0);
		return;
	}
	out.attr = attr_of(out.nodeid);
	answer(fuse, in->unique, 0, &out, sizeof(out));
}

/* The process waits here until the test has done its worst. */
static void wait_for_go(void)
{
	char c;

	if (write(here[1], "r", 1) != 1 || read(go[0], &c, 1) != 1)
		_exit(0);
}

static void serve_read(int fuse, const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	wait_for_go();
	answer(fuse, in->unique, 0, answer_data, r->size < BYTES ? r->size : BYTES);
}

/* Tells what has come. */
static void serve_write(int fuse, const struct fuse_in_header *in, const struct fuse_write_in *w)
{
	const unsigned char *data = (const unsigned char *)(w + 1);
	struct fuse_write_out out = {.size = w->size};
	char verdict = 'g';

	for (uint32_t i = 0; i < w->size; i++)
		if (data[i] != WRITTEN)
			verdict = 'b';
	answer(fuse, in->unique, 0, &out, sizeof(out));
	if (write(here[1], &verdict, 1) != 1)
		_exit(0);
}

static void serve_one(int fuse, const struct fuse_in_header *in)
{
	const void *arg = in + 1;
	struct fuse_init_out init = {.major = 7,
				     .minor = 31,
				     .max_write = BYTES,
				     .time_gran = 1,
				     .flags = FUSE_MAX_PAGES | FUSE_BIG_WRITES,
				     .max_pages = PAGES};
	struct fuse_attr_out attr = {.attr_valid = 1000, .attr = attr_of(in->nodeid)};
	struct fuse_open_out opened = {.open_flags = in->nodeid == DIRECT ? FOPEN_DIRECT_IO : 0};

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fuse, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		look_up(fuse, in, arg);
		break;
	case FUSE_GETATTR:
		answer(fuse, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(fuse, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		serve_read(fuse, in, arg);
		break;
	case FUSE_WRITE:
		serve_write(fuse, in, arg);
		break;
	case FUSE_RELEASE:
		answer(fuse, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fuse, in->unique, ENOSYS, NULL, 0);
	}
}

/* holds_write: the second write is not taken in before the test says so. */
static _Noreturn void serve(int fuse, bool holds_write)
{
	unsigned writes = 0;

	/* There will be no memory left. */
	memset(request, 1, sizeof(request));
	memset(answer_data, ANSWERED, sizeof(answer_data));
	memset(packet, 1, sizeof(packet));
	for (;;) {
		const struct fuse_in_header *in = (const struct fuse_in_header *)(void *)request;
		struct pollfd p = {.fd = fuse, .events = POLLIN};

		/* The first write has asked all that the host asks about a file. */
		if (holds_write && writes == 1 && poll(&p, 1, -1) == 1 && (p.revents & POLLIN))
			wait_for_go();
		if (read(fuse, request, sizeof(request)) < 0)
			_exit(0); /* unmounted */
		serve_one(fuse, in);
		writes += in->opcode == FUSE_WRITE;
	}
}

static pid_t start_server(bool holds_write)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[80];
	pid_t pid;

	if (fuse < 0) {
		printf("skipped: /dev/fuse: %s\n", strerror(errno));
		exit(77);
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	if (mount("fuse_lent", dir, "fuse", MS_NOSUID | MS_NODEV, options)) {
		printf("skipped: mount of a FUSE file system: %s\n", strerror(errno));
		exit(77);
	}
	if (pipe(here) || pipe(go))
		fail("pipe");
	pid = fork();
	if (!pid) {
		/* A test that fails waits for its call, and that for us. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(here[0]);
		close(go[1]);
		serve(fuse, holds_write);
	}
	close(fuse);
	close(here[1]);
	close(go[0]);
	return pid;
}

/* ---- the test ------------------------------------------------------------------ */

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

static void await(char wanted)
{
	char c = 0;

	if (read(here[0], &c, 1) != 1)
		fail("no word of the server");
	if (c != wanted) {
		printf("the server says %c instead of %c\n", c, wanted);
		exit(1);
	}
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

static int open_file(const struct way *w)
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
	struct io io = {.write = w->write};
	pthread_t thread;
	unsigned char *all;
	unsigned long before;
	size_t bytes;
	pid_t server;
	int bad;

	dir = argv[2];
	server = start_server(w->write);
	close(open_file(w)); /* this server has no FUSE_FLUSH: the host does not ask again */
	io.fd = open_file(w);
	io.buffer = map(BYTES, w->map_flags);
	memset(io.buffer, WRITTEN, BYTES);
	if (w->write) { /* the one that is not held */
		do_io(&io);
		await('g');
	}
	if (pthread_create(&thread, NULL, do_io, &io))
		fail("pthread_create");
	await('r');
	before = free_now();
	w->meanwhile(io.buffer);
	if (!w->after)
		wait_freed(before);
	all = use_all(&bytes);
	if (write(go[1], "g", 1) != 1)
		fail("go");
	if (w->write)
		await('g');
	pthread_join(thread, NULL);
	bad = check_all(all, bytes);
	if (w->after)
		w->after(io.buffer);
	if (io.result != BYTES) {
		printf("the call gives %zd\n", io.result);
		bad = 1;
	}
	close(io.fd);
	umount2(dir, MNT_DETACH);
	close(go[1]);
	close(here[0]);
	waitpid(server, NULL, 0);
	return bad;
}
