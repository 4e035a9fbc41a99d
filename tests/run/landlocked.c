/* SPDX-License-Identifier: MIT */
/*
 * landlocked.c: a program that has forbidden itself to read anything but one directory: what it has
 * open it still opens anew by its names below /proc, which it may not read.
 */
#include "stub_test.h"

#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static char dir[] = "/tmp/landlocked_XXXXXX";

static int text_file(void)
{
	char name[64];
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(name, sizeof(name), "%s/text", dir);
	fd = open(name, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && write(fd, "text", 4) == 4);
	return fd;
}

/* False: not on this host. */
static bool allow_only_dir(void)
{
	struct landlock_ruleset_attr all = {LANDLOCK_ACCESS_FS_READ_FILE |
					    LANDLOCK_ACCESS_FS_READ_DIR};
	struct landlock_path_beneath_attr rule = {all.handled_access_fs, open(dir, O_PATH)};
	int set = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all.handled_access_fs), 0);

	if (set < 0) {
		printf("no Landlock: %s\n", strerror(errno));
		return false;
	}
	CHECK(syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(syscall(SYS_landlock_restrict_self, set, 0) == 0);
	close(rule.parent_fd);
	close(set);
	return !failures;
}

static void open_anew(const char *where, int fd)
{
	char name[80], text[8] = "";
	int again;

	snprintf(name, sizeof(name), "%s/%d", where, fd);
	again = open(name, O_RDONLY);
	CHECK(again >= 0 && pread(again, text, 4, 0) == 4 && !strcmp(text, "text"));
	close(again);
}

static void names(int fd)
{
	char threads[64];

	snprintf(threads, sizeof(threads), "/proc/%d/task/%d/fd", getpid(), getpid());
	open_anew("/proc/self/fd", fd);
	open_anew("/proc/thread-self/fd", fd);
	open_anew("/dev/fd", fd);
	open_anew(threads, fd);
	/* The others are as forbidden as ever. */
	FAILS(open("/proc/self/status", O_RDONLY), EACCES);
	FAILS(open("/proc/self/exe", O_RDONLY), EACCES);
	FAILS(open("/proc/self/fd", O_RDONLY), EACCES);
}

int main(void)
{
	int fd = text_file();
	char name[64];

	if (allow_only_dir())
		names(fd);
	snprintf(name, sizeof(name), "%s/text", dir);
	unlink(name);
	rmdir(dir);
	return failures != 0;
}
