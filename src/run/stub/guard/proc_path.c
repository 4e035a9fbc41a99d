/* SPDX-License-Identifier: MIT */
/*
 * proc_path.c: see proc_path.h.  Paths are recognised in their plain spelling, absolute; others
 * by what the host calls the file once it is open (judge.c).
 */
#include "run/stub/guard/proc_path.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/guard/look.h"
#include "run/stub/link/rpc.h"
#include "run/wire/requests.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>

static const struct {
	const char *name;
	int which;
} texts[] = {
    {"maps", PROC_MAPS},       {"smaps", PROC_SMAPS},         {"smaps_rollup", PROC_SMAPS_ROLLUP},
    {"pagemap", PROC_PAGEMAP}, {"status", PROC_STATUS},       {"statm", PROC_STATM},
    {"stat", PROC_STAT},       {"numa_maps", PROC_NUMA_MAPS}, {"oom_score", PROC_OOM_SCORE},
    {"mounts", PROC_MOUNTS},   {"mountinfo", PROC_MOUNTINFO},
};

/* "/proc/<who>/[task/<tid>/]rest": rest, or NULL. */
static const char *split(const char *path, int64_t *pid)
{
	const char *p = path + 6;
	int64_t tid;

	if (!str_starts(path, "/proc/"))
		return NULL;
	if (str_starts(p, "self/")) {
		*pid = sys(__NR_getpid);
		p += 5;
	} else if (str_starts(p, "thread-self/")) {
		*pid = sys(__NR_gettid);
		p += 12;
	} else if (!str_number(&p, pid) || *p++ != '/') {
		return NULL;
	}
	if (str_starts(p, "task/")) {
		p += 5;
		if (!str_number(&p, &tid) || *p++ != '/')
			return NULL;
		*pid = tid;
	}
	return p;
}

int proc_text_named(const char *rest, int64_t pid)
{
	if (!pid && str_equal(rest, "meminfo"))
		return PROC_MEMINFO;
	if (!pid && str_equal(rest, "shm")) /* in sysvipc: no other directory has one */
		return PROC_SYSVIPC_SHM;
	for (unsigned i = 0; pid && i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (str_equal(rest, texts[i].name))
			return texts[i].which < PROC_MOUNTS || INFO->huge_mounts ? texts[i].which
										 : -1;
	}
	return -1;
}

/* The component before `end`, which is a '/' or the string's end: where it begins. */
static const char *component(const char *name, const char *end)
{
	while (end > name && end[-1] != '/')
		end--;
	return end;
}

/* "<pid>/rest" or "<pid>/task/<tid>/rest": of the latter the thread's number serves as well. */
const char *proc_file_of(const char *name, int64_t *pid)
{
	const char *rest = component(name, name + str_len(name)), *p;

	*pid = 0;
	if (rest > name + 1) {
		p = component(name, rest - 1);
		if (!str_number(&p, pid) || *p != '/')
			*pid = 0;
	}
	return rest;
}

bool proc_leads_to(const char *link, int64_t fd)
{
	struct statfs fs;
	struct stat to, st;

	return sys(__NR_statfs, "/proc/self/fd", &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC &&
	       sys(__NR_stat, link, &to) == 0 && sys(__NR_fstat, fd, &st) == 0 &&
	       same_object(&to, &st);
}

static const char *skip_hex(const char *p)
{
	while ((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))
		p++;
	return p;
}

bool proc_is_range(const char *name)
{
	const char *p = skip_hex(name);

	return p > name && *p == '-' && p[1] && !*skip_hex(p + 1);
}

bool fd_host_name(int64_t fd, char name[PATH_BYTES])
{
	char link[FD_PATH];
	int64_t n;

	fd_path(link, (uint64_t)fd);
	n = proc_leads_to(link, fd) ? sys(__NR_readlink, link, name, PATH_BYTES - 16) : 0;
	name[n > 0 ? n : 0] = 0;
	return n > 0;
}

bool fd_is_mount(int64_t fd)
{
	struct statx x;

	return sys(__NR_statx, fd, "", AT_EMPTY_PATH, 0, &x) == 0 &&
	       (x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

uint64_t fd_file_system(int64_t fd)
{
	struct statfs64 fs;

	return sys(__NR_fstatfs, fd, &fs) ? 0 : (uint64_t)fs.f_type;
}

bool fd_in_proc(int64_t fd)
{
	return fd_file_system(fd) == PROC_SUPER_MAGIC;
}

bool proc_read_path(uint64_t addr, char buf[PROC_SHORT_PATH])
{
	int64_t n = guest_strnlen(addr, PROC_SHORT_PATH);

	return n > 6 && n < PROC_SHORT_PATH && !guest_read(buf, addr, (uint64_t)n + 1) &&
	       (str_starts(buf, "/proc/") || str_starts(buf, "/dev/fd/"));
}

bool proc_lists_fds(const char *path, int64_t *pid)
{
	const char *rest = split(path, pid);

	return rest && (str_equal(rest, "fd") || str_equal(rest, "fdinfo"));
}

bool proc_names_ours(struct thread *t, const char *path)
{
	int64_t pid = 0, fd;
	const char *p = split(path, &pid);

	if (str_starts(path, "/dev/fd/"))
		p = path + 8;
	else if (p && str_starts(p, "fd/"))
		p += 3;
	else if (p && str_starts(p, "fdinfo/"))
		p += 7;
	else
		return false;
	if (!str_number(&p, &fd) || *p || !fd_is_ours((uint64_t)fd))
		return false;
	return !pid || rpc(t, OP_IS_GUEST, (uint64_t)pid) == 0;
}

bool proc_exe_of(struct thread *t, const char *path, char link[PROC_LINK])
{
	int64_t pid;
	const char *rest = split(path, &pid);

	if (!rest || !str_equal(rest, "exe") || rpc(t, OP_IS_GUEST, (uint64_t)pid))
		return false;
	link = str_put(str_put_number(str_put(link, "/proc/"), (uint64_t)pid), "/fd/");
	str_put_number(link, (uint64_t)RUN_FD(RUN_FD_EXE));
	return true;
}
