/* SPDX-License-Identifier: MIT */
/*
 * side.c: starts stages and hands scripts to them.
 */
#include "replay/side/side.h"
#include "replay/filter/filter.h"
#include "replay/side/pool.h"
#include "replay/side/stage.h"
#include "tool/where.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const side_names[NR_SIDES] = {
    [SIDE_QUIRE] = "quire",
    [SIDE_HOST] = "host",
    [SIDE_RUN] = "run",
};

int side_open(struct side *s, enum side_kind kind)
{
	*s = (struct side){.kind = kind, .commands = -1, .answers = -1};
	s->board_fd = memfd_create("quire-replay", MFD_CLOEXEC);
	if (s->board_fd < 0 || ftruncate(s->board_fd, sizeof(*s->board)))
		return -errno;
	s->board =
	    mmap(NULL, sizeof(*s->board), PROT_READ | PROT_WRITE, MAP_SHARED, s->board_fd, 0);
	if (s->board == MAP_FAILED)
		return -errno;
	s->board->guest = kind == SIDE_RUN;
	s->board->host = kind == SIDE_HOST;
	return 0;
}

/* The stage ends when it reads the end of its commands, if it is not in the midst of a script. */
static void end_stage(struct side *s, bool idle)
{
	if (!s->pid)
		return;
	close(s->commands);
	close(s->answers);
	if (!idle)
		kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}

bool side_close(struct side *s)
{
	end_stage(s, true);
	munmap(s->board, sizeof(*s->board));
	close(s->board_fd);
	return s->kind != SIDE_HOST || pool_release();
}

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

static void exec_stage(const struct side *s, int commands, int answers)
{
	static char self[] = "/proc/self/exe", run[] = "run", quiet[] = "--quiet", dashes[] = "--",
		    nodes[] = "--nodes", stage[] = STAGE_COMMAND, library[] = "library",
		    host[] = "host", guest[] = "guest";
	char exe[4096], fds[3][16], count[16];
	char *argv[14];
	ssize_t len = readlink(self, exe, sizeof(exe) - 1);
	unsigned n = 0;

	exe[len > 0 ? len : 0] = 0;
	snprintf(count, sizeof(count), "%u", s->nodes ? s->nodes : 1);
	snprintf(fds[0], sizeof(fds[0]), "%d", s->board_fd);
	snprintf(fds[1], sizeof(fds[1]), "%d", commands);
	snprintf(fds[2], sizeof(fds[2]), "%d", answers);
	if (s->kind == SIDE_RUN) {
		argv[n++] = tool_name();
		argv[n++] = run;
		argv[n++] = quiet;
		argv[n++] = nodes;
		argv[n++] = count;
		argv[n++] = dashes;
	}
	argv[n++] = exe;
	argv[n++] = stage;
	argv[n++] = s->kind == SIDE_QUIRE ? library : s->kind == SIDE_HOST ? host : guest;
	for (unsigned i = 0; i < 3; i++)
		argv[n++] = fds[i];
	argv[n] = NULL;
	keep_open(s->board_fd);
	keep_open(commands);
	keep_open(answers);
	if (s->kind == SIDE_HOST)
		sandbox_enter();
	execvp(argv[0], argv);
	fprintf(stderr, "quire replay: cannot execute %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static int start_stage(struct side *s)
{
	int to[2], from[2], err = 0;

	if (pipe2(to, O_CLOEXEC))
		return -errno;
	if (pipe2(from, O_CLOEXEC)) {
		err = -errno;
		close(to[0]);
		close(to[1]);
		return err;
	}
	s->pid = fork();
	if (!s->pid)
		exec_stage(s, to[0], from[1]);
	err = s->pid < 0 ? -errno : 0;
	close(to[0]);
	close(from[1]);
	s->commands = to[1];
	s->answers = from[0];
	if (err) {
		close(to[1]);
		close(from[0]);
		s->pid = 0;
	}
	return err;
}

/* Of the host; 0: it does not know of nodes. */
static uint32_t host_nodes(void)
{
	uint64_t nodes[16] = {0};

	syscall(SYS_get_mempolicy, NULL, nodes, sizeof(nodes) * 8 + 1, NULL, TELL_MEMS_ALLOWED);
	return (uint32_t)__builtin_popcountll(nodes[0]);
}

static bool says(char *why, size_t len, const char *text)
{
	snprintf(why, len, "%s", text);
	return true;
}

static bool host_lacks(const struct script *script, char *why, size_t len)
{
	struct refusal r;
	const char *absent;

	if (script->nodes && script->nodes != host_nodes()) {
		snprintf(why, len, "has not %u nodes", script->nodes);
		return true;
	}
	if (host_refuses(script, &r)) {
		snprintf(why, len, "must not get step %u: %s", r.step + 1, r.why);
		return true;
	}
	absent = script_uses_huge(script) ? pool_take() : NULL;
	return absent && says(why, len, absent);
}

/* It would be the host's, and its pages the host's. */
static bool script_mounts(const struct script *s)
{
	for (unsigned i = 0; i < s->nr_steps; i++)
		if (s->steps[i].verb == VERB_MOUNT)
			return true;
	return false;
}

bool side_lacks(const struct side *s, const struct script *script, char *why, size_t len)
{
	if (s->kind == SIDE_HOST)
		return host_lacks(script, why, len);
	return s->kind == SIDE_RUN && script_mounts(script) &&
	       says(why, len, "has no file systems of huge pages");
}

/* Under `quire run` the machine is the stage's, and lasts as long; its pools, too. */
static int provide_stage(struct side *s, uint32_t nodes, bool huge)
{
	if (s->pid && s->kind == SIDE_RUN && (s->nodes != nodes || huge || s->board->huge))
		end_stage(s, true);
	s->nodes = nodes;
	return s->pid ? 0 : start_stage(s);
}

int side_begin(struct side *s, const struct script *script)
{
	char why[SIDE_WHY];
	int err;

	/* Whoever calls: the host gets nothing that it must not. */
	if (side_lacks(s, script, why, sizeof(why)))
		return -EPERM;
	err = provide_stage(s, script->nodes, script_uses_huge(script));
	if (err)
		return err;
	memcpy(&s->board->script, script, sizeof(*script));
	/* Here, for a stage that dies at once must not leave those of another script. */
	s->board->turn = 0;
	s->board->huge = script_uses_huge(script);
	memset(s->board->pids, 0, sizeof(s->board->pids));
	memset(&s->board->vars[VAR_FIRST], 0,
	       sizeof(s->board->vars) - VAR_FIRST * sizeof(s->board->vars[0]));
	for (unsigned i = 0; i < script->nr_steps; i++)
		memset(&s->board->results[i], 0, sizeof(s->board->results[i]));
	return write(s->commands, "", 1) == 1 ? 0 : -errno;
}

static int await_end(struct side *s, unsigned seconds)
{
	struct pollfd p = {.fd = s->answers, .events = POLLIN};
	char byte;
	int n;

	do
		n = poll(&p, 1, (int)seconds * 1000);
	while (n < 0 && errno == EINTR);
	if (n > 0 && read(s->answers, &byte, 1) == 1)
		return 0;
	end_stage(s, false);
	return n ? -EPIPE : -ETIMEDOUT;
}

int side_finish(struct side *s, unsigned seconds)
{
	int err = await_end(s, seconds);

	if (s->kind == SIDE_HOST && s->board->huge && !pool_settle())
		return -ENOTRECOVERABLE;
	return err;
}
