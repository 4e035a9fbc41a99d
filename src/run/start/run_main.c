/* SPDX-License-Identifier: MIT */
/*
 * run_main.c: `quire run` from start to end: makes the machine and the first process, waits for the
 * last one to end, takes everything apart, verifies, reports, and ends as the first process did.
 */
#include "run/start/run_main.h"

#include "quire/quire.h"
#include "run/base/options.h"
#include "run/base/own_limits.h"
#include "run/base/run.h"
#include "run/base/say.h"
#include "run/base/util.h"
#include "run/call/note.h"
#include "run/call/shm.h"
#include "run/fd/closer.h"
#include "run/fd/ctl.h"
#include "run/fd/fd_block.h"
#include "run/fd/fds.h"
#include "run/file/far.h"
#include "run/file/files.h"
#include "run/file/huge_file.h"
#include "run/file/huge_mount.h"
#include "run/file/inode.h"
#include "run/guest/proc.h"
#include "run/guest/reaper.h"
#include "run/guest/slot.h"
#include "run/guest/space.h"
#include "run/huge/history.h"
#include "run/huge/unpromised.h"
#include "run/oom/oom.h"
#include "run/op/worker.h"
#include "run/port/port_run.h"
#include "run/port/ram.h"
#include "run/procfs/machine_tree.h"
#include "run/report/report.h"
#include "run/start/ending.h"
#include "run/start/launch.h"
#include "run/start/life.h"
#include "run/start/probe_types.h"
#include "run/start/start_failed.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/run_info.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAPS_FOR_FILLS 512
#define LINGER_US 50

static uint32_t host_map_count(void)
{
	uint64_t n = host_number("/proc/sys/vm/max_map_count", 65530);

	return n < INT32_MAX ? (uint32_t)n : INT32_MAX;
}

/* vvar and vdso count, and are none of the core's. */
#define SPECIAL_MAPS 2

static int machine_create(struct run *run)
{
	struct quire_machine_options o = {.size = sizeof(o)};
	int err;

	port_run(run);
	o.ram_bytes = run->ram_bytes;
	o.ram = run->ram;
	o.ram_is_zero = true;
	o.table_bytes = run->table_bytes;
	o.table_ram = run->tables;
	o.nodes = run->opts->nodes;
	o.node_bytes = run->opts->node_bytes[0] ? run->opts->node_bytes : NULL;
	memcpy(o.huge_pages, run->opts->huge_pages, sizeof(o.huge_pages));
	o.huge_overcommit = run->opts->huge_overcommit;
	o.task_size = GUEST_TASK_SIZE;
	o.max_map_count = host_map_count() > SPECIAL_MAPS ? host_map_count() - SPECIAL_MAPS : 1;
	o.mmap_min_addr = host_number("/proc/sys/vm/mmap_min_addr", 65536);
	run->low_for_all = !o.mmap_min_addr;
	err = quire_machine_create(&run->port, &o, &run->machine);
	if (err)
		return err;
	/* The machine's own are nobody's to fail. */
	quire_machine_restart_points(run->machine);
	if (run->opts->nr_fail_points)
		err = quire_machine_fail(run->machine, run->opts->fail_points,
					 run->opts->nr_fail_points);
	return err;
}

/* Of the mappings that the host allows a process, some are left to fills. */
static uint32_t max_windows(void)
{
	uint32_t n = host_map_count();

	return n > 2 * MAPS_FOR_FILLS ? n - MAPS_FOR_FILLS : n / 2;
}

static void fill_info(struct run *run)
{
	struct run_info *info = run->info;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	info->magic = RUN_MAGIC;
	info->version = 1;
	info->nr_slots = run->nr_slots;
	info->nr_ram_frames = run->ram_bytes / PAGE;
	info->nr_table_frames = run->table_bytes / PAGE;
	info->linger_us = cpus > 0 ? LINGER_US : 0;
	info->supervisor_pid = (uint32_t)getpid();
	info->max_windows = max_windows();
	probe_types_find(info);
	info->nodes = run->opts->nodes;
	info->cpus =
	    (uint32_t)(sysconf(_SC_NPROCESSORS_CONF) > 0 ? sysconf(_SC_NPROCESSORS_CONF) : 1);
	info->verbose = !run->opts->quiet;
}

static int make_ram(struct run *run)
{
	int err = ram_create(run);
	char what[64];

	snprintf(what, sizeof(what), "make %llu MiB of RAM",
		 (unsigned long long)(run->ram_bytes >> 20));
	if (err)
		start_failed(run, what, err);
	return err;
}

static int make_machine(struct run *run, bool *said)
{
	int err = machine_create(run);

	*said = err;
	if (err)
		start_failed_machine(run, err);
	return err;
}

static const struct space_hooks space_hooks = {windows_copy, windows_destroy, shm_sweep};

/* What rooms keep of a run. */
static int (*const parts[])(struct run *run) = {
    slots_create,        procs_create,      oom_create,       shm_create, notes_create,
    inodes_create,       far_create,        closer_create,    fds_create, machine_tree_create,
    huge_history_create, unpromised_create, huge_files_create};
#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

static int start(struct run *run, int *guest_ctl)
{
	int err = make_ram(run);
	bool said = false;

	if (err)
		return err;
	run->space_hooks = &space_hooks;
	for (unsigned i = 0; i < NR_PARTS && !err; i++)
		err = parts[i](run);
	if (!err)
		err = make_machine(run, &said);
	if (!err) {
		err = huge_mounts_make(run);
		said = err;
	}
	if (!err)
		err = ctl_create(run, guest_ctl);
	if (!err)
		err = life_create(run);
	fill_info(run);
	if (err && !said)
		start_failed(run, "start", err);
	return err;
}

static int start_threads(struct run *run)
{
	int err = closer_start(run);

	if (!err)
		err = reaper_start(run);
	if (!err)
		err = workers_start(run);
	if (err)
		start_failed(run, "start a thread", err);
	return err;
}

static void print_violation(void *arg, const char *line)
{
	run_say(arg, "verify: %s", line);
}

/* Points that --fail names and nobody came to: what was to be tried has not been. */
static void say_unreached(struct run *run, struct run_verdict *v)
{
	const uint64_t *points = run->opts->fail_points;
	unsigned n = run->opts->nr_fail_points, past = n;

	while (past && points[past - 1] > v->machine.alloc_points)
		past--;
	v->unreached = n - past;
	if (v->unreached)
		run_say(run, "--fail %llu%s: there were only %llu allocations",
			(unsigned long long)points[past], v->unreached > 1 ? " and above" : "",
			(unsigned long long)v->machine.alloc_points);
}

/* Every process is dead: nothing may be left of them. */
static bool take_apart(struct run *run, struct run_verdict *v)
{
	if (!all_taken_apart(run)) {
		run_say(run, "a request of a dead process waits for a file that does not answer: "
			     "nothing is verified");
		return false;
	}
	reaper_stop(run);
	workers_stop(run);
	shm_destroy(run);
	huge_files_destroy(run);
	huge_mounts_destroy(run);
	run->port.rcu_barrier(run->port.ctx);
	v->violations = quire_verify(run->machine, print_violation, run);
	quire_machine_stats(run->machine, &v->machine);
	v->wall_ns = run_now_ns() - run->start_ns;
	say_unreached(run, v);
	if (v->violations)
		run_say(run, "VERIFY FAILED: %u violations: Quire's accounting was not conserved",
			v->violations);
	say_rest(run);
	return true;
}

/* Ends as the first process ended, without a core file of our own. */
static int end_like(int status)
{
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	end_by_signal(WTERMSIG(status));
}

/* A descriptor of ours must not become what the guests, or our own lines, take for stderr. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Children that end must wait for us; the first process gets back what we were started with. */
static void take_sigchld(struct run *run)
{
	run->sigchld_ignored = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
}

/*
 * To a guest we are somebody else's process: nobody but root may look at our memory and
 * descriptors, by /proc, process_vm_readv, pidfd_getfd or ptrace.  The first process becomes an
 * ordinary one again when it executes the stub.
 */
static void keep_out(void)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGPIPE, SIGXFSZ};

	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
}

/* A filter that is nowhere is EFAULT where filters can be installed; who may is asked later. */
static bool host_has_filters(struct run *run)
{
	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) || errno == EFAULT ||
	    errno == EACCES)
		return true;
	run_say(run, "no seccomp filters can be installed here, and quire run needs one: %s%s",
		strerror(errno), errno == EINVAL ? " (does another quire run run this one?)" : "");
	return false;
}

static int supervise(struct run *run, const sigset_t *mask)
{
	struct run_verdict verdict = {0};
	int guest_ctl = -1, status;
	bool lost = false;

	if (!host_has_filters(run) || fd_block_place(run) || start(run, &guest_ctl))
		return RUN_EXIT_VERIFY;
	status = launch(run, guest_ctl, mask);
	close(guest_ctl);
	fd_block_leave(run);
	if (status)
		return status;
	ignore_signals();
	if (start_threads(run)) {
		kill(run->first_pid, SIGKILL);
		return RUN_EXIT_VERIFY;
	}
	life_loop(run);
	life_let_go(run);
	if (!take_apart(run, &verdict))
		return -1;
	if (!run->opts->quiet || run->opts->report)
		lost = report_write(run, &verdict) && run->opts->report;
	procs_destroy(run);
	life_destroy(run);
	return verdict.violations || lost ? -1 : 0;
}

int run_main(const struct run_options *opts)
{
	static struct run run;
	sigset_t all, mask;
	int status;

	run.opts = opts;
	run.listener = run.ctl = run.fd_ram = run.fd_tables = run.fd_chan = run.fd_stub = -1;
	run.signal_fd = run.timer_fd = -1;
	run.start_ns = run_now_ns();
	say_init(&run);
	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.changed, NULL);
	pthread_cond_init(&run.reap_ready, NULL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	keep_out();
	own_limits_take(&run);
	fill_standard_fds();
	take_sigchld(&run);
	status = supervise(&run, &mask);
	machine_tree_destroy(&run);
	if (status > 0)
		return status;
	return status < 0 ? RUN_EXIT_VERIFY : end_like(run.first_status);
}
