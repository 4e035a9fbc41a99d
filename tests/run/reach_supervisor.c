/* SPDX-License-Identifier: MIT */
/*
 * reach_supervisor.c CASE: the supervisor, by its number and its threads'.  What an ordinary user
 * may not do to somebody else's process, root's guest may not do to the supervisor.
 */
#include "reach.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define MAX_TASKS 64

static pid_t tasks[MAX_TASKS];
static unsigned nr_tasks;

static void find_tasks(void)
{
	char name[64];
	struct dirent *e;
	DIR *d;

	snprintf(name, sizeof(name), "/proc/%u/task", INFO->supervisor_pid);
	d = opendir(name);
	CHECK(d != NULL);
	while (d && (e = readdir(d)) && nr_tasks < MAX_TASKS) {
		if (e->d_name[0] != '.')
			tasks[nr_tasks++] = atoi(e->d_name);
	}
	if (d)
		closedir(d);
	/* The main thread is one of them, the workers are others. */
	CHECK(nr_tasks > 1);
}

static bool opens(const char *name, int flags)
{
	int fd = open(name, flags);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void refuse_files(const char *at)
{
	static const char *const files[] = {
	    "mem",   "maps",    "smaps", "smaps_rollup", "numa_maps", "pagemap", "environ",
	    "auxv",  "syscall", "stack", "io",           "fd/0",      "fd/1",    "fd/2",
	    "fd/3",  "fd/4",    "fd/5",  "fd/6",         "fd/7",      "fd/8",    "fd/9",
	    "fd/10", "exe",     "root",  "cwd"};
	static const char *const written[] = {
	    "oom_score_adj",   "oom_adj",       "clear_refs", "comm",
	    "coredump_filter", "timerslack_ns", "mem",        "sched"};
	char name[200];

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", at, files[i]);
		if (opens(name, O_RDONLY)) {
			printf("FAILED: opened %s\n", name);
			failures++;
		}
	}
	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", at, written[i]);
		if (opens(name, O_WRONLY) || opens(name, O_RDWR)) {
			printf("FAILED: opened %s for writing\n", name);
			failures++;
		}
	}
}

static void files(void)
{
	char at[100];

	find_tasks();
	for (unsigned i = 0; i < nr_tasks; i++) {
		snprintf(at, sizeof(at), "/proc/%d", tasks[i]);
		refuse_files(at);
		snprintf(at, sizeof(at), "//proc/%u/task/%d", INFO->supervisor_pid, tasks[i]);
		refuse_files(at);
	}
	/* From inside. */
	snprintf(at, sizeof(at), "/proc/%u", INFO->supervisor_pid);
	if (chdir(at) == 0)
		refuse_files(".");
	/* As ps and top read them. */
	CHECK(chdir("/") == 0);
	snprintf(at, sizeof(at), "/proc/%u/stat", INFO->supervisor_pid);
	CHECK(opens(at, O_RDONLY));
	snprintf(at, sizeof(at), "/proc/%u/cmdline", INFO->supervisor_pid);
	CHECK(opens(at, O_RDONLY));
}

/* The supervisor's directory, and those in it, mounted at the first name and seen by the other. */
static void refuse_mounted(const char *to, const char *at)
{
	static const char *const written[] = {"current", "exec", "fscreate"};
	char from[100], name[200];
	int tree;

	snprintf(from, sizeof(from), "/proc/%u", INFO->supervisor_pid);
	CHECK(mount(from, to, NULL, MS_BIND, NULL) == 0);
	refuse_files(at);
	CHECK(umount2(to, MNT_DETACH) == 0);
	snprintf(from, sizeof(from), "/proc/%u/task/%u", INFO->supervisor_pid,
		 INFO->supervisor_pid);
	CHECK(mount(from, to, NULL, MS_BIND, NULL) == 0);
	refuse_files(at);
	CHECK(umount2(to, MNT_DETACH) == 0);
	snprintf(from, sizeof(from), "/proc/%u/attr", INFO->supervisor_pid);
	CHECK(mount(from, to, NULL, MS_BIND, NULL) == 0);
	for (unsigned i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", at, written[i]);
		CHECK(!opens(name, O_WRONLY));
	}
	CHECK(umount2(to, MNT_DETACH) == 0);
	/* Nowhere at all. */
	snprintf(from, sizeof(from), "/proc/%u", INFO->supervisor_pid);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE);
	CHECK(tree >= 0 && fchdir(tree) == 0);
	refuse_files(".");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", tree);
	refuse_files(name);
	CHECK(chdir("/") == 0);
	close(tree);
}

/* A guest's own, however it is reached, is the supervisor's text: the host's shows the stub. */
static void own_texts(void)
{
	char dir[] = "/tmp/reach_XXXXXX", name[64], text[16384];
	ssize_t n;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(name, sizeof(name), "/proc/%d", getpid());
	if (!private_mounts() || mount(name, dir, NULL, MS_BIND, NULL)) {
		printf("no mounts: %s\n", strerror(errno));
		rmdir(dir);
		return;
	}
	snprintf(name, sizeof(name), "%s/maps", dir);
	fd = open(name, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	CHECK(fd >= 0 && n > 0);
	text[n > 0 ? n : 0] = 0;
	CHECK(strstr(text, "[stack]") && !strstr(text, "quire-"));
	close(fd);
	CHECK(umount2(dir, MNT_DETACH) == 0 && rmdir(dir) == 0);
}

static void mounts(void)
{
	static const char *const alone[] = {"oom_score_adj", "mem", "maps", "environ", "pagemap"};
	char dir[] = "/tmp/reach_XXXXXX", from[100], at[100], file[100];
	int tree;

	if (!private_mounts()) {
		printf("no mounts: %s\n", strerror(errno));
		return;
	}
	CHECK(mkdtemp(dir) != NULL);
	/* Not for an ordinary user, where parts of the host's are covered. */
	if (mount("proc", dir, "proc", 0, NULL) == 0) {
		snprintf(at, sizeof(at), "%s/%u", dir, INFO->supervisor_pid);
		refuse_files(at);
		CHECK(umount(dir) == 0);
	}
	refuse_mounted(dir, dir);
	/* Under a name that tells of another one, which lives. */
	snprintf(at, sizeof(at), "/proc/%d", getpid());
	refuse_mounted(at, at);
	snprintf(at, sizeof(at), "%s/%d", dir, getpid());
	CHECK(mkdir(at, 0700) == 0);
	refuse_mounted(at, at);
	CHECK(rmdir(at) == 0);
	/* The file alone. */
	snprintf(file, sizeof(file), "%s/limits", dir);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	for (unsigned i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
		snprintf(from, sizeof(from), "/proc/%u/%s", INFO->supervisor_pid, alone[i]);
		CHECK(mount(from, file, NULL, MS_BIND, NULL) == 0);
		CHECK(!opens(file, O_RDONLY) && !opens(file, O_RDWR) && !opens(file, O_WRONLY));
		CHECK(umount2(file, MNT_DETACH) == 0);
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE);
		CHECK(tree >= 0);
		snprintf(at, sizeof(at), "/proc/self/fd/%d", tree);
		CHECK(!opens(at, O_RDONLY) && !opens(at, O_RDWR) && !opens(at, O_WRONLY));
		close(tree);
	}
	unlink(file);
	rmdir(dir);
}

/* Directories may be opened: what they lead to may not be had. */
static void refuse_looks(const char *at)
{
	static const char *const files[] = {"fdinfo/0", "fdinfo/1", "root/", "cwd/",
					    "root/etc", "cwd/.",    "fd/1",  "ns/mnt"};
	static const char *const lists[] = {"fdinfo", "map_files"};
	char name[200];

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", at, files[i]);
		if (opens(name, O_RDONLY) || opens(name, O_PATH)) {
			printf("FAILED: opened %s\n", name);
			failures++;
		}
	}
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct dirent *e = NULL;
		DIR *d;

		snprintf(name, sizeof(name), "%s/%s", at, lists[i]);
		d = opendir(name);
		while (d && (e = readdir(d)) && e->d_name[0] == '.')
			;
		if (d && e) {
			printf("FAILED: listed %s: %s\n", name, e->d_name);
			failures++;
		}
		if (d)
			closedir(d);
	}
}

static bool has_ptrace(const char *set)
{
	char text[4096], *p;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strstr(text, set);
	CHECK(p != NULL);
	return p && (strtoull(p + strlen(set), NULL, 16) >> CAP_SYS_PTRACE & 1);
}

/* The host keeps them out, whatever the name: none of these is known to be the supervisor's. */
static void looks(void)
{
	char dir[] = "/tmp/reach_XXXXXX", from[100], at[64];
	int tree;

	CHECK(!has_ptrace("CapPrm:") && !has_ptrace("CapEff:"));
	CHECK(geteuid() || !has_ptrace("CapBnd:"));
	snprintf(from, sizeof(from), "/proc/%u", INFO->supervisor_pid);
	refuse_looks(from);
	CHECK(mkdtemp(dir) != NULL);
	if (private_mounts() && mount(from, dir, NULL, MS_BIND, NULL) == 0) {
		refuse_looks(dir);
		CHECK(umount2(dir, MNT_DETACH) == 0);
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE);
		CHECK(tree >= 0);
		snprintf(at, sizeof(at), "/proc/self/fd/%d", tree);
		refuse_looks(at);
		CHECK(fchdir(tree) == 0);
		refuse_looks(".");
	} else {
		printf("no mounts: %s\n", strerror(errno));
	}
	rmdir(dir);
}

static void refuse_calls(pid_t pid)
{
	static char page[4096];
	struct iovec local = {page, 8}, remote = {(void *)INFO_BASE, 8};
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_PAGE_FAULTS,
				       .disabled = 1};
	struct rlimit r = {100, 100};
	size_t len = sizeof(void *);
	void *list;
	int nodes = 0;

	FAILS(process_vm_readv(pid, &local, 1, &remote, 1, 0), EPERM);
	FAILS(process_vm_writev(pid, &local, 1, &remote, 1, 0), EPERM);
	FAILS(prlimit(pid, RLIMIT_NOFILE, &r, NULL), EPERM);
	FAILS(prlimit(pid, RLIMIT_AS, &r, NULL), EPERM);
	FAILS(ptrace(PTRACE_SEIZE, pid, NULL, NULL), EPERM);
	FAILS(syscall(SYS_kcmp, pid, getpid(), KCMP_VM, 0, 0), EPERM);
	FAILS(syscall(SYS_kcmp, getpid(), pid, KCMP_VM, 0, 0), EPERM);
	FAILS(syscall(SYS_get_robust_list, pid, &list, &len), EPERM);
	FAILS(syscall(SYS_move_pages, pid, 1, &(void *){page}, &nodes, &(int){0}, 0), EPERM);
	CHECK(syscall(SYS_perf_event_open, &attr, pid, -1, -1, 0) < 0);
}

#define UPROBES "/sys/bus/event_source/devices/uprobe/type"

static int open_event(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, 0);
}

/* Into a file that the supervisor, or any other process, may be executing. */
static void refuse_probe(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	FILE *f = fopen(UPROBES, "re");

	if (!f || fscanf(f, "%u", &attr.type) != 1)
		printf("no uprobes: %s\n", strerror(errno));
	if (f)
		fclose(f);
	if (!attr.type)
		return;
	attr.uprobe_path = (uint64_t)(uintptr_t) "/bin/true";
	FAILS(open_event(&attr, 0, -1), EACCES);
	FAILS(open_event(&attr, -1, 0), EACCES);
}

static void events(void)
{
	static const uint64_t contents[] = {PERF_SAMPLE_REGS_USER, PERF_SAMPLE_STACK_USER,
					    PERF_SAMPLE_REGS_INTR};
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_PAGE_FAULTS,
				       .sample_period = 1,
				       .sample_stack_user = 4096,
				       .sample_regs_user = 1,
				       .sample_regs_intr = 1,
				       .exclude_kernel = 1};
	int fd;

	refuse_probe();
	for (unsigned i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		attr.sample_type = PERF_SAMPLE_IP | contents[i];
		FAILS(open_event(&attr, -1, 0), EACCES);
	}
	/* Of its own it may see all. */
	fd = open_event(&attr, 0, -1);
	if (fd < 0)
		printf("no events of perf: %s\n", strerror(errno));
	close(fd);
	attr.size = 8192;
	FAILS(open_event(&attr, 0, -1), E2BIG);
	CHECK(attr.size >= PERF_ATTR_SIZE_VER0 && attr.size < 4096);
	FAILS(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0), EFAULT);
}

static void calls(void)
{
	int pidfd;

	find_tasks();
	for (unsigned i = 0; i < nr_tasks; i++)
		refuse_calls(tasks[i]);
	pidfd = (int)syscall(SYS_pidfd_open, INFO->supervisor_pid, 0);
	CHECK(pidfd >= 0);
	for (int i = 0; i < 64; i++)
		FAILS(syscall(SYS_pidfd_getfd, pidfd, i, 0), EPERM);
	/* Whoever asks whether it lives is told. */
	CHECK(kill((pid_t)INFO->supervisor_pid, 0) == 0);
}

/* Of another guest, what Linux grants. */
static void guests(void)
{
	volatile int *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int value = 7, status;
	struct iovec local = {&value, sizeof(value)}, remote = {(void *)word, sizeof(value)};
	struct rlimit r = {100, 100};
	pid_t pid;

	word[0] = 1;
	pid = must_fork();
	if (!pid) {
		while (word[0] != 7)
			sched_yield();
		_exit(7);
	}
	CHECK(prlimit(pid, RLIMIT_CORE, &r, NULL) == 0 || errno == EPERM);
	CHECK(process_vm_writev(pid, &local, 1, &remote, 1, 0) == sizeof(value));
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(word[0] == 1);
}

/* Where /proc is not to be seen, a directory of it that was opened before still leads there. */
static void no_proc(void)
{
	char dir[] = "/tmp/reach_XXXXXX", at[100];
	int proc = open("/proc", O_PATH | O_DIRECTORY);

	find_tasks();
	CHECK(proc >= 0 && mkdtemp(dir) != NULL);
	if (chroot(dir)) {
		printf("no chroot: %s\n", strerror(errno));
		return;
	}
	CHECK(fchdir(proc) == 0);
	for (unsigned i = 0; i < nr_tasks; i++) {
		snprintf(at, sizeof(at), "./%u/task/%d", INFO->supervisor_pid, tasks[i]);
		refuse_files(at);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"files", files},         {"mounts", mounts},   {"calls", calls},
	    {"guests", guests},       {"no_proc", no_proc}, {"looks", looks},
	    {"own_texts", own_texts}, {"events", events},   {NULL, NULL}};

	return reach(cases, argc > 1 ? argv[1] : NULL);
}
