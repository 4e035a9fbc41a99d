/* SPDX-License-Identifier: MIT */
/*
 * fuse_server.c: see fuse_server.h.  It speaks the protocol of /dev/fuse itself.
 */
#include "fuse_server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int here[2], go[2]; /* a request is there; go on with it */

void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

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

pid_t server_start(const char *dir, bool holds_write)
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

void server_says(char wanted)
{
	char c = 0;

	if (read(here[0], &c, 1) != 1)
		fail("no word of the server");
	if (c != wanted) {
		printf("the server says %c instead of %c\n", c, wanted);
		exit(1);
	}
}

void server_go(void)
{
	if (write(go[1], "g", 1) != 1)
		fail("go");
}

void server_end(pid_t server, const char *dir)
{
	umount2(dir, MNT_DETACH);
	close(go[1]);
	close(here[0]);
	waitpid(server, NULL, 0);
}
