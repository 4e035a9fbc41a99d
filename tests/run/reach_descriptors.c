/* SPDX-License-Identifier: MIT */
/*
 * reach_descriptors.c CASE: the descriptors of the stub, by every name that a call may open;
 * and that the same ways lead to the guest's own.
 */
#include "reach.h"

#include <linux/openat2.h>
#include <pthread.h>
#include <sys/stat.h>

static char dir[] = "/tmp/reach_XXXXXX";

static int openat2_of(const char *name, unsigned long long flags)
{
	struct open_how how = {.flags = flags};

	return (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof(how));
}

static int by_directory(const char *name, int flags)
{
	char path[300], *base;
	int at, fd;

	snprintf(path, sizeof(path), "%s", name);
	base = strrchr(path, '/');
	*base++ = 0;
	at = open(path, O_RDONLY | O_DIRECTORY);
	fd = openat(at, base, flags);
	close(at);
	return fd;
}

static int by_current(const char *name, int flags)
{
	char path[300], *base;
	int fd;

	snprintf(path, sizeof(path), "%s", name);
	base = strrchr(path, '/');
	*base++ = 0;
	fd = chdir(path) ? -1 : open(base, flags);
	CHECK(chdir("/") == 0);
	return fd;
}

static int by_symlink(const char *name, int flags)
{
	char path[300], again[300];
	int fd;

	snprintf(path, sizeof(path), "%s/link", dir);
	snprintf(again, sizeof(again), "%s/again", dir);
	CHECK(symlink(name, path) == 0 && symlink("link", again) == 0);
	fd = open(again, flags);
	unlink(path);
	unlink(again);
	return fd;
}

/* O_PATH first, then what that is. */
static int by_path(const char *name, int flags)
{
	int path = open(name, O_PATH), fd;
	char again[64];

	snprintf(again, sizeof(again), "//proc/self/fd/%d", path);
	fd = path < 0 ? -1 : open(again, flags);
	close(path);
	return fd;
}

static int by_open(const char *name, int flags)
{
	return open(name, flags);
}

static int by_openat2(const char *name, int flags)
{
	return openat2_of(name, (unsigned)flags);
}

static int by_creat(const char *name, int flags)
{
	(void)flags;
	return open(name, O_RDWR | O_CREAT, 0600);
}

static int by_handle(const char *name, int flags)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount, fs = own_file(), fd = -1;

	if (!name_to_handle_at(AT_FDCWD, name, &h.handle, &mount, AT_SYMLINK_FOLLOW))
		fd = open_by_handle_at(fs, &h.handle, flags);
	close(fs);
	return fd;
}

static int (*const ways[])(const char *name, int flags) = {
    by_open, by_openat2, by_creat, by_directory, by_current, by_symlink, by_path,
};

/* Every call that opens by name: own is whether it shall succeed. */
static void try_all(const char *name, bool own)
{
	static const int flags[] = {O_RDONLY, O_RDWR};

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		for (int f = 0; f < 2; f++) {
			int fd = ways[i](name, flags[f]);

			if (own ? !is_own(fd) : fd >= 0) {
				printf("FAILED %s: way %u, flags %d: %d\n", name, i, flags[f], fd);
				failures++;
			}
			close(fd);
		}
	}
}

/* Own descriptor's and ours, under this directory's names. */
static void try_directory(const char *at)
{
	int own = own_file();
	char name[300];

	snprintf(name, sizeof(name), "%s/%d", at, own);
	try_all(name, true);
	for (int i = 0; i < RUN_NR_FDS; i++) {
		snprintf(name, sizeof(name), "%s/%d", at, (int)INFO->fd_base + i);
		if (is_program(i))
			continue;
		try_all(name, false);
		/* O_PATH, too. */
		CHECK(open(name, O_PATH) < 0);
	}
	close(own);
}

static void make_dir(void)
{
	CHECK(mkdtemp(dir) != NULL);
}

static void spellings(void)
{
	static const char *const plain[] = {"/proc/self/fd",
					    "//proc/self/fd",
					    "/proc/self/./fd",
					    "/proc/../proc/self//fd",
					    "/proc/self/cwd/proc/self/fd",
					    "/proc/thread-self/fd",
					    "/dev/fd",
					    "//dev/fd"};
	char at[300];

	make_dir();
	CHECK(chdir("/") == 0);
	for (unsigned i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		try_directory(plain[i]);
	snprintf(at, sizeof(at), "/proc/%d/fd", getpid());
	try_directory(at);
	snprintf(at, sizeof(at), "/proc/self/task/%d/fd", gettid());
	try_directory(at);
	rmdir(dir);
}

/* The parent's descriptors, of which the child has the same own one. */
static void other_guest(void)
{
	char at[300];
	int status;
	pid_t pid;

	make_dir();
	CHECK(chdir("/") == 0);
	/* Held by the parent under the number that the child's will have. */
	own_file();
	pid = must_fork();
	if (!pid) {
		close(3);
		snprintf(at, sizeof(at), "//proc/%d/fd", getppid());
		try_directory(at);
		_exit(failures != 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	rmdir(dir);
}

static void mounts(void)
{
	char proc[64], bind[64], at[128];

	make_dir();
	CHECK(chdir("/") == 0);
	if (!private_mounts()) {
		printf("no mounts: %s\n", strerror(errno));
		rmdir(dir);
		return;
	}
	snprintf(proc, sizeof(proc), "%s/proc", dir);
	snprintf(bind, sizeof(bind), "%s/bind", dir);
	CHECK(mkdir(proc, 0700) == 0 && mkdir(bind, 0700) == 0);
	/* An ordinary user gets no new one, where parts of the host's are covered. */
	CHECK(mount("proc", proc, "proc", 0, NULL) == 0 ||
	      mount("/proc", proc, NULL, MS_BIND | MS_REC, NULL) == 0);
	snprintf(at, sizeof(at), "%s/self/fd", proc);
	try_directory(at);
	snprintf(at, sizeof(at), "/proc/%d/fd", getpid());
	CHECK(mount(at, bind, NULL, MS_BIND, NULL) == 0);
	for (int i = 0; i < RUN_NR_FDS; i++) {
		snprintf(at, sizeof(at), "%s/%d", bind, (int)INFO->fd_base + i);
		if (!is_program(i))
			try_all(at, false);
	}
	umount2(bind, MNT_DETACH);
	umount2(proc, MNT_DETACH);
	rmdir(bind);
	rmdir(proc);
	rmdir(dir);
}

/* The host's name of a mapped page of RAM leads to all of RAM. */
static void map_files(void)
{
	char name[96], *page = anon(4096);
	unsigned long first = (unsigned long)page;

	page[0] = 1;
	snprintf(name, sizeof(name), "//proc/self/map_files/%lx-%lx", first, first + 4096);
	CHECK(open(name, O_RDWR) < 0 && open(name, O_RDONLY) < 0);
	snprintf(name, sizeof(name), "/proc/self/map_files/%llx-%llx", CHAN_AT(0),
		 CHAN_AT(0) + CHAN_SLOT_SIZE);
	CHECK(open(name, O_RDWR) < 0 && open(name, O_RDONLY) < 0);
}

static void handles(void)
{
	int own = own_file(), fd;
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", own);
	fd = by_handle(name, O_RDWR);
	if (fd < 0)
		printf("no handles: %s\n", strerror(errno));
	CHECK(fd < 0 || is_own(fd));
	for (int i = 0; i < RUN_NR_FDS; i++) {
		snprintf(name, sizeof(name), "//proc/self/fd/%d", (int)INFO->fd_base + i);
		CHECK(is_program(i) || by_handle(name, O_RDWR) < 0);
	}
}

static void programs(void)
{
	char *argv[] = {"x", NULL}, name[64];

	for (int i = 0; i < RUN_NR_FDS; i++) {
		snprintf(name, sizeof(name), "//proc/self/fd/%d", (int)INFO->fd_base + i);
		CHECK(is_program(i) || execve(name, argv, argv) < 0);
	}
}

static void memory(void)
{
	char name[64];

	FAILS(open("/proc/self/mem", O_RDWR), EACCES);
	FAILS(open("//proc/self/mem", O_RDWR), EACCES);
	snprintf(name, sizeof(name), "/proc/self/task/%d/mem", gettid());
	FAILS(open(name, O_WRONLY), EACCES);
}

static volatile int done;

/* What the stub has open for a moment under the first free number has no bytes to be had: it is a
 * directory of /proc, or a text of it. */
static void *watch(void *arg)
{
	int first = *(int *)arg;
	struct stat st;

	while (!done)
		CHECK(fstat(first, &st) || !S_ISREG(st.st_mode) || !st.st_size);
	return NULL;
}

/* Nor is one of ours open for a moment, until it has been looked at. */
static void moment(void)
{
	int first = dup(0);
	char name[64];
	pthread_t t;

	close(first);
	CHECK(pthread_create(&t, NULL, watch, &first) == 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "//proc/self/fd/%d", (int)INFO->fd_base + RUN_FD_RAM);
		CHECK(open(name, O_RDWR) < 0);
	}
	done = 1;
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"spellings", spellings}, {"other_guest", other_guest}, {"mounts", mounts},
	    {"map_files", map_files}, {"handles", handles},         {"programs", programs},
	    {"memory", memory},       {"moment", moment},           {NULL, NULL},
	};

	return reach(cases, argc > 1 ? argv[1] : NULL);
}
