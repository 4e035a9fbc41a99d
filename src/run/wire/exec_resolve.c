/* SPDX-License-Identifier: MIT */
/*
 * exec_resolve.c: see exec_resolve.h.  No libc: raw system calls, -errno.
 *
 * Rules of `#!` (execve(2) and what the kernel does): the line ends at a newline within the first
 * 256 bytes, or after 255 of them; blanks around are dropped; the rest after the interpreter's name
 * is one argument. A name that is cut off there is ENOEXEC.
 */
#include "run/wire/exec_resolve.h"

#include "run/wire/sys.h"

#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/elf.h>
#include <linux/fcntl.h>
#include <stddef.h>

#define INTERP_MAX 4096
#define PHDR_MAX 65536u
#define MODE_TYPE 0170000u
#define MODE_REGULAR 0100000u
#define OPEN_FLAGS (O_RDONLY | O_NOCTTY | O_NONBLOCK)

static int close_with(int fd, int err)
{
	sys(__NR_close, fd);
	return err;
}

/* Execute permission by the effective ids; EACCES on a mount without it too. */
static int check_executable(int fd)
{
	struct stat st;
	int64_t r = sys(__NR_fstat, fd, &st);

	if (r)
		return (int)r;
	if ((st.st_mode & MODE_TYPE) != MODE_REGULAR)
		return -EACCES;
	r = sys(__NR_faccessat2, fd, "", 1 /* X_OK */, AT_EMPTY_PATH | AT_EACCESS);
	if (r == -ENOSYS || r == -EPERM)
		r = st.st_mode & 0111 ? 0 : -EACCES;
	return r ? -EACCES : 0;
}

#define LINK_BYTES 40

static void link_of(int fd, char name[LINK_BYTES])
{
	static const char dir[] = "/proc/thread-self/fd/";
	unsigned n = sizeof(dir) - 1, digits = 1;

	for (unsigned i = 0; i < LINK_BYTES; i++)
		name[i] = i < n ? dir[i] : 0;
	for (int k = fd; k >= 10; k /= 10)
		digits++;
	for (unsigned i = digits; i-- > 0; fd /= 10)
		name[n + i] = (char)('0' + fd % 10);
}

/* AT_EMPTY_PATH: the descriptor itself, opened anew (it may be O_PATH, or shared). */
static int64_t reopen(exec_open_fn open, int fd)
{
	char name[LINK_BYTES];

	if (fd == AT_FDCWD) /* a directory, which is not executed */
		return -EACCES;
	if (sys(__NR_fcntl, fd, F_GETFD) < 0)
		return -EBADF;
	link_of(fd, name);
	return open(AT_FDCWD, name, OPEN_FLAGS);
}

static int open_executable(exec_open_fn open, int dirfd, const char *path, int flags)
{
	int64_t fd;
	int err;

	if (!path[0] && (flags & AT_EMPTY_PATH))
		fd = reopen(open, dirfd);
	else
		fd = open(dirfd, path, OPEN_FLAGS | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0));
	if (fd < 0)
		return fd == -ENXIO || fd == -ENODEV ? -EACCES : (int)fd;
	err = check_executable((int)fd);
	return err ? close_with((int)fd, err) : (int)fd;
}

static int64_t read_at(int fd, void *buf, uint64_t n, uint64_t at)
{
	uint64_t done = 0;

	while (done < n) {
		int64_t r = sys(__NR_pread64, fd, (char *)buf + done, n - done, at + done);

		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		if (!r)
			break;
		done += (uint64_t)r;
	}
	return (int64_t)done;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits the line in `text` (EXEC_HEAD bytes of the file, zero-filled).  0 or -ENOEXEC. */
static int parse_script(char *text, const char **interp, const char **arg)
{
	char *p = text + 2, *end = text + 2, *limit = text + EXEC_HEAD;
	bool cut = true;

	while (end < limit && *end != '\n' && *end)
		end++;
	if (end < limit)
		cut = false;
	else
		end--; /* the last byte is given up for the end of the string */
	while (p < end && blank(*p))
		p++;
	while (end > p && blank(end[-1]))
		end--;
	if (p == end)
		return -ENOEXEC;
	*interp = p;
	*end = 0;
	while (*p && !blank(*p))
		p++;
	if (p == end && cut)
		return -ENOEXEC;
	*arg = NULL;
	if (*p) {
		*p++ = 0;
		while (blank(*p))
			p++;
		*arg = p;
	}
	return 0;
}

/* PT_INTERP's path into name.  1: there is one; 0: none; or -errno. */
static int read_interp_name(int fd, char name[INTERP_MAX])
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;

	if (read_at(fd, &eh, sizeof(eh), 0) != sizeof(eh))
		return -ENOEXEC;
	if (eh.e_phentsize != sizeof(ph) || !eh.e_phnum || eh.e_phnum > PHDR_MAX / sizeof(ph))
		return -ENOEXEC;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		uint64_t at;

		if (__builtin_add_overflow(eh.e_phoff, (uint64_t)i * sizeof(ph), &at) ||
		    at > INT64_MAX || read_at(fd, &ph, sizeof(ph), at) != sizeof(ph))
			return -ENOEXEC;
		if (ph.p_type != PT_INTERP)
			continue;
		if (ph.p_filesz < 2 || ph.p_filesz > INTERP_MAX || ph.p_offset > INT64_MAX ||
		    read_at(fd, name, ph.p_filesz, ph.p_offset) != (int64_t)ph.p_filesz ||
		    name[ph.p_filesz - 1])
			return -ENOEXEC;
		return 1;
	}
	return 0;
}

static int resolve_elf(int fd, struct exec_resolved *out)
{
	char name[INTERP_MAX];
	int r = read_interp_name(fd, name);

	if (r < 0)
		return r;
	if (r) {
		r = open_executable(out->open, AT_FDCWD, name, 0);
		if (r < 0)
			return r;
		out->interp = r;
	}
	out->exe = fd;
	return 0;
}

int exec_resolve(exec_open_fn open, int dirfd, const char *path, int flags,
		 struct exec_resolved *out)
{
	int fd = open_executable(open, dirfd, path, flags), err;

	out->open = open;
	out->exe = out->interp = -1;
	out->levels = 0;
	for (;;) {
		char head[EXEC_HEAD + 1];
		char *text = out->levels < EXEC_MAX_DEPTH ? out->level[out->levels].text : head;
		int64_t n;

		if (fd < 0)
			return fd;
		for (unsigned i = 0; i <= EXEC_HEAD; i++)
			text[i] = 0;
		n = read_at(fd, text, EXEC_HEAD, 0);
		if (n < 0)
			return close_with(fd, (int)n);
		if (text[0] != '#' || text[1] != '!') {
			bool elf = text[0] == ELFMAG0 && text[1] == ELFMAG1 && text[2] == ELFMAG2 &&
				   text[3] == ELFMAG3;

			err = elf ? resolve_elf(fd, out) : -ENOEXEC;
			return err ? close_with(fd, err) : 0;
		}
		if (out->levels == EXEC_MAX_DEPTH)
			return close_with(fd, -ELOOP);
		err = parse_script(text, &out->level[out->levels].interp,
				   &out->level[out->levels].arg);
		close_with(fd, 0);
		if (err)
			return err;
		fd = open_executable(out->open, AT_FDCWD, out->level[out->levels].interp, 0);
		out->levels++;
	}
}

void exec_close(struct exec_resolved *r)
{
	if (r->exe >= 0)
		sys(__NR_close, r->exe);
	if (r->interp >= 0)
		sys(__NR_close, r->interp);
	r->exe = r->interp = -1;
}

unsigned exec_prefix(const struct exec_resolved *r, const char *path,
		     const char *prefix[EXEC_MAX_PREFIX])
{
	unsigned n = 0;

	for (unsigned i = r->levels; i-- > 0;) {
		prefix[n++] = r->level[i].interp;
		if (r->level[i].arg)
			prefix[n++] = r->level[i].arg;
	}
	if (n)
		prefix[n++] = path;
	return n;
}

void exec_comm(const char *path, char comm[16])
{
	const char *base = path;
	unsigned n = 0;

	for (const char *p = path; *p; p++) {
		if (*p == '/')
			base = p + 1;
	}
	while (n < 15 && base[n]) {
		comm[n] = base[n];
		n++;
	}
	while (n < 16)
		comm[n++] = 0;
}

void exec_comm_of(int fd, char comm[16])
{
	static const char mark[] = " (deleted)";
	char link[LINK_BYTES], path[INTERP_MAX];
	struct stat st;
	int64_t n, m = sizeof(mark) - 1;

	link_of(fd, link);
	n = sys(__NR_readlink, link, path, sizeof(path) - 1);
	n = n < 0 ? 0 : n;
	path[n] = 0;
	if (n > m && !sys(__NR_fstat, fd, &st) && !st.st_nlink) {
		for (const char *p = path + n - m, *q = mark; *p == *q && *q; p++, q++)
			if (!q[1])
				path[n - m] = 0;
	}
	exec_comm(path, comm);
}
