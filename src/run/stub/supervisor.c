/* SPDX-License-Identifier: MIT */
/*
 * supervisor.c: is it the supervisor that a number, or a directory of /proc, names?
 *
 * It is not dumpable, which keeps ordinary users out; a guest with root's privileges is refused
 * here.
 */
#include "guard.h"

#include <linux/fcntl.h>

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

/*
 * By the text beside it, or one directory up, in the same mount: names tell nothing, for another
 * directory may be mounted there.
 */
int64_t look_process(void)
{
	static const char *const beside[] = {"status", "../status"};
	struct open_how how = {O_RDONLY | O_CLOEXEC, 0, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	char text[1024];
	int64_t fd = -ENOENT, n;

	for (int i = 0; i < 2 && fd == -ENOENT; i++)
		fd = sys(__NR_openat2, RUN_FD(RUN_FD_LOOK), beside[i], &how, sizeof(how));
	if (fd < 0)
		return 0;
	n = read_small(fd, text, sizeof(text));
	sys(__NR_close, fd);
	return n > 0 ? text_number(text, "Tgid:") : 0;
}
