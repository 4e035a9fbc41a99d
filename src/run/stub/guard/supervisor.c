/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c: is it the supervisor that a number, or a directory of /proc, names?
 *
 * It is not dumpable, which keeps ordinary users out; a guest with root's privileges is refused
 * here.
 */
#include "run/stub/guard/supervisor.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/wire/run_info.h"
#include "run/wire/sys.h"

#include <asm/stat.h>
#include <linux/fcntl.h>

#define MOST_LEVELS 10
#define PROC_ROOT_INO 1
#define DIRENT64_BYTES 16
#define DIRENT64_NAME 19

bool pid_is_supervisors(int64_t pid)
{
	int32_t tid = (int32_t)pid, tgid = (int32_t)INFO->supervisor_pid;
	int64_t r;

	if (tid <= 0)
		return false;
	if (tid == tgid)
		return true;
	/* Signal 0 asks whether the thread is that process's. */
	r = sys(__NR_tgkill, tgid, tid, 0);
	return r == 0 || r == -EPERM;
}

int64_t read_small(int64_t fd, char *text, uint64_t bytes)
{
	int64_t n = sys(__NR_read, fd, text, bytes - 1);

	text[n > 0 ? n : 0] = 0;
	return n;
}

int64_t text_number(const char *text, const char *field)
{
	int64_t number;

	for (const char *p = text; *p; p++) {
		if ((p == text || p[-1] == '\n') && str_starts(p, field)) {
			p += str_len(field);
			while (*p == ' ' || *p == '\t')
				p++;
			return str_number(&p, &number) ? number : 0;
		}
	}
	return 0;
}

/* Of an open directory of threads: the first one's number; 0: it is another directory. */
static int64_t first_thread(int64_t fd)
{
	char list[256];
	int64_t n = sys(__NR_getdents64, fd, list, sizeof(list)), number;
	uint16_t bytes;

	for (int64_t at = 0; at < n; at += bytes) {
		const char *name = list + at + DIRENT64_NAME;

		memcpy(&bytes, list + at + DIRENT64_BYTES, sizeof(bytes));
		if (*name != '.')
			return str_number(&name, &number) && !*name ? number : 0;
	}
	return 0;
}

/* The directory that leads there from RUN_FD_LOOK is a procfs's first one, whole. */
static bool is_root(const char *up)
{
	struct stat st, at;

	return sys(__NR_fstat, RUN_FD(RUN_FD_LOOK), &at) == 0 &&
	       sys(__NR_newfstatat, RUN_FD(RUN_FD_LOOK), up, &st, 0) == 0 &&
	       st.st_dev == at.st_dev && st.st_ino == PROC_ROOT_INO;
}

/* A thread is found by its number among those of its own process alone. */
static int64_t own_process(char *up, char *end)
{
	struct open_how how = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
			       RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	int64_t pid = sys(__NR_getpid), fd;

	str_put_number(str_put(end, "task/"), (uint64_t)pid);
	fd = sys(__NR_openat2, RUN_FD(RUN_FD_LOOK), up, &how, sizeof(how));
	if (fd < 0)
		return 0;
	sys(__NR_close, fd);
	return pid;
}

/*
 * By the list of threads in it, or in a directory above it, in the same mount: names tell nothing,
 * for another directory may be mounted there.
 */
int64_t look_process(void)
{
	struct open_how how = {O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			       RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	char up[3 * MOST_LEVELS + sizeof("task/") + 20], *end = up;
	int64_t fd, pid = 0;

	for (int i = 0; i < MOST_LEVELS && pid == 0; i++) {
		str_put(end, "task");
		fd = sys(__NR_openat2, RUN_FD(RUN_FD_LOOK), up, &how, sizeof(how));
		if (fd == -EACCES)
			return own_process(up, end);
		if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
			return 0;
		if (fd >= 0) {
			pid = first_thread(fd);
			sys(__NR_close, fd);
		}
		str_put(end, ".");
		if (pid == 0 && is_root(up))
			return NO_PROCESS;
		end = str_put(end, "../");
	}
	return pid;
}
