/* SPDX-License-Identifier: MIT */
/*
 * test_cgroup.c: limits of memory cgroups, in trees of files as proc(5) and cgroups(7) have them.
 */
#include "unit.h"

#include "run/base/cgroup.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/quire-cgroup-XXXXXX";

/* Directories on the way are made. */
static void put(const char *path, const char *text)
{
	char name[600];
	FILE *f;

	snprintf(name, sizeof(name), "%s%s", root, path);
	for (char *p = name + strlen(root) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(name, 0700);
	}
	f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define V1_MOUNT "30 25 0:26 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
#define V1_OTHER "29 25 0:25 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
#define V2_MOUNT "24 22 0:21 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void version_1(void **state)
{
	(void)state;
	put("/proc/self/mountinfo", V1_OTHER V1_MOUNT);
	put("/proc/self/cgroup", "5:cpu,cpuacct:/c\n4:memory:/a/b\n0::/c\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "500000000\n");
	assert_int_equal(cgroup_memory_limit(root), 500000000);
	/* One further up counts as well. */
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "400000000\n");
	assert_int_equal(cgroup_memory_limit(root), 400000000);
	/* Others' do not. */
	put("/sys/fs/cgroup/memory/a/c/memory.limit_in_bytes", "1\n");
	put("/sys/fs/cgroup/cpu/a/b/memory.limit_in_bytes", "1\n");
	assert_int_equal(cgroup_memory_limit(root), 400000000);
}

static void version_2(void **state)
{
	(void)state;
	put("/proc/self/mountinfo", V2_MOUNT);
	put("/proc/self/cgroup", "0::/user.slice/session\n");
	put("/sys/fs/cgroup/user.slice/session/memory.max", "max\n");
	assert_true(cgroup_memory_limit(root) == UINT64_MAX);
	put("/sys/fs/cgroup/user.slice/memory.max", "300000000\n");
	assert_int_equal(cgroup_memory_limit(root), 300000000);
	put("/sys/fs/cgroup/user.slice/session/memory.max", "200000000\n");
	assert_int_equal(cgroup_memory_limit(root), 200000000);
}

/* Both at once: the unified hierarchy beside version 1's has no controller of memory. */
static void hybrid(void **state)
{
	(void)state;
	put("/proc/self/mountinfo",
	    V1_MOUNT "31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("/proc/self/cgroup", "4:memory:/\n0::/x\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "123456789\n");
	put("/sys/fs/cgroup/unified/x/cgroup.procs", "1\n");
	assert_int_equal(cgroup_memory_limit(root), 123456789);
}

/* In a container the mount begins at its own group, whose path the host has given. */
static void container(void **state)
{
	(void)state;
	put("/proc/self/mountinfo",
	    "40 25 0:26 /docker/1f /sys/fs/cgroup/memory ro master:9 - cgroup cgroup rw,memory\n");
	put("/proc/self/cgroup", "4:memory:/docker/1f/job\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "64000000\n");
	put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "99000000\n");
	assert_int_equal(cgroup_memory_limit(root), 64000000);
	put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "32000000\n");
	assert_int_equal(cgroup_memory_limit(root), 32000000);
	/* A group of that name's beginning, and one outside of the mount: its top is all we see. */
	put("/proc/self/cgroup", "4:memory:/docker/1foo\n");
	assert_int_equal(cgroup_memory_limit(root), 64000000);
	put("/proc/self/cgroup", "4:memory:/../other\n");
	assert_int_equal(cgroup_memory_limit(root), 64000000);
}

static void none(void **state)
{
	(void)state;
	assert_true(cgroup_memory_limit(root) == UINT64_MAX);
	put("/proc/self/mountinfo", V2_MOUNT "garbage\n\n1 2 - \n");
	put("/proc/self/cgroup", "garbage\n0:\n::\n");
	assert_true(cgroup_memory_limit(root) == UINT64_MAX);
}

#define test(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    test(version_1), test(version_2), test(hybrid), test(container), test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
