// SPDX-License-Identifier: MIT
/*
 * ahead_ram.c WHAT: for a machine of 64 MiB: what was mapped ahead and never used is there for who
 * needs it, and is taken from nobody who does.  Exits 0 unless somebody is killed for want of
 * memory.
 *
 *   children  eight processes have memory ahead, a ninth needs it
 *   threads   two threads need what is ahead of a third at the same time
 *   message   a datagram is received when memory runs out for the second half of its buffer
 */
#include "proc.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>

#define CHILDREN 8
#define ARRAYS 50
#define MEBIBYTES 34ul

/* Each array of 16 pages may have as many more behind it. */
static void write_arrays(int n)
{
	for (int i = 0; i < n; i++)
		touch(map_alone(64, MAP_PRIVATE), 16);
}

/* Nothing is mapped ahead of who goes downwards. */
static void write_downwards(char *p, size_t pages)
{
	while (pages--)
		p[pages * PAGE] = 1;
}

static pid_t child_with_arrays(void)
{
	int fd[2];
	pid_t pid;
	char c;

	if (pipe(fd))
		exit(1);
	pid = fork();
	if (!pid) {
		alarm(60);
		write_arrays(ARRAYS);
		if (write(fd[1], &fd, 1) == 1)
			pause();
		_exit(1);
	}
	same("a child has written", read(fd[0], &c, 1), 1);
	return pid;
}

static void test_children(void)
{
	pid_t children[CHILDREN];

	for (int i = 0; i < CHILDREN; i++)
		children[i] = child_with_arrays();
	write_downwards(map_alone(MEBIBYTES << 8, MAP_PRIVATE), MEBIBYTES << 8);
	for (int i = 0; i < CHILDREN; i++) {
		int status = 0;

		same("a child still waits", waitpid(children[i], &status, WNOHANG), 0);
		kill(children[i], SIGKILL);
	}
}

static pthread_barrier_t start;

static void *write_half(void *arg)
{
	pthread_barrier_wait(&start);
	write_downwards(arg, MEBIBYTES << 7);
	return arg;
}

static void test_threads(void)
{
	char *p = map_alone(MEBIBYTES << 8, MAP_PRIVATE);
	pthread_t t;

	write_arrays(400);
	pthread_barrier_init(&start, NULL, 2);
	pthread_create(&t, NULL, write_half, p);
	write_half(p + (MEBIBYTES << 7) * PAGE);
	pthread_join(t, NULL);
}

static size_t free_pages(void)
{
	struct sysinfo si;

	sysinfo(&si);
	return si.freeram / PAGE;
}

static char *map_large(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	return p;
}

/* `used` lies between pages that are ahead, and is flushed with them. */
static void receive(int fd[2], char *used, char *fresh, int number)
{
	struct iovec v[2] = {{used, 8}, {fresh, 8}};
	struct msghdr h = {.msg_iov = v, .msg_iovlen = 2};
	char text[16];

	memset(text, 'a' + number % 26, sizeof(text));
	if (send(fd[0], text, sizeof(text), 0) != sizeof(text))
		exit(1);
	if (recvmsg(fd[1], &h, MSG_DONTWAIT) != sizeof(text) || used[0] != text[0] ||
	    fresh[7] != text[0])
		check(false, "a message comes", "  number %d", number);
}

static void test_message(void)
{
	size_t at = 1 << 20;
	char *big = map_large(at), *piece = map_large(512);
	int fd[2];

	piece += PAGE * 256 - (uintptr_t)piece % (PAGE * 256);
	for (size_t i = 0; i < 32; i++)
		touch(piece + i * 8 * PAGE, 2);
	piece[204 * PAGE] = 1;
	socketpair(AF_UNIX, SOCK_DGRAM, 0, fd);
	for (size_t n = free_pages(); n >= 400; n = free_pages())
		write_downwards(big + (at -= n - 390) * PAGE, n - 390);
	for (int i = 0; i < 370; i++)
		receive(fd, piece + 204 * PAGE, big + --at * PAGE, i);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	alarm(60);
	if (!strcmp(what, "children"))
		test_children();
	else if (!strcmp(what, "threads"))
		test_threads();
	else if (!strcmp(what, "message"))
		test_message();
	else
		return 2;
	return finish();
}
