/* SPDX-License-Identifier: MIT */
/*
 * node_tree.c: files that tell of the machine's nodes, as the host's of /sys tell of its own.
 *
 * A directory of the run's, which is taken away at its end.  A stub looks for names of /sys there
 * first (stub/guard/node_path.c): so programs can list it, and open what is in it by whatever way.
 *
 *     node/                 /sys/devices/system/node
 *     devices/              /sys/bus/node/devices
 *     cpu/cpuN/             of /sys/devices/system/cpu/cpuN the link to its node
 *     weighted_interleave/  /sys/kernel/mm/mempolicy/weighted_interleave
 *
 *   1  Files whose text changes are kept open, and written to when a stub is about to open one.  So
 *      nothing that a program may put in their place is followed or waited for.
 *   2  Their lines are the host's, with our values; 0 where this machine has no such thing.
 */
#include "run/procfs/node_dir.h"
#include "run/procfs/node_tree.h"

#include "quire/quire.h"
#include "run/base/util.h"
#include "run/wire/atomic.h"
#include "run/wire/nodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CPUS 8192u
#define LINE 4096u /* a list or a map of all processors */
#define PATH 256u

struct node_tree {
	pthread_mutex_t lock; /* N': leaf: one writer of a file at a time */
	int fds[RUN_MAX_NODES][RUN_NR_NODE_FILES];
	int dir; /* node_dir.h */
};

/* ---- making it --------------------------------------------------------------- */

/* A name below the directory. */
__attribute__((format(printf, 3, 4))) static void name_of(const struct run *run, char path[PATH],
							  const char *fmt, ...)
{
	size_t len = (size_t)snprintf(path, PATH, "%s/", run->info->nodes_dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + len, PATH - len, fmt, ap);
	va_end(ap);
}

static int make_dir(const char *path)
{
	return mkdir(path, 0755) && errno != EEXIST ? -errno : chmod(path, 0755) ? -errno : 0;
}

static int make_file(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode), err = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) || write(fd, text, len) != (ssize_t)len)
		err = errno ? -errno : -EIO;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int make_constant(const char *path, mode_t mode, const char *text)
{
	int fd = make_file(path, mode, text);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static bool cpu_is_online(unsigned cpu)
{
	char path[64], text[8];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	/* One that cannot be taken offline has no such file. */
	return read_text(path, text, sizeof(text)) <= 0 || text[0] == '1';
}

static bool is_in(const uint32_t *set, unsigned i)
{
	return set[i / 32] >> i % 32 & 1;
}

/* "0-1,3" of the first n. */
static void put_list(char text[LINE], const uint32_t *set, unsigned n)
{
	size_t len = 0;

	for (unsigned i = 0, end; i < n && len < LINE - 32; i = end + 1) {
		end = i;
		if (!is_in(set, i))
			continue;
		while (end + 1 < n && is_in(set, end + 1))
			end++;
		len += (size_t)sprintf(text + len, len ? ",%u" : "%u", i);
		if (end > i)
			len += (size_t)sprintf(text + len, "-%u", end);
	}
	strcpy(text + len, "\n");
}

/* Words of 32, the highest first, of as many digits as there are processors. */
static void put_map(char text[LINE], const uint32_t *set, unsigned n)
{
	unsigned last = (n - 1) / 32, digits = (n - 1) % 32 / 4 + 1;
	size_t len = (size_t)sprintf(text, "%0*x", (int)digits, set[last]);

	for (unsigned i = last; i-- && len < LINE - 16;)
		len += (size_t)sprintf(text + len, ",%08x", set[i]);
	strcpy(text + len, "\n");
}

static unsigned nr_cpus(const struct run *run)
{
	return run->info->cpus < MAX_CPUS ? run->info->cpus : MAX_CPUS;
}

static bool cpus_of(const struct run *run, unsigned node, uint32_t set[MAX_CPUS / 32])
{
	bool any = false;

	memset(set, 0, MAX_CPUS / 8);
	for (unsigned cpu = 0; cpu < nr_cpus(run); cpu++) {
		if (node_of_cpu(run->info->nodes, run->info->cpus, cpu) != node ||
		    !cpu_is_online(cpu))
			continue;
		set[cpu / 32] |= 1u << cpu % 32;
		any = true;
	}
	return any;
}

/* ---- what does not change ------------------------------------------------------ */

/* Lists of nodes. */
static int make_lists(const struct run *run)
{
	static const char *const of_all[] = {"online", "possible", "has_memory",
					     "has_normal_memory"};
	uint32_t all = (uint32_t)((1ull << run->info->nodes) - 1), some = 0;
	uint32_t cpus[MAX_CPUS / 32];
	char path[PATH], text[LINE];
	int err = 0;

	put_list(text, &all, 32);
	for (unsigned i = 0; i < sizeof(of_all) / sizeof(of_all[0]) && !err; i++) {
		name_of(run, path, "node/%s", of_all[i]);
		err = make_constant(path, 0444, text);
	}
	for (unsigned i = 0; i < run->info->nodes; i++)
		some |= (uint32_t)cpus_of(run, i, cpus) << i;
	put_list(text, &some, 32);
	name_of(run, path, "node/has_cpu");
	if (!err)
		err = make_constant(path, 0444, text);
	name_of(run, path, "node/has_generic_initiator");
	return err ? err : make_constant(path, 0444, "\n");
}

static int make_link(const char *path, const char *to)
{
	return symlink(to, path) ? -errno : 0;
}

/* From the node to its processors, and back. */
static int link_cpus(const struct run *run, unsigned node, const uint32_t *set)
{
	char path[PATH], to[PATH];
	int err = 0;

	for (unsigned cpu = 0; cpu < nr_cpus(run) && !err; cpu++) {
		if (!is_in(set, cpu))
			continue;
		name_of(run, path, "node/node%u/cpu%u", node, cpu);
		snprintf(to, sizeof(to), "/sys/devices/system/cpu/cpu%u", cpu);
		err = make_link(path, to);
		name_of(run, path, "cpu/cpu%u", cpu);
		if (!err)
			err = make_dir(path);
		name_of(run, path, "cpu/cpu%u/node%u", cpu, node);
		snprintf(to, sizeof(to), "../../node/node%u", node);
		if (!err)
			err = make_link(path, to);
	}
	return err;
}

static int make_distance(const struct run *run, unsigned node)
{
	char path[PATH], text[LINE];
	size_t len = 0;

	for (unsigned i = 0; i < run->info->nodes; i++)
		len += (size_t)sprintf(text + len, i ? " %u" : "%u",
				       quire_node_distance(run->machine, node, i));
	strcpy(text + len, "\n");
	name_of(run, path, "node/node%u/distance", node);
	return make_constant(path, 0444, text);
}

/* Root's alone, whosever the directory is.  It is never written to (stub/guard/compact_file.c). */
static int make_compact(const struct run *run, unsigned node)
{
	char path[PATH];

	name_of(run, path, "node/node%u/compact", node);
	return make_constant(path, geteuid() ? 0 : 0200, "");
}

static int make_node(const struct run *run, unsigned node)
{
	uint32_t cpus[MAX_CPUS / 32];
	char path[PATH], text[LINE];
	int err;

	cpus_of(run, node, cpus);
	name_of(run, path, "node/node%u", node);
	err = make_dir(path);
	put_list(text, cpus, nr_cpus(run));
	name_of(run, path, "node/node%u/cpulist", node);
	if (!err)
		err = make_constant(path, 0444, text);
	put_map(text, cpus, nr_cpus(run));
	name_of(run, path, "node/node%u/cpumap", node);
	if (!err)
		err = make_constant(path, 0444, text);
	if (!err)
		err = make_distance(run, node);
	if (!err)
		err = make_compact(run, node);
	name_of(run, path, "devices/node%u", node);
	snprintf(text, sizeof(text), "../node/node%u", node);
	if (!err)
		err = make_link(path, text);
	return err ? err : link_cpus(run, node, cpus);
}

/* ---- what does -------------------------------------------------------------- */

/* By which a stub knows it. */
static int name_weight(struct run *run, unsigned node)
{
	struct stat st;

	if (fstat(run->node_tree->fds[node][NODE_WEIGHT], &st))
		return -errno;
	run->info->weights_dev = st.st_dev;
	run->info->weights_ino[node] = st.st_ino;
	return 0;
}

static int open_changing(struct run *run, unsigned node)
{
	static const char *const names[RUN_NR_NODE_FILES] = {
	    [NODE_MEMINFO] = "node/node%u/meminfo",
	    [NODE_NUMASTAT] = "node/node%u/numastat",
	    [NODE_VMSTAT] = "node/node%u/vmstat",
	    [NODE_WEIGHT] = "weighted_interleave/node%u",
	};
	char name[64], path[PATH];
	int err = 0;

	for (unsigned i = 0; i < RUN_NR_NODE_FILES && !err; i++) {
		int *fd = &run->node_tree->fds[node][i];

		snprintf(name, sizeof(name), names[i], node);
		name_of(run, path, "%s", name);
		*fd = make_file(path, i == NODE_WEIGHT ? 0644 : 0444, "");
		err = *fd < 0 ? *fd : node_tree_tell(run, node, (enum run_node_file)i);
	}
	return err ? err : name_weight(run, node);
}

static int put_text(int fd, const char *text, size_t len)
{
	return pwrite(fd, text, len, 0) != (ssize_t)len || ftruncate(fd, (off_t)len) ? -EIO : 0;
}

int node_tree_tell(struct run *run, unsigned node, enum run_node_file which)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);
	int err;

	if (!f)
		return -ENOMEM;
	node_text(f, run, node, which);
	err = fclose(f) ? -ENOMEM : 0;
	pthread_mutex_lock(&run->node_tree->lock);
	if (!err)
		err = put_text(run->node_tree->fds[node][which], text, len);
	pthread_mutex_unlock(&run->node_tree->lock);
	free(text);
	return err;
}

int node_tree_set_weight(struct run *run, unsigned node, uint64_t weight)
{
	int err;

	if (!weight) {
		atomic_store(&run->info->weights_open, 1u);
		return 0;
	}
	err = weight > UINT8_MAX ? -EINVAL
				 : quire_node_set_weight(run->machine, node, (unsigned)weight);

	return err ? err : node_tree_tell(run, node, NODE_WEIGHT);
}

/* ---- the whole ---------------------------------------------------------------- */

static int make_all(struct run *run)
{
	static const char *const dirs[] = {"node", "devices", "cpu", "weighted_interleave"};
	char path[PATH];
	int err = 0;

	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && !err; i++) {
		name_of(run, path, "%s", dirs[i]);
		err = make_dir(path);
	}
	if (!err)
		err = make_lists(run);
	for (unsigned i = 0; i < run->info->nodes && !err; i++) {
		err = make_node(run, i);
		if (!err)
			err = open_changing(run, i);
	}
	return err;
}

/* In memory, if there is such a place. */
static int make_root(struct run *run)
{
	static const char *const places[] = {"/dev/shm", "/tmp"};
	int err = -ENOENT;

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char *dir = run->info->nodes_dir;

		run->node_tree->dir = err = node_dir_make(places[i], dir, RUN_NODES_DIR);
		if (err >= 0)
			return make_dir(dir);
		*dir = 0;
	}
	return err;
}

int node_tree_create(struct run *run)
{
	int err;

	if (!run->info->nodes)
		return 0;
	run->node_tree = calloc(1, sizeof(*run->node_tree));
	if (!run->node_tree)
		return -ENOMEM;
	memset(run->node_tree->fds, -1, sizeof(run->node_tree->fds));
	pthread_mutex_init(&run->node_tree->lock, NULL);
	err = make_root(run);
	return err ? err : make_all(run);
}

void node_tree_destroy(struct run *run)
{
	if (!run->node_tree)
		return;
	for (unsigned i = 0; i < RUN_MAX_NODES; i++)
		for (unsigned k = 0; k < RUN_NR_NODE_FILES; k++)
			if (run->node_tree->fds[i][k] >= 0)
				close(run->node_tree->fds[i][k]);
	if (*run->info->nodes_dir)
		node_dir_remove(run->info->nodes_dir, run->node_tree->dir);
	free(run->node_tree);
	run->node_tree = NULL;
}
