/* SPDX-License-Identifier: MIT */
/* stub_threads.c: threads, futexes between them and between processes, and how threads end. */
#include "must_fork.h"
#include "stub_test.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>

extern char **environ;

static __thread int local;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;

static void *add(void *arg)
{
	local = (int)(intptr_t)arg;
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		pthread_mutex_unlock(&lock);
	}
	return (void *)(intptr_t)(local * 2);
}

static void joining(void)
{
	pthread_t t[16];
	void *r;

	counter = 0;
	for (int i = 0; i < 16; i++)
		CHECK(pthread_create(&t[i], NULL, add, (void *)(intptr_t)i) == 0);
	for (int i = 0; i < 16; i++) {
		CHECK(pthread_join(t[i], &r) == 0 && (intptr_t)r == 2 * i);
	}
	CHECK(counter == 32000 && local == 0);
}

static void *nothing(void *arg)
{
	return arg;
}

static void churn(void)
{
	for (int i = 0; i < 500; i++) {
		pthread_t t;

		CHECK(pthread_create(&t, NULL, nothing, NULL) == 0);
		if (i % 2)
			pthread_join(t, NULL);
		else
			pthread_detach(t);
	}
}

static int ping;

static void *pong(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		while (ping != 1)
			pthread_cond_wait(&cond, &lock);
		ping = 0;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void conditions(void)
{
	pthread_t t;

	pthread_create(&t, NULL, pong, NULL);
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&lock);
		ping = 1;
		pthread_cond_signal(&cond);
		while (ping)
			pthread_cond_wait(&cond, &lock);
		pthread_mutex_unlock(&lock);
	}
	CHECK(pthread_join(t, NULL) == 0);
}

/* A waiter on a page that is copied away under it (fork, then a write) is still found. */
static int word, beside_word;

static void *wait_word(void *arg)
{
	struct timespec t = {100, 0};

	return (void *)(intptr_t)(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0) ? errno
											: 0) +
	       (intptr_t)arg;
}

static void futex_over_cow(void)
{
	pthread_t t;
	void *r;
	pid_t pid;
	int n = 0, status;

	word = 0;
	pthread_create(&t, NULL, wait_word, NULL);
	usleep(50000);
	pid = must_fork();
	if (!pid) {
		usleep(100000);
		_exit(beside_word);
	}
	/* Copies the page; the word stays as it is, for whoever comes late to wait on it. */
	*(volatile int *)&beside_word = 1;
	for (int i = 0; i < 60000 && n == 0; i++) {
		n = (int)syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
		usleep(1000);
	}
	CHECK(n == 1);
	pthread_join(t, &r);
	CHECK(r == NULL);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

struct shared {
	sem_t a, b;
	pthread_mutex_t mutex, robust;
	long n;
};

static struct shared *map_shared(void)
{
	struct shared *s =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->mutex, &attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&s->robust, &attr);
	sem_init(&s->a, 1, 0);
	sem_init(&s->b, 1, 0);
	return s;
}

static void semaphores(void)
{
	struct shared *s = map_shared();
	int status;
	pid_t pid = must_fork();

	if (!pid) {
		for (int i = 0; i < 500; i++) {
			sem_wait(&s->b);
			sem_post(&s->a);
		}
		_exit(0);
	}
	for (int i = 0; i < 500; i++) {
		sem_post(&s->b);
		sem_wait(&s->a);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void shared_mutex(void)
{
	struct shared *s = map_shared();
	pid_t pid[4];

	for (int k = 0; k < 4; k++) {
		pid[k] = must_fork();
		if (!pid[k]) {
			for (int i = 0; i < 1000; i++) {
				pthread_mutex_lock(&s->mutex);
				s->n++;
				pthread_mutex_unlock(&s->mutex);
			}
			_exit(0);
		}
	}
	for (int k = 0; k < 4; k++)
		waitpid(pid[k], NULL, 0);
	CHECK(s->n == 4000);
}

static struct shared *robust;

static void *take_robust(void *arg)
{
	pthread_mutex_lock(&robust->robust);
	return arg;
}

static void robust_thread(void)
{
	pthread_t t;

	robust = map_shared();
	pthread_create(&t, NULL, take_robust, NULL);
	pthread_join(t, NULL);
	CHECK(pthread_mutex_lock(&robust->robust) == EOWNERDEAD);
	CHECK(pthread_mutex_consistent(&robust->robust) == 0);
	CHECK(pthread_mutex_unlock(&robust->robust) == 0);
}

static void robust_process(int sig)
{
	int status;
	pid_t pid;

	robust = map_shared();
	pid = must_fork();
	if (!pid) {
		pthread_mutex_lock(&robust->robust);
		if (sig)
			kill(getpid(), sig);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(pthread_mutex_lock(&robust->robust) == EOWNERDEAD);
}

static void robust_exit(void)
{
	robust_process(0);
}

static void robust_killed(void)
{
	robust_process(SIGKILL);
}

static volatile int running;

static void *spin(void *arg)
{
	running++;
	for (;;)
		pthread_testcancel();
	return arg;
}

static void *block(void *arg)
{
	running++;
	for (;;)
		sleep(100);
	return arg;
}

static void cancelling(void)
{
	pthread_t a, b;
	void *r;

	running = 0;
	pthread_create(&a, NULL, spin, NULL);
	pthread_create(&b, NULL, block, NULL);
	while (running < 2)
		sched_yield();
	usleep(10000);
	CHECK(pthread_cancel(a) == 0 && pthread_cancel(b) == 0);
	CHECK(pthread_join(a, &r) == 0 && r == PTHREAD_CANCELED);
	CHECK(pthread_join(b, &r) == 0 && r == PTHREAD_CANCELED);
}

static void *forks(void *arg)
{
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = must_fork();

		if (!pid)
			_exit(i);
		if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != i)
			return (void *)1;
	}
	return arg;
}

static void *dirty(void *arg)
{
	volatile char *p = anon(64 * 4096);

	while (running) {
		for (int i = 0; i < 64; i++)
			p[i * 4096]++;
	}
	for (int i = 1; i < 64; i++) {
		if (p[i * 4096] != p[0])
			return (void *)1;
	}
	return arg;
}

/* fork while other threads write: no write is lost. */
static void forking_threads(void)
{
	pthread_t w[2], f[2];
	void *r;

	running = 1;
	for (int i = 0; i < 2; i++) {
		pthread_create(&w[i], NULL, dirty, NULL);
		pthread_create(&f[i], NULL, forks, NULL);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(f[i], &r);
		CHECK(r == NULL);
	}
	running = 0;
	for (int i = 0; i < 2; i++) {
		pthread_join(w[i], &r);
		CHECK(r == NULL);
	}
}

static void spawning(void)
{
	char *argv[] = {(char *)"true", NULL};
	pid_t pid;

	for (int i = 0; i < 20; i++) {
		int status;

		CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
		CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	}
	CHECK(posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ) == ENOENT);
}

static void *unmapper(void *arg)
{
	for (int i = 0; i < 300; i++) {
		char *p = anon(16 * 4096);

		memset(p, i, 16 * 4096);
		for (int k = 0; k < 16; k++) {
			if (p[k * 4096] != (char)i)
				return (void *)1;
		}
		munmap(p, 16 * 4096);
	}
	return arg;
}

static void mapping_threads(void)
{
	pthread_t t[4];
	void *r;

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, unmapper, NULL);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		CHECK(r == NULL);
	}
}

static void *exec_true(void *arg)
{
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	return arg;
}

static void exec_from_thread(void)
{
	int status;
	pid_t pid = must_fork();

	if (!pid) {
		pthread_t a, b;

		pthread_create(&a, NULL, block, NULL);
		pthread_create(&b, NULL, exec_true, NULL);
		pthread_join(b, NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
}

static void *last_one(void *arg)
{
	usleep(30000);
	printf("last thread\n");
	fflush(stdout);
	_exit(6);
	return arg;
}

static void main_thread_first(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = must_fork();
	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, last_one, NULL);
		pthread_exit(NULL);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 6);
}

/* The word for the descriptor is on a page that the fork itself makes copy-on-write. */
static void pidfd_over_cow(void)
{
	static int pidfd;

	for (int i = 0; i < 10; i++) {
		siginfo_t si;
		long pid;

		pidfd = -1;
		pid = syscall(SYS_clone, (long)SIGCHLD | CLONE_PIDFD, 0l, &pidfd, 0l, 0l);
		if (!pid)
			_exit(pidfd == -1 ? i : 99);
		CHECK(pid > 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
		CHECK(waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &si, WEXITED) == 0);
		CHECK(si.si_pid == pid && si.si_status == i);
		close(pidfd);
	}
	FAILS(syscall(SYS_clone, (long)SIGCHLD | CLONE_PIDFD, 0l, 8l, 0l, 0l), EFAULT);
	FAILS(syscall(SYS_clone, (long)SIGCHLD | CLONE_PIDFD | CLONE_PARENT_SETTID, 0l, &pidfd, 0l,
		      0l),
	      EINVAL);
}

/* More than fits into what is carried over for programs with threads. */
static void large_reads(void)
{
	static char buf[3 << 20];
	int zero = open("/dev/zero", O_RDONLY), random = open("/dev/urandom", O_RDONLY);

	memset(buf, 1, sizeof(buf));
	CHECK(read(zero, buf, sizeof(buf)) == sizeof(buf));
	CHECK(!buf[0] && !buf[100000] && !buf[sizeof(buf) - 1]);
	CHECK(pread(zero, buf, 200000, 4096) == 200000);
	CHECK(read(random, buf, 200000) == 200000 && memcmp(buf, buf + 100000, 99999));
	CHECK(read(open("/dev/null", O_RDONLY), buf, 200000) == 0);
	close(zero);
	close(random);
}

int main(void)
{
	RUN(joining);
	RUN(churn);
	RUN(conditions);
	RUN(futex_over_cow);
	RUN(semaphores);
	RUN(shared_mutex);
	RUN(robust_thread);
	RUN(robust_exit);
	RUN(robust_killed);
	RUN(cancelling);
	RUN(forking_threads);
	RUN(spawning);
	RUN(pidfd_over_cow);
	RUN(mapping_threads);
	RUN(large_reads);
	RUN(exec_from_thread);
	RUN(main_thread_first);
	return failures != 0;
}
