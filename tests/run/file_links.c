/* SPDX-License-Identifier: MIT */
/*
 * file_links.c: names that lead through many links, round in circles, or through those of /proc.
 */
#include "stub_test.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <utime.h>

#define ONE 210 /* a descriptor of "f" */
#define DIR_FD 211
#define LINK_FD 212 /* of a link itself */

static char dir[] = "/tmp/file_links_XXXXXX";

static void make(void)
{
	char name[16], to[16] = "/proc/self/fd";

	CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
	CHECK(mkdir("d", 0755) == 0 && symlink("round", "circle") == 0 &&
	      symlink("circle", "round") == 0 && symlink("f", "link") == 0);
	CHECK(dup2(open("f", O_CREAT | O_RDWR, 0700), ONE) == ONE);
	CHECK(dup2(open("d", O_RDONLY), DIR_FD) == DIR_FD);
	CHECK(dup2(open("link", O_PATH | O_NOFOLLOW), LINK_FD) == LINK_FD);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		CHECK(symlink(to, name) == 0);
		memcpy(to, name, sizeof(to));
	}
}

static void clean(void)
{
	char line[64];

	CHECK(chdir("/") == 0);
	snprintf(line, sizeof(line), "rm -r %s", dir);
	CHECK(system(line) == 0);
}

static void all_fail(const char *name, int error)
{
	char *argv[] = {"x", NULL};

	FAILS(open(name, O_RDONLY), error);
	FAILS(open(name, O_PATH | O_DIRECTORY), error);
	FAILS(chmod(name, 0700), error);
	FAILS(chown(name, 0, 0), error);
	FAILS(utime(name, NULL), error);
	FAILS(setxattr(name, "user.links", "x", 1, 0), error);
	FAILS(truncate(name, 0), error);
	FAILS(execv(name, argv), error);
}

static void circles(void)
{
	all_fail("circle", ELOOP);
	all_fail("circle/", ELOOP);
	all_fail("circle/f", ELOOP);
	all_fail("d/../round/f", ELOOP);
	FAILS(open("circle", O_RDONLY | O_NOFOLLOW), ELOOP);
	FAILS(open("circle/f", O_RDONLY | O_NOFOLLOW), ELOOP);
}

/* It is the link that is open, not what it leads to. */
static void links_that_are_open(void)
{
	char name[] = "/proc/self/fd/212";
	struct stat st;
	int fd = open(name, O_PATH);

	FAILS(open(name, O_RDONLY), ELOOP);
	FAILS(open(name, O_RDWR), ELOOP);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode));
	close(fd);
}

/* Of 40, of which the descriptor's own and /proc/self are two. */
static void chains(void)
{
	int fd = open("chain38/210", O_RDWR);

	CHECK(fd >= 0);
	close(fd);
	FAILS(open("chain39/210", O_RDWR), ELOOP);
	FAILS(open("chain41/210", O_RDWR), ELOOP);
	CHECK(chmod("chain38/210", 0700) == 0);
	FAILS(chmod("chain39/210", 0700), ELOOP);
}

/* A slash at the end asks for a directory, and nothing in it. */
static void slashes(void)
{
	int fd;

	CHECK(chmod("/proc/self/fd/211/", 0600) == 0 && chmod("/proc/self/fd/211//", 0600) == 0);
	FAILS(chmod("/proc/self/fd/210/", 0600), ENOTDIR);
	FAILS(open("/proc/self/exe/", O_RDONLY), ENOTDIR);
	FAILS(open("/proc/self/fd/211", O_RDONLY | O_NOFOLLOW), ELOOP);
	fd = open("/proc/self/fd/211/", O_RDONLY | O_NOFOLLOW);
	CHECK(fd >= 0);
	close(fd);
	if (geteuid()) {
		FAILS(chmod("/proc/self/fd/211/.", 0600), EACCES);
	} else if (!fork()) {
		CHECK(chown("d", 1234, 1234) == 0 && setresuid(1234, 1234, 1234) == 0);
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* to whom /proc/self belongs */
		CHECK(chmod("/proc/self/fd/211/", 0600) == 0);
		FAILS(chmod("/proc/self/fd/211/.", 0600), EACCES);
		fflush(stdout);
		_exit(failures != 0);
	} else {
		int status;

		CHECK(wait(&status) > 0 && status == 0);
	}
}

int main(void)
{
	make();
	circles();
	links_that_are_open();
	chains();
	slashes();
	clean();
	return failures != 0;
}
