/* SPDX-License-Identifier: MIT */
/*
 * path_errors.c: calls on a name that leads nowhere, with other arguments that are wrong as well:
 * the kernel looks at those first.
 */
#include "stub_test.h"

#include <sys/acct.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/xattr.h>

static void times(const char *name)
{
	struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};

	CHECK(utimensat(AT_FDCWD, name, omit, 0) == 0);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, name, NULL, 0x7000), EINVAL);
	FAILS(syscall(SYS_utimensat, AT_FDCWD, name, 8, 0), EFAULT);
	FAILS(syscall(SYS_utimes, name, 8), EFAULT);
	FAILS(syscall(SYS_utime, name, 8), EFAULT);
}

static void attributes(const char *name)
{
	static char big[100000];

	FAILS(setxattr(name, "user.x", "v", 1, 77), EINVAL);
	FAILS(setxattr(name, "user.x", big, sizeof(big), 0), E2BIG);
	FAILS(syscall(SYS_setxattr, name, 8, "v", 1, 0), EFAULT);
	FAILS(syscall(SYS_setxattr, name, "user.x", 8, 1, 0), EFAULT);
	FAILS(setxattr(name, "", "v", 1, 0), ERANGE);
}

static void flags(const char *name)
{
	int fd = inotify_init();

	FAILS(syscall(SYS_fchownat, AT_FDCWD, name, -1, -1, 1), EINVAL);
	FAILS(syscall(SYS_open_tree, AT_FDCWD, name, 2), EINVAL);
	FAILS(linkat(AT_FDCWD, name, AT_FDCWD, "to", AT_SYMLINK_FOLLOW | 1), EINVAL);
	FAILS(truncate(name, -1), EINVAL);
	FAILS(inotify_add_watch(900, name, IN_OPEN), EBADF);
	FAILS(inotify_add_watch(0, name, IN_OPEN), EINVAL);
	FAILS(inotify_add_watch(fd, name, IN_MASK_ADD | IN_MASK_CREATE), EINVAL);
	FAILS(fanotify_mark(900, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, name), EBADF);
	close(fd);
}

/* To whom they are forbidden, whatever the name. */
static void privileges(const char *name)
{
	int status;

	fflush(stdout);
	if (!fork()) {
		CHECK(!setresuid(1234, 1234, 1234) || geteuid());
		FAILS(acct(name), EPERM);
		FAILS(swapon(name, 0), EPERM);
		FAILS(swapoff(name), EPERM);
		fflush(stdout);
		_exit(failures != 0);
	}
	CHECK(wait(&status) > 0 && status == 0);
}

/* And where nothing else is wrong it is the name. */
static void plainly(const char *name, int error)
{
	FAILS(chmod(name, 0600), error);
	FAILS(truncate(name, 0), error);
	FAILS(utimensat(AT_FDCWD, name, NULL, 0), error);
	FAILS(setxattr(name, "user.x", "v", 1, 0), error);
}

int main(void)
{
	static const char *const names[] = {"/none", "/none/x", "/dev/null/x", "/proc/self/fd/900"};
	int null = open("/dev/null", O_RDWR);

	CHECK(null >= 0 && dup2(null, 0) == 0);
	for (int i = 0; i < 4; i++) {
		times(names[i]);
		attributes(names[i]);
		flags(names[i]);
		privileges(names[i]);
		plainly(names[i], i == 2 ? ENOTDIR : ENOENT);
	}
	return failures != 0;
}
