/* SPDX-License-Identifier: MIT */
/*
 * reach_numbers.c CASE: the descriptors of the stub by their numbers, where these stand in what a
 * call is given: control data, structures, options; and by pidfd_getfd.
 */
#include "reach.h"

#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct message {
	struct msghdr msg;
	struct iovec iov;
	char byte;
	_Alignas(struct cmsghdr) char control[2 * CMSG_SPACE(2 * sizeof(int))];
};

/* Two messages of control data, of two descriptors each. */
static void make_message(struct message *m, const int fds[4])
{
	memset(m, 0, sizeof(*m));
	m->iov = (struct iovec){&m->byte, 1};
	m->msg = (struct msghdr){.msg_iov = &m->iov,
				 .msg_iovlen = 1,
				 .msg_control = m->control,
				 .msg_controllen = sizeof(m->control)};
	for (int i = 0; i < 2; i++) {
		struct cmsghdr *c =
		    (struct cmsghdr *)(void *)(m->control +
					       (size_t)i * CMSG_SPACE(2 * sizeof(int)));

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(c), fds + 2 * i, 2 * sizeof(int));
	}
}

static bool send_many(int to, struct message *m)
{
	struct mmsghdr v[2] = {{.msg_hdr = {.msg_iov = &m->iov, .msg_iovlen = 1}},
			       {.msg_hdr = m->msg}};

	return sendmmsg(to, v, 2, 0) == 2;
}

static void expect_own(int from)
{
	struct message m;
	int fds[4] = {-1, -1, -1, -1};

	make_message(&m, fds);
	CHECK(recvmsg(from, &m.msg, 0) == 1);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m.msg)), sizeof(int));
	CHECK(is_own(fds[0]));
	close(fds[0]);
}

static void sent(void)
{
	int own = own_file(), pair[2];
	struct message m;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
	for (int i = 0; i < RUN_NR_FDS; i++) {
		for (int place = 0; place < 4; place++) {
			int fds[4] = {own, own, own, own};

			fds[place] = (int)INFO->fd_base + i;
			make_message(&m, fds);
			FAILS(sendmsg(pair[0], &m.msg, 0), EBADF);
			CHECK(!send_many(pair[0], &m));
			/* The first of the two had none. */
			CHECK(recv(pair[1], &m.byte, 1, MSG_DONTWAIT) == 1);
			FAILS(recv(pair[1], &m.byte, 1, MSG_DONTWAIT), EAGAIN);
		}
	}
	make_message(&m, (int[4]){own, own, own, own});
	CHECK(sendmsg(pair[0], &m.msg, 0) == 1);
	expect_own(pair[1]);
	make_message(&m, (int[4]){own, own, own, own});
	CHECK(send_many(pair[0], &m));
	CHECK(recv(pair[1], &m.byte, 1, MSG_DONTWAIT) == 1);
	expect_own(pair[1]);
}

static void get_all(pid_t pid, int own)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd;

	CHECK(pidfd >= 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, own, 0);
	CHECK(is_own(fd));
	for (int i = 0; i < RUN_NR_FDS; i++)
		FAILS(syscall(SYS_pidfd_getfd, pidfd, (int)INFO->fd_base + i, 0), EBADF);
}

static void pidfds(void)
{
	int own = own_file(), status;
	pid_t pid = must_fork();

	if (!pid) {
		get_all(getppid(), own);
		_exit(failures != 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	get_all(getpid(), own);
}

/* The number comes first in the argument, and is looked at first: the device may be any. */
static void inside_arguments(int null)
{
	static const unsigned long commands[] = {
	    FICLONERANGE, UDMABUF_CREATE, BTRFS_IOC_SEND,
	    _IOC(_IOC_WRITE, BTRFS_IOCTL_MAGIC, 38, 68) /* as 32-bit programs say it */};
	long argument[64] = {0};

	for (unsigned k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
		for (unsigned i = 0; i < RUN_NR_FDS; i++) {
			argument[0] = (long)(INFO->fd_base + i);
			FAILS(ioctl(null, commands[k], argument), EBADF);
		}
		argument[0] = null;
		CHECK(ioctl(null, commands[k], argument) < 0 && errno != EBADF);
	}
}

/* A device that reads and writes a file on whose behalf it may be. */
static void devices(void)
{
	int fd = open("/dev/null", O_RDWR);

	inside_arguments(fd);
	close(fd);
	fd = open("/dev/loop0", O_RDONLY);
	if (fd < 0) {
		printf("no loop device: %s\n", strerror(errno));
		return;
	}
	for (int i = 0; i < RUN_NR_FDS; i++)
		FAILS(ioctl(fd, LOOP_SET_FD, (int)INFO->fd_base + i), EBADF);
}

/* File systems that read and write what is open: whether there is such a one or not, the number is
 * looked at first. */
static void options(void)
{
	char dec[32], many[64], hex[32], oct[32];
	const char *const texts[] = {dec, many, hex, oct};
	int fs;

	for (unsigned i = 0; i < RUN_NR_FDS; i++) {
		unsigned fd = INFO->fd_base + i;

		snprintf(dec, sizeof(dec), "rfdno=%u", fd);
		snprintf(many, sizeof(many), "trans=fd,rfdno=1,wfdno=%u,x", fd);
		snprintf(hex, sizeof(hex), "fd=0x%X", fd);
		snprintf(oct, sizeof(oct), "x,fd=0%o,y", fd);
		for (unsigned k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			FAILS(mount("none", "/tmp", "none", 0, texts[k]), EBADF);
	}
	CHECK(mount("none", "/tmp", "none", 0, "fd=1,x=1025") < 0 && errno != EBADF);
	fs = (int)syscall(SYS_fsopen, "fuse", 0);
	if (fs < 0) {
		printf("no fuse: %s\n", strerror(errno));
		return;
	}
	snprintf(dec, sizeof(dec), "%u", INFO->fd_base + RUN_FD_RAM);
	FAILS(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "fd", dec, 0), EBADF);
	snprintf(dec, sizeof(dec), "fd=%u", INFO->fd_base + RUN_FD_RAM);
	for (int command = FSCONFIG_SET_FLAG; command <= FSCONFIG_CMD_RECONFIGURE; command++)
		FAILS(syscall(SYS_fsconfig, fs, command, dec, NULL, 0), EBADF);
	FAILS(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, dec, "x", 0), EBADF);
	CHECK(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "subtype", "own", 0) == 0);
	close(fs);
}

/* Of a file system that reads files, by their names. */
static void images(void)
{
	char ram[64], option[80];

	snprintf(ram, sizeof(ram), "/proc/self/fd/%u", INFO->fd_base + RUN_FD_RAM);
	snprintf(option, sizeof(option), "device=%s", ram);
	FAILS(mount(ram, "/tmp", "erofs", MS_RDONLY, NULL), ENODEV);
	FAILS(mount("none", "/tmp", "erofs", MS_RDONLY, option), ENODEV);
	FAILS(syscall(SYS_fsopen, "erofs", 0), ENODEV);
	/* Where there is no new mount the type means nothing. */
	CHECK(mount("/nowhere", "/tmp", "erofs", MS_BIND, NULL) < 0 && errno != ENODEV);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"sent", sent},       {"pidfds", pidfds},
						 {"devices", devices}, {"options", options},
						 {"images", images},   {NULL, NULL}};

	return reach(cases, argc > 1 ? argv[1] : NULL);
}
