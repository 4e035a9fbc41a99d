/* SPDX-License-Identifier: MIT */
/*
 * reach_names.c CASE: calls that change, or hold on to, what a name leads to, on names that lead to
 * the stub's objects; and that the same calls by the same kinds of name do it to the guest's own.
 */
#include "reach.h"

#include <linux/fanotify.h>
#include <pthread.h>
#include <sys/acct.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <utime.h>

static char dir[] = "/tmp/reach_XXXXXX";

static long by_chmod(const char *name)
{
	return chmod(name, 0600);
}

static long by_fchmodat(const char *name)
{
	return syscall(SYS_fchmodat, AT_FDCWD, name, 0600);
}

static long by_fchmodat2(const char *name)
{
	return syscall(452, AT_FDCWD, name, 0600, 0);
}

static long by_chown(const char *name)
{
	return chown(name, geteuid(), getegid());
}

static long by_fchownat(const char *name)
{
	return fchownat(AT_FDCWD, name, geteuid(), getegid(), 0);
}

static long by_utime(const char *name)
{
	return utime(name, &(struct utimbuf){1, 2});
}

static long by_utimes(const char *name)
{
	return utimes(name, (struct timeval[2]){{1, 0}, {2, 0}});
}

static long by_futimesat(const char *name)
{
	return syscall(SYS_futimesat, AT_FDCWD, name, NULL);
}

static long by_utimensat(const char *name)
{
	return utimensat(AT_FDCWD, name, NULL, 0);
}

static long by_truncate(const char *name)
{
	return truncate(name, 4096);
}

static long by_inotify(const char *name)
{
	int fd = inotify_init();
	long r = inotify_add_watch(fd, name, IN_OPEN);

	close(fd);
	return r;
}

static long by_open_tree(const char *name)
{
	long fd = syscall(SYS_open_tree, AT_FDCWD, name, 0);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long by_setxattr(const char *name)
{
	return setxattr(name, "user.reach", "x", 1, 0);
}

static long by_link(const char *name)
{
	char to[64];
	long r;

	snprintf(to, sizeof(to), "%s/linked", dir);
	r = linkat(AT_FDCWD, name, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
	unlink(to);
	return r;
}

static long by_acct(const char *name)
{
	long r = acct(name);

	if (!r)
		acct(NULL);
	return r;
}

static long by_swapon(const char *name)
{
	return swapon(name, 0);
}

static long by_fanotify(const char *name)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDWR);
	long r = fd;

	if (fd >= 0) {
		r = fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS, AT_FDCWD, name);
		close(fd);
	}
	return r;
}

/* for_own: it works on a file without a name, for everybody. */
static const struct way {
	long (*call)(const char *name);
	bool for_own;
} ways[] = {{by_chmod, true},     {by_fchmodat, true}, {by_fchmodat2, true}, {by_chown, true},
	    {by_fchownat, true},  {by_utime, true},    {by_utimes, true},    {by_futimesat, true},
	    {by_utimensat, true}, {by_truncate, true}, {by_inotify, true},   {by_open_tree, false},
	    {by_setxattr, false}, {by_link, false},    {by_acct, false},     {by_swapon, false},
	    {by_fanotify, false}};

/* By its errno: a name that is nothing.  Other errors come from what was found. */
static void expect(const char *name, bool own)
{
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		long r = ways[i].call(name);

		if (own ? ways[i].for_own && r < 0
			: r >= 0 || (errno != ENOENT && errno != EPERM)) {
			printf("FAILED %s: way %u is %ld, errno %d\n", name, i, r, errno);
			failures++;
		}
	}
}

static void expect_in(const char *at)
{
	int own = own_file();
	char name[300], link[300];

	snprintf(name, sizeof(name), "%s/%d", at, own);
	expect(name, true);
	for (int i = 0; i < RUN_NR_FDS; i++) {
		if (is_program(i))
			continue;
		snprintf(name, sizeof(name), "%s/%d", at, (int)INFO->fd_base + i);
		expect(name, false);
		snprintf(link, sizeof(link), "%s/link", dir);
		CHECK(symlink(name, link) == 0);
		expect(link, false);
		unlink(link);
	}
	close(own);
}

/* Of the stub's image, on which every execve depends: by a name that may tell. */
static mode_t mode_of(int i)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "//proc/self/fd/%d", (int)INFO->fd_base + i);
	CHECK(stat(name, &st) == 0);
	return st.st_mode;
}

static void changed(void)
{
	static const char *const spelled[] = {"/proc/self/fd", "//proc/self/fd",
					      "/proc/thread-self/fd", "/dev/fd",
					      "/proc/self/cwd/proc/self/fd"};
	mode_t before = mode_of(RUN_FD_STUB);

	CHECK(mkdtemp(dir) != NULL && chdir("/") == 0);
	for (unsigned i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++)
		expect_in(spelled[i]);
	CHECK(mode_of(RUN_FD_STUB) == before);
	CHECK(system("true") == 0);
	rmdir(dir);
}

/* With no descriptor left: none of these calls needs one. */
static void full(void)
{
	struct rlimit r = {20, 20};
	int own = own_file(), fd;
	mode_t before = mode_of(RUN_FD_STUB);
	char file[64], name[64];

	CHECK(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/file", dir);
	put_text(file, "x");
	r.rlim_max = INFO->fd_base + RUN_NR_FDS;
	CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
	while ((fd = dup(own)) >= 0)
		;
	CHECK(errno == EMFILE);
	CHECK(chmod(file, 0640) == 0 && truncate(file, 0) == 0 && utimes(file, NULL) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", own);
	CHECK(chmod(name, 0640) == 0);
	for (int i = 0; i < RUN_NR_FDS; i++) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", (int)INFO->fd_base + i);
		CHECK(is_program(i) || chmod(name, 0) < 0);
	}
	CHECK(mode_of(RUN_FD_STUB) == before);
	unlink(file);
	rmdir(dir);
}

/* ---- a name that means another thing in the moment of the call */

static volatile int done;

static void *swap(void *arg)
{
	char a[300], b[300], link[300], name[64];
	int own = *(int *)arg;

	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	while (!done) {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", own);
		CHECK(symlink(name, a) == 0 && rename(a, link) == 0);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", (int)INFO->fd_base + RUN_FD_STUB);
		CHECK(symlink(name, b) == 0 && rename(b, link) == 0);
	}
	return NULL;
}

static void swapped(void)
{
	mode_t before = mode_of(RUN_FD_STUB);
	int own = own_file(), done_own = 0;
	char link[300];
	pthread_t t;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(link, sizeof(link), "%s/link", dir);
	CHECK(pthread_create(&t, NULL, swap, &own) == 0);
	while (done_own < 2000)
		done_own += chmod(link, 0600) == 0;
	done = 1;
	pthread_join(t, NULL);
	CHECK(mode_of(RUN_FD_STUB) == before);
	unlink(link);
	rmdir(dir);
}

/* ---- events that carry descriptors */

static int listener(void)
{
	return fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE);
}

static void drain(int fd)
{
	struct fanotify_event_metadata events[16];
	ssize_t n = read(fd, events, sizeof(events));

	for (struct fanotify_event_metadata *e = events; FAN_EVENT_OK(e, n);
	     e = FAN_EVENT_NEXT(e, n)) {
		printf("FAILED: an event %llx with descriptor %d\n", (unsigned long long)e->mask,
		       e->fd);
		failures++;
		close(e->fd);
	}
}

/* By its name and as a descriptor. */
static void refuse_mark(const char *name, unsigned flags)
{
	int fd = listener(), what = open(name, O_RDONLY);
	uint64_t mask = FAN_OPEN | FAN_CLOSE;

	if (flags == FAN_MARK_ADD)
		mask |= FAN_EVENT_ON_CHILD;
	FAILS(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, name), EINVAL);
	if (what >= 0) {
		FAILS(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, what, NULL), EINVAL);
		close(what);
	}
	drain(fd);
	close(fd);
}

static void events(void)
{
	static const char *const files[] = {"maps", "mem", "environ", "status", "task", ""};
	int fd = listener(), own = own_file();
	char name[64];

	if (fd < 0) {
		printf("no fanotify: %s\n", strerror(errno));
		return;
	}
	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "/proc/%u/%s", INFO->supervisor_pid, files[i]);
		refuse_mark(name, 0);
	}
	refuse_mark("/proc", FAN_MARK_MOUNT);
	refuse_mark("/proc/self", FAN_MARK_FILESYSTEM);
	/* Where the supervisor's objects are too. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", own);
	refuse_mark(name, FAN_MARK_FILESYSTEM);
	refuse_mark(name, FAN_MARK_MOUNT);
	/* The guest's own, as ever. */
	CHECK(fanotify_mark(fd, FAN_MARK_ADD, FAN_ACCESS, AT_FDCWD, name) == 0);
	CHECK(fanotify_mark(fd, FAN_MARK_ADD, FAN_ACCESS, own, NULL) == 0);
	CHECK(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_MODIFY, AT_FDCWD, "/") == 0);
	CHECK(fanotify_mark(fd, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL) == 0);
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {{"changed", changed},
						 {"full", full},
						 {"swapped", swapped},
						 {"events", events},
						 {NULL, NULL}};

	return reach(cases, argc > 1 ? argv[1] : NULL);
}
