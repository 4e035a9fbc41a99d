/* SPDX-License-Identifier: MIT */
/* stub_flush.c: pages taken from a process by another one, whatever it is doing. */
#include "must_fork.h"
#include "stub_test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#define PAGE_BYTES 4096

static void *shared(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

struct calls {
	uint64_t made, wrong;
};

/* Touches the page that its parent takes away, and makes calls in between. */
static void call_on(volatile char *page, volatile struct calls *calls, pid_t parent)
{
	alarm(600);
	for (;;) {
		page[0] = 1;
		for (int i = 0; i < 20; i++) {
			calls->wrong += syscall(SYS_getppid) != parent;
			calls->made++;
		}
	}
}

/* No call of a process is lost or wrong because somebody else's takes a page from it meanwhile. */
static void during_calls(void)
{
	volatile struct calls *calls = shared(PAGE_BYTES);
	char *page = shared(PAGE_BYTES);
	pid_t parent = getpid(), pid = must_fork();

	if (!pid)
		call_on(page, calls, parent);
	for (int i = 0; i < 1000 || !calls->made; i++)
		CHECK(madvise(page, PAGE_BYTES, MADV_REMOVE) == 0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid && calls->wrong == 0);
}

#define NR_PAGES 32
#define NR_THREADS 5

/* What a process that is to be stopped works on, all in shared memory. */
struct work {
	char *pages;             /* each filled with its content */
	volatile uint32_t ready; /* threads that have seen the old content */
	volatile uint32_t round; /* bumped when the content has been changed */
	volatile uint32_t wrong, seen, signals;
};

static struct work *work;

static bool all_are(char content)
{
	for (int i = 0; i < NR_PAGES; i++) {
		if (((volatile char *)work->pages)[i * PAGE_BYTES] != content)
			return false;
	}
	return true;
}

static void on_signal(int sig)
{
	(void)sig;
	if (!all_are((char)work->round))
		__atomic_add_fetch(&work->wrong, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&work->signals, 1, __ATOMIC_SEQ_CST);
}

/* Looks all the time.  The content is only changed while this thread is stopped. */
static void *look(void *arg)
{
	uint32_t round = 0;

	for (;;) {
		uint32_t now = __atomic_load_n(&work->round, __ATOMIC_SEQ_CST);

		if (!all_are((char)now) && now == __atomic_load_n(&work->round, __ATOMIC_SEQ_CST))
			__atomic_add_fetch(&work->wrong, 1, __ATOMIC_SEQ_CST);
		if (!round)
			__atomic_add_fetch(&work->ready, 1, __ATOMIC_SEQ_CST);
		if (round && now != round)
			__atomic_add_fetch(&work->seen, 1, __ATOMIC_SEQ_CST);
		round = now;
	}
	return arg;
}

static pid_t start_lookers(int threads)
{
	pthread_t t;
	pid_t pid = must_fork();

	if (pid)
		return pid;
	alarm(600);
	signal(SIGUSR1, on_signal);
	signal(SIGCONT, on_signal);
	for (int i = 1; i < threads; i++)
		pthread_create(&t, NULL, look, NULL);
	look(NULL);
	_exit(1);
}

static void stop(pid_t pid)
{
	int status;

	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

/* Takes the pages away, in more requests than one, and fills them anew. */
static void change(char content)
{
	for (int i = 0; i < NR_PAGES; i += 2)
		CHECK(madvise(work->pages + i * PAGE_BYTES, PAGE_BYTES, MADV_REMOVE) == 0);
	CHECK(madvise(work->pages, NR_PAGES * PAGE_BYTES, MADV_REMOVE) == 0);
	for (int i = 0; i < NR_PAGES; i++)
		memset(work->pages + i * PAGE_BYTES, content, PAGE_BYTES);
}

static void wait_for(volatile uint32_t *word, uint32_t value)
{
	while (*word < value)
		sched_yield();
}

/* Pages are taken from a process that is stopped, which sees so before anything else. */
static void from_stopped(int threads)
{
	pid_t pid;

	work = shared(sizeof(*work));
	work->pages = shared(NR_PAGES * PAGE_BYTES);
	work->round = 1;
	change(1);
	pid = start_lookers(threads);
	wait_for(&work->ready, (uint32_t)threads);
	for (uint32_t round = 2; round < 12; round++) {
		uint32_t seen = work->seen, signals = work->signals;

		stop(pid);
		change((char)round);
		__atomic_store_n(&work->round, round, __ATOMIC_SEQ_CST);
		if (round & 1)
			CHECK(kill(pid, SIGUSR1) == 0);
		CHECK(kill(pid, SIGCONT) == 0);
		wait_for(&work->seen, seen + (uint32_t)threads);
		wait_for(&work->signals, signals + 1 + (round & 1));
	}
	CHECK(work->wrong == 0);
	stop(pid);
	change(0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static void while_stopped(void)
{
	from_stopped(1);
}

static void while_threads_stopped(void)
{
	from_stopped(NR_THREADS);
}

/* Private memory, which its owner has not copied yet, written to by another process. */
static void written_while_stopped(void)
{
	volatile char *flags = shared(PAGE_BYTES), *own = anon(PAGE_BYTES);
	struct iovec from = {(char[]){7}, 1}, to = {(void *)own, 1};
	int status;
	pid_t pid;

	own[0] = 5;
	pid = must_fork();
	if (!pid) {
		alarm(600);
		flags[0] = own[0];
		while (!flags[1])
			flags[2]++;
		_exit(own[0]);
	}
	while (flags[0] != 5)
		sched_yield();
	stop(pid);
	CHECK(process_vm_writev(pid, &from, 1, &to, 1, 0) == 1);
	flags[1] = 1;
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(own[0] == 5);
}

/* Moves the shared pages to and fro, and looks at them. */
static void move(void)
{
	char *at = work->pages, *other = anon(NR_PAGES * PAGE_BYTES);

	for (;;) {
		char *to = mremap(at, NR_PAGES * PAGE_BYTES, NR_PAGES * PAGE_BYTES,
				  MREMAP_MAYMOVE | MREMAP_FIXED, other);

		if (to != other)
			_exit(1);
		other = at;
		at = to;
		for (int i = 0; i < NR_PAGES; i++)
			at[i * PAGE_BYTES] = 1;
		work->ready++;
	}
}

/* A process that is stopped in the midst of its moves keeps nobody from the pages, and goes on. */
static void while_moving(void)
{
	int status;
	pid_t pid;

	work = shared(sizeof(*work));
	work->pages = shared(NR_PAGES * PAGE_BYTES);
	pid = must_fork();
	if (!pid) {
		alarm(600);
		move();
	}
	for (uint32_t i = 1; i <= 60; i++) {
		wait_for(&work->ready, work->ready + i % 3 + 1);
		for (volatile uint32_t n = 0; n < i * 7919 % 20000; n++)
			;
		stop(pid);
		CHECK(madvise(work->pages, NR_PAGES * PAGE_BYTES, MADV_REMOVE) == 0);
		kill(pid, SIGCONT);
	}
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
}

/* vfork's child stops itself; its parent cannot run either, and both look when it goes on. */
static pid_t start_vfork(void)
{
	pid_t pid = must_fork(), child;

	if (pid)
		return pid;
	alarm(600);
	work->wrong += !all_are(1);
	child = vfork();
	if (!child) {
		work->ready = (uint32_t)getpid();
		syscall(SYS_kill, work->ready, SIGSTOP);
		_exit(!all_are(2));
	}
	work->wrong += !all_are(2);
	CHECK(waitpid(child, (int *)&work->seen, 0) == child);
	_exit(work->seen != 0);
}

static bool is_stopped(pid_t pid)
{
	char path[40], text[256] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	end = strrchr(text, ')');
	return end && end[2] == 'T';
}

static void while_vfork_stopped(void)
{
	int status;
	pid_t pid;

	work = shared(sizeof(*work));
	work->pages = shared(NR_PAGES * PAGE_BYTES);
	change(1);
	pid = start_vfork();
	while (!is_stopped((pid_t)work->ready))
		sched_yield();
	change(2);
	CHECK(kill((pid_t)work->ready, SIGCONT) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0 && work->wrong == 0);
}

struct letters {
	volatile uint32_t got; /* numbers received, one after the other */
	volatile uint32_t wrong;
};

static void receive_into(char *page, int fd, struct letters *l)
{
	alarm(600);
	for (uint32_t i = 0;; i++) {
		uint32_t number = 0;
		ssize_t n = recv(fd, page, 64, 0);

		memcpy(&number, page, sizeof(number));
		if (n != sizeof(number) || number != i)
			l->wrong++;
		l->got = i + 1;
	}
}

/* A datagram cannot be asked for twice: it must find the page that it is to be stored into. */
static void removed_while_receiving(void)
{
	struct letters *l = shared(PAGE_BYTES);
	char *page = shared(PAGE_BYTES);
	int fd[2];
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
	pid = must_fork();
	if (!pid)
		receive_into(page, fd[1], l);
	for (uint32_t i = 0; i < 400 && !l->wrong; i++) {
		for (uint32_t k = i % 7; k; k--)
			sched_yield();
		CHECK(madvise(page, PAGE_BYTES, MADV_REMOVE) == 0);
		CHECK(send(fd[0], &i, sizeof(i), 0) == sizeof(i));
		for (int k = 0; l->got <= i && k < 100000; k++)
			usleep(k < 100 ? 10 : 1000);
		if (l->got <= i)
			break;
	}
	CHECK(l->got == 400 && l->wrong == 0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	close(fd[0]);
	close(fd[1]);
}

static volatile int alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* One alarm for each read, which it ends; the next would come much later. */
static void read_until_alarm(char *page, int fd, struct letters *l)
{
	struct sigaction sa = {.sa_handler = on_alarm};

	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < 100; i++) {
		struct itimerval t = {{0, 300000}, {0, 1500 + i * 37 % 1000}}, none = {0};

		alarms = 0;
		setitimer(ITIMER_REAL, &t, NULL);
		if (read(fd, page, 16) != -1 || errno != EINTR)
			l->wrong++;
		l->got += alarms > 1;
		setitimer(ITIMER_REAL, &none, NULL);
	}
	_exit(0);
}

/* A signal ends a call that has begun, though somebody else's flush has interrupted it before. */
static void ended_while_flushed(void)
{
	struct letters *l = shared(PAGE_BYTES);
	char *page = shared(PAGE_BYTES);
	int fd[2], status = -1;
	pid_t pid;

	CHECK(pipe(fd) == 0);
	pid = must_fork();
	if (!pid)
		read_until_alarm(page, fd[0], l);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		madvise(page, PAGE_BYTES, MADV_REMOVE);
		usleep(500);
	}
	CHECK(status == 0 && l->wrong == 0);
	/* The alarm itself may come before the read has begun, if the machine is busy. */
	CHECK(l->got < 5);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	/* Whoever waits for a flush that does not come cannot be interrupted, but killed. */
	alarm(600);
	RUN(during_calls);
	RUN(while_stopped);
	RUN(while_threads_stopped);
	RUN(written_while_stopped);
	RUN(while_vfork_stopped);
	RUN(while_moving);
	RUN(removed_while_receiving);
	RUN(ended_while_flushed);
	return failures != 0;
}
