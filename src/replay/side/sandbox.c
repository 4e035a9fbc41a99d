/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: the place that the host's stage is shut into, so that no script exhausts the machine
 * or leaves something behind: namespaces of processes, System V IPC and mounts, and a control group
 * where one may be made.
 */
#include "replay/side/side.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_MAX "2147483648"
#define PIDS_MAX "32"

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static bool write_in(const char *dir, const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return write_file(path, text);
}

/* The group ends with its last process: whoever waits for that removes it. */
static void enter_group(char *dir, size_t len)
{
	snprintf(dir, len, "/sys/fs/cgroup/quire-replay-%d", (int)getpid());
	if (mkdir(dir, 0755)) {
		*dir = 0;
		return;
	}
	if (!write_in(dir, "memory.max", MEMORY_MAX) || !write_in(dir, "pids.max", PIDS_MAX) ||
	    !write_in(dir, "cgroup.procs", "0")) {
		rmdir(dir);
		*dir = 0;
	}
}

static void map_user(uid_t uid, gid_t gid)
{
	char text[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
}

static void unshare_all(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	int flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS;

	if (!unshare(flags))
		return;
	if (!unshare(flags | CLONE_NEWUSER))
		map_user(uid, gid);
	else
		fprintf(stderr, "quire replay: no namespaces for the host's side: %s\n",
			strerror(errno));
}

/* The first process of the namespace is the stage; this one waits for it. */
void sandbox_enter(void)
{
	char group[96];
	pid_t pid;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	enter_group(group, sizeof(group));
	unshare_all();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
		if (mount("proc", "/proc", "proc", 0, NULL))
			fprintf(stderr, "quire replay: no /proc for the host's side: %s\n",
				strerror(errno));
		return;
	}
	/* Only what ends with the stage may stay open here. */
	close_range(3, ~0u, 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (*group) {
		write_file("/sys/fs/cgroup/cgroup.procs", "0");
		rmdir(group);
	}
	_exit(pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}
