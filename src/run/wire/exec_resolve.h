/* SPDX-License-Identifier: MIT */
/*
 * exec_resolve.h: what execve does before it loads: opens the program, follows `#!`, finds the
 * interpreter of a dynamic program.  Freestanding: the stub's execve and the supervisor's launcher.
 */
#ifndef RUN_EXEC_RESOLVE_H
#define RUN_EXEC_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#define EXEC_HEAD 256    /* bytes of a script's first line that count */
#define EXEC_MAX_DEPTH 5 /* scripts whose interpreter is a script: more is ELOOP */
#define EXEC_MAX_PREFIX (2 * EXEC_MAX_DEPTH + 1)

/* openat(), with the rights of the side that resolves: each of the two has its own. */
typedef int64_t (*exec_open_fn)(int dirfd, const char *path, uint64_t flags);

struct exec_resolved {
	exec_open_fn open;
	int exe;    /* the ELF file, opened for reading, inherited over execve */
	int interp; /* PT_INTERP's, or -1 */
	unsigned levels;
	struct {
		char text[EXEC_HEAD + 1];
		const char *interp, *arg; /* into text; arg may be NULL */
	} level[EXEC_MAX_DEPTH];
};

/*
 * As execveat(dirfd, path, .., flags); flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
 * 0 or the negative errno of execve; nothing is open then.
 */
int exec_resolve(exec_open_fn open, int dirfd, const char *path, int flags,
		 struct exec_resolved *out);
void exec_close(struct exec_resolved *r);

/*
 * What stands in place of argv[0]: nothing (returns 0) for an ELF file; for a script its
 * interpreter, the optional argument and the script's name.  Pointers into r and `path`.
 */
unsigned exec_prefix(const struct exec_resolved *r, const char *path,
		     const char *prefix[EXEC_MAX_PREFIX]);
/* The name of the process: the last component of the path that was executed, 15 bytes of it. */
void exec_comm(const char *path, char comm[16]);
/* The same of a file that was executed without a path. */
void exec_comm_of(int fd, char comm[16]);

#endif
