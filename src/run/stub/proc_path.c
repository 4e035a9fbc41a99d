/* SPDX-License-Identifier: MIT */
/*
 * proc_path.c: see proc_path.h.  Only absolute paths in their plain spelling are recognised.
 */
#include "proc_path.h"

static const struct {
	const char *name;
	int which;
} texts[] = {
    {"maps", PROC_MAPS},       {"smaps", PROC_SMAPS},         {"smaps_rollup", PROC_SMAPS_ROLLUP},
    {"pagemap", PROC_PAGEMAP}, {"status", PROC_STATUS},       {"statm", PROC_STATM},
    {"stat", PROC_STAT},       {"numa_maps", PROC_NUMA_MAPS}, {"oom_score", PROC_OOM_SCORE},
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

int proc_text_of(const char *path, int64_t *pid)
{
	const char *rest;

	*pid = 0;
	if (str_equal(path, "/proc/meminfo"))
		return PROC_MEMINFO;
	if (str_equal(path, "/proc/sysvipc/shm"))
		return PROC_SYSVIPC_SHM;
	rest = split(path, pid);
	for (unsigned i = 0; rest && i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (str_equal(rest, texts[i].name))
			return texts[i].which;
	}
	return -1;
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
