/* SPDX-License-Identifier: MIT */
/*
 * reach_fake.c CASE: something else is mounted over /proc, in which all names of descriptors lead
 * to RAM, by way of the real procfs elsewhere.  What the stub opens by such names for its own needs
 * it must not take for what it has asked for, nor hand to the guest.
 */
#include "reach.h"

#include <sys/stat.h>

static char dir[] = "/tmp/reach_XXXXXX";

/* All that the stub may have asked for. */
static void fake_names(const char *where)
{
	char name[64], to[64];

	snprintf(to, sizeof(to), "%s/thread-self/fd/%d", dir, (int)INFO->fd_base + RUN_FD_RAM);
	for (int fd = 0; fd < (int)INFO->fd_base + RUN_NR_FDS && !failures; fd++) {
		snprintf(name, sizeof(name), "%s/%d", where, fd);
		CHECK(symlink(to, name) == 0);
	}
}

/* False: no mounts here. */
static bool fake_proc(void)
{
	CHECK(mkdtemp(dir) != NULL);
	if (!private_mounts() || mount("/proc", dir, NULL, MS_BIND | MS_REC, NULL)) {
		printf("no mounts: %s\n", strerror(errno));
		return false;
	}
	CHECK(mount("fake", "/proc", "tmpfs", 0, NULL) == 0);
	CHECK(mkdir("/proc/self", 0755) == 0 && mkdir("/proc/self/fd", 0755) == 0);
	CHECK(symlink("self", "/proc/thread-self") == 0);
	fake_names("/proc/self/fd");
	return true;
}

static void end_fake(void)
{
	umount2("/proc", MNT_DETACH);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

static bool is_ram(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_size == (off_t)INFO->nr_ram_frames * 4096;
}

/* The guest's own, by its real name. */
static void opened(void)
{
	int own = own_file(), fd;
	char name[64];

	if (fake_proc()) {
		for (int flags = O_RDONLY; flags <= O_RDWR; flags++) {
			snprintf(name, sizeof(name), "%s/self/fd/%d", dir, own);
			fd = open(name, flags);
			CHECK(fd >= 0 && !is_ram(fd));
			close(fd);
		}
		/* A text that the supervisor makes. */
		snprintf(name, sizeof(name), "%s/self/maps", dir);
		fd = open(name, O_RDONLY);
		CHECK(fd < 0 || !is_ram(fd));
	}
	end_fake();
}

/* Privately, where it may yet be sealed: the stub opens it anew. */
static void mapped(void)
{
	int own = memfd_create("own", MFD_ALLOW_SEALING);
	char *p;

	CHECK(write(own, "own", 3) == 3);
	if (fake_proc()) {
		p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, own, 0);
		CHECK(p != MAP_FAILED && !memcmp(p, "own", 4));
	}
	end_fake();
}

/* In the program that was executed where /proc is a fake. */
static int as_program(const char *proc)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "%s/self/fd/%d", proc, (int)INFO->fd_base + RUN_FD_EXE);
	fd = open(name, O_RDONLY);
	CHECK(fd >= 0 && !is_ram(fd));
	return failures != 0;
}

static void executed(void)
{
	char self[300], *argv[] = {self, "as_program", dir, NULL};
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int status;

	CHECK(n > 0);
	self[n > 0 ? n : 0] = 0;
	if (fake_proc()) {
		pid_t pid = must_fork();

		if (!pid) {
			execv(self, argv);
			_exit(9);
		}
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	end_fake();
}

/* What the stub reads about a pidfd says that it is another process's. */
static void pidfd(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0), own;
	char name[64];

	CHECK(fd >= 0);
	close(fd);
	if (fake_proc()) {
		CHECK(mkdir("/proc/self/fdinfo", 0755) == 0);
		for (int i = 0; i < RUN_NR_FDS; i++) {
			snprintf(name, sizeof(name), "//proc/self/fdinfo/%d",
				 (int)INFO->fd_base + i);
			put_text(name, "Pid:\t1\n");
		}
		own = (int)syscall(SYS_pidfd_open, getpid(), 0);
		for (int i = 0; i < RUN_NR_FDS; i++)
			FAILS(syscall(SYS_pidfd_getfd, own, (int)INFO->fd_base + i, 0), EBADF);
	}
	end_fake();
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"opened", opened},
						 {"mapped", mapped},
						 {"executed", executed},
						 {"pidfd", pidfd},
						 {NULL, NULL}};

	if (argc > 2 && !strcmp(argv[1], "as_program"))
		return as_program(argv[2]);
	return reach(cases, argc > 1 ? argv[1] : NULL);
}
