/* SPDX-License-Identifier: MIT */
/*
 * file_open.c: a mapping holds the open file that it was made of, and nothing else holds it: locks,
 * leases, seals, a deleted file's space and an inotify watch know, at the moment when the last
 * mapping goes.  The same natively and under quire.
 */
#include "stub_test.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define PG 4096ul
#define RW (PROT_READ | PROT_WRITE)
#define MANY 1000

static char name[] = "/tmp/file_open-XXXXXX";

static int open_locked(int flags)
{
	int fd = open(name, flags);

	CHECK(fd >= 0 && !flock(fd, LOCK_EX));
	return fd;
}

/* By another open file. */
static int is_locked(void)
{
	int fd = open(name, O_RDWR), r = flock(fd, LOCK_EX | LOCK_NB);

	close(fd);
	return r && errno == EWOULDBLOCK;
}

static char *map(int fd, size_t bytes, int prot, int flags, off_t off)
{
	char *p = mmap(NULL, bytes, prot, flags, fd, off);

	CHECK(p != MAP_FAILED);
	return p;
}

static void locks_end_with_munmap(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, RW};
	static const int kinds[] = {MAP_SHARED, MAP_PRIVATE};

	for (int i = 0; i < 6; i++) {
		int fd = open_locked(O_RDWR);
		char *p = map(fd, 2 * PG, prots[i / 2], kinds[i % 2], 0);

		if (prots[i / 2] & PROT_WRITE)
			p[0] = 1;
		close(fd);
		CHECK(is_locked());
		munmap(p, PG);
		CHECK(is_locked());
		munmap(p + PG, PG);
		CHECK(!is_locked());
	}
}

static void locks_end_with_what_replaces(void)
{
	int fd = open_locked(O_RDONLY);
	char *p = map(fd, PG, PROT_READ, MAP_PRIVATE, 0), *q;

	close(fd);
	CHECK(mmap(p, PG, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	CHECK(!is_locked());

	fd = open_locked(O_RDONLY);
	p = map(fd, PG, PROT_READ, MAP_PRIVATE, 0);
	close(fd);
	fd = open(name, O_RDONLY);
	CHECK(mmap(p, PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p);
	CHECK(!is_locked());
	close(fd);
	munmap(p, PG);

	fd = open_locked(O_RDONLY);
	p = map(fd, PG, PROT_READ, MAP_PRIVATE, 0);
	close(fd);
	q = map(-1, PG, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	CHECK(mremap(q, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p);
	CHECK(!is_locked());
	munmap(p, PG);

	fd = open_locked(O_RDONLY);
	p = map(fd, PG, PROT_READ, MAP_PRIVATE, 0);
	close(fd);
	q = map(-1, PG, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	CHECK(mremap(p, PG, PG, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK(is_locked());
	munmap(q, PG);
	CHECK(!is_locked());
}

/* What a descriptor's number meant before says nothing of what it means now. */
static void numbers_are_no_files(void)
{
	int fd = open_locked(O_RDWR), other;
	char *p = map(fd, PG, PROT_READ, MAP_SHARED, 0), *q;

	close(fd);
	munmap(p, PG);
	other = open(name, O_RDWR);
	p = map(other, PG, PROT_READ, MAP_SHARED, 0);
	close(other);
	CHECK((fd = open_locked(O_RDWR)) == other);
	q = map(fd, PG, PROT_READ, MAP_SHARED, 0);
	close(fd);
	CHECK(is_locked());
	munmap(p, PG);
	CHECK(is_locked());
	munmap(q, PG);
	CHECK(!is_locked());

	other = open(name, O_RDWR);
	p = map(other, PG, PROT_READ, MAP_SHARED, 0);
	fd = open_locked(O_RDWR);
	CHECK(dup2(fd, other) == other);
	close(fd);
	q = map(other, PG, PROT_READ, MAP_SHARED, 0);
	close(other);
	munmap(p, PG);
	CHECK(is_locked());
	munmap(q, PG);
	CHECK(!is_locked());
}

static void wait_for(pid_t pid)
{
	int status;

	fflush(stdout);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Whichever of parent and child goes last. */
static void fork_holds_it_too(void)
{
	int fd = open_locked(O_RDWR), go[2];
	char *p = map(fd, PG, RW, MAP_SHARED, 0), c;
	pid_t pid;

	close(fd);
	p[0] = 1;
	CHECK(!pipe(go));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		CHECK(read(go[0], &c, 1) == 1 && is_locked() && p[0] == 1);
		munmap(p, PG);
		CHECK(!is_locked());
		_exit(failures != 0);
	}
	munmap(p, PG);
	CHECK(is_locked());
	CHECK(write(go[1], "", 1) == 1);
	wait_for(pid);

	fd = open_locked(O_RDWR);
	p = map(fd, PG, RW, MAP_SHARED, 0);
	close(fd);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(p[0] != 1);
	wait_for(pid);
	CHECK(is_locked());
	munmap(p, PG);
	CHECK(!is_locked());

	/* What the child does not get, it does not hold. */
	fd = open_locked(O_RDWR);
	p = map(fd, PG, RW, MAP_SHARED, 0);
	close(fd);
	CHECK(!madvise(p, PG, MADV_DONTFORK));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		CHECK(read(go[0], &c, 1) == 1 && !is_locked());
		_exit(failures != 0);
	}
	munmap(p, PG);
	CHECK(write(go[1], "", 1) == 1);
	wait_for(pid);
	close(go[0]);
	close(go[1]);
}

static void seals(void)
{
	int fd = memfd_create("seals", MFD_ALLOW_SEALING);
	char *p, *q;

	CHECK(!ftruncate(fd, 2 * PG));
	p = map(fd, PG, RW, MAP_SHARED, 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EBUSY);
	munmap(p, PG);
	p = map(fd, PG, RW, MAP_PRIVATE, 0);
	p[0] = 7;
	CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	q = map(fd, PG, PROT_READ, MAP_SHARED, 0);
	CHECK(q[0] == 0 && p[0] == 7 && mprotect(q, PG, RW) < 0 && errno == EACCES);
	CHECK(mmap(NULL, PG, RW, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
	munmap(p, PG);
	munmap(q, PG);
	close(fd);

	fd = memfd_create("future", MFD_ALLOW_SEALING);
	CHECK(!ftruncate(fd, 2 * PG));
	p = map(fd, PG, RW, MAP_SHARED, 0);
	CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	q = map(fd, 2 * PG, PROT_READ, MAP_SHARED, 0);
	p[1] = 'w';
	CHECK(q[1] == 'w' && q[PG] == 0);
	CHECK(mprotect(q, 2 * PG, RW) < 0 && errno == EACCES);
	CHECK(!mprotect(p, PG, PROT_READ) && !mprotect(p, PG, RW));
	p[1] = 'x';
	CHECK(q[1] == 'x');
	munmap(p, PG);
	munmap(q, 2 * PG);
	close(fd);
}

static long megabytes_used(void)
{
	struct statvfs s;

	return statvfs("/dev/shm", &s) ? -1 : (long)((s.f_blocks - s.f_bfree) * s.f_frsize >> 20);
}

/* Memory that a file has while it is mapped, and no longer.
 * Others' files come and go meanwhile. */
static bool gives_space_back(const char *file, size_t bytes)
{
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	long before = megabytes_used(), mapped, after;
	char *p;

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)bytes));
	p = map(fd, bytes, RW, MAP_SHARED, 0);
	memset(p, 1, bytes);
	unlink(file);
	close(fd);
	mapped = megabytes_used();
	munmap(p, bytes);
	after = megabytes_used();
	return mapped >= before + 60 && after < before + 60;
}

static void space_of_deleted_files(void)
{
	char file[64];
	int tries = 0;

	snprintf(file, sizeof(file), "/dev/shm/file_open-%d", (int)getpid());
	if (megabytes_used() < 0) {
		printf("skipped: no /dev/shm\n");
		return;
	}
	while (tries < 50 && !gives_space_back(file, 64ul << 20))
		tries++;
	CHECK(tries < 50);
}

static void watches(void)
{
	int watch = inotify_init1(IN_NONBLOCK), fd = open(name, O_RDWR);
	char events[4096], *p;

	CHECK(inotify_add_watch(watch, name, IN_CLOSE) >= 0);
	p = map(fd, PG, RW, MAP_SHARED, 0);
	p[0] = 1;
	close(fd);
	CHECK(read(watch, events, sizeof(events)) < 0 && errno == EAGAIN);
	munmap(p, PG);
	CHECK(read(watch, events, sizeof(events)) > 0);
	close(watch);
}

static void leases(void)
{
	int fd = open(name, O_RDONLY);
	char *p = map(fd, PG, PROT_READ, MAP_PRIVATE, 0);

	CHECK(p[0] >= 0);
	CHECK(!fcntl(fd, F_SETLEASE, F_WRLCK) && !fcntl(fd, F_SETLEASE, F_UNLCK));
	munmap(p, PG);
	CHECK(!fcntl(fd, F_SETLEASE, F_WRLCK));
	close(fd);
}

/* One inode by two mounts: each mapping has the rights of the one that it was opened by. */
static void rights_by_mount(const char *dir)
{
	char here[80], there[80], path[100];
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
	int fd, exec, noexec;
	char *p;

	snprintf(here, sizeof(here), "%s/a", dir);
	snprintf(there, sizeof(there), "%s/b", dir);
	mkdir(here, 0700);
	mkdir(there, 0700);
	if (mount("none", here, "tmpfs", 0, NULL)) {
		printf("skipped: may not mount\n");
		return;
	}
	CHECK(!mount(here, there, NULL, MS_BIND, NULL));
	CHECK(!mount(NULL, there, NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC, NULL));
	snprintf(path, sizeof(path), "%s/f", here);
	fd = open(path, O_RDWR | O_CREAT, 0700);
	CHECK(write(fd, code, sizeof(code)) == sizeof(code));
	close(fd);
	exec = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "%s/f", there);
	noexec = open(path, O_RDONLY);
	p = map(exec, PG, PROT_READ, MAP_PRIVATE, 0);
	CHECK(mmap(NULL, PG, PROT_READ | PROT_EXEC, MAP_PRIVATE, noexec, 0) == MAP_FAILED &&
	      errno == EPERM);
	CHECK(!mprotect(p, PG, PROT_READ | PROT_EXEC) && ((int (*)(void))p)() == 42);
	munmap(p, PG);
	p = map(noexec, PG, PROT_READ, MAP_PRIVATE, 0);
	CHECK(mprotect(p, PG, PROT_READ | PROT_EXEC) < 0 && errno == EACCES);
	close(exec);
	close(noexec);
	CHECK(umount2(there, 0) < 0 && errno == EBUSY);
	munmap(p, PG);
	CHECK(!umount2(there, 0) && !umount2(here, 0));
	rmdir(here);
	rmdir(there);
}

static int maps_say(const char *what)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0;

	while (fgets(line, sizeof(line), f))
		n += strstr(line, what) != NULL;
	fclose(f);
	return n;
}

static void names(const char *dir)
{
	char one[64], two[64], three[64];
	int a, b;
	char *p, *q;

	snprintf(one, sizeof(one), "%s/one", dir);
	snprintf(two, sizeof(two), "%s/two", dir);
	snprintf(three, sizeof(three), "%s/three", dir);
	a = open(one, O_RDWR | O_CREAT, 0600);
	CHECK(!ftruncate(a, PG) && !link(one, two));
	b = open(two, O_RDONLY);
	p = map(a, PG, RW, MAP_SHARED, 0);
	q = map(b, PG, PROT_READ, MAP_PRIVATE, 0);
	close(a);
	close(b);
	CHECK(maps_say(one) == 1 && maps_say(two) == 1);
	CHECK(!rename(one, three) && maps_say(one) == 0 && maps_say(three) == 1);
	unlink(two);
	CHECK(maps_say("/two (deleted)") == 1 && maps_say("/three (deleted)") == 0);
	unlink(three);
	munmap(p, PG);
	munmap(q, PG);
	CHECK(maps_say(dir) == 0);
}

/* Everybody maps and unmaps, and forks: in the end nobody holds anything. */
static void *maps_and_unmaps(void *arg)
{
	char *path = arg;

	for (int i = 0; i < 200; i++) {
		int fd = open(path, O_RDWR);
		char *p;

		CHECK(fd >= 0 && !flock(fd, LOCK_SH));
		p = map(fd, 2 * PG, RW, i % 2 ? MAP_SHARED : MAP_PRIVATE, 0);
		p[i % 2 ? PG : 0] = (char)i;
		if (i % 3)
			close(fd);
		munmap(p, 2 * PG);
		if (!(i % 3))
			close(fd);
	}
	return NULL;
}

static void threads_and_forks(void)
{
	pthread_t threads[4];

	fflush(stdout);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, maps_and_unmaps, name));
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		wait_for(pid);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(!is_locked() && maps_say(name) == 0);
}

/* More open files than one answer can name. */
static void many_go_at_once(void)
{
	char *p = map(-1, MANY * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (size_t i = 0; i < MANY; i++) {
		int fd = open(name, O_RDONLY);

		CHECK(fd >= 0 && !flock(fd, LOCK_SH));
		CHECK(mmap(p + i * PG, PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) ==
		      p + i * PG);
		close(fd);
	}
	CHECK(maps_say(name) == MANY);
	munmap(p + PG, (MANY - 1) * PG);
	CHECK(is_locked() && maps_say(name) == 1);
	munmap(p, PG);
	CHECK(!is_locked() && maps_say(name) == 0);
}

/* Mapped piece by piece from one descriptor: one mapping. */
static void pieces_merge(void)
{
	int fd = open(name, O_RDONLY);
	char *p = map(-1, 2 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	CHECK(mmap(p, PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p);
	CHECK(mmap(p + PG, PG, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PG) == p + PG);
	CHECK(maps_say(name) == 1);
	munmap(p, 2 * PG);
	close(fd);
}

/* Whichever number one open file has. */
static void duplicates_merge(void)
{
	int fd = open(name, O_RDWR), other = dup(fd), third = open(name, O_RDWR);
	char *p = map(-1, 2 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);

	for (int i = 0; i < 2; i++) {
		int kind = (i ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED;

		CHECK(mmap(p, PG, PROT_READ, kind, fd, 0) == p);
		CHECK(mmap(p + PG, PG, PROT_READ, kind, other, PG) == p + PG);
		CHECK(maps_say(name) == 1);
		CHECK(mmap(p, PG, PROT_READ, kind, third, 0) == p);
		CHECK(maps_say(name) == 2);
		CHECK(mmap(p, PG, PROT_READ, kind, other, 0) == p);
		CHECK(maps_say(name) == 1);
	}
	/* The first number is closed, and means another file. */
	close(fd);
	CHECK(dup2(third, fd) == fd);
	CHECK(mmap(p, PG, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == p && maps_say(name) == 2);
	CHECK(mmap(p, PG, PROT_READ, MAP_SHARED | MAP_FIXED, other, 0) == p);
	CHECK(maps_say(name) == 1);
	/* Read-only at first. */
	CHECK(mmap(p, PG, RW, MAP_SHARED | MAP_FIXED, other, 0) == p && maps_say(name) == 2);
	CHECK(mmap(p + PG, PG, RW, MAP_SHARED | MAP_FIXED, other, PG) == p + PG);
	CHECK(maps_say(name) == 1);
	munmap(p, 2 * PG);
	close(fd);
	close(other);
	close(third);
}

/* ---- threads that have descriptors of their own --------------------------------------- */

static sem_t begin, done;
static int (*leave_table)(void);

static int by_unshare(void)
{
	return unshare(CLONE_FILES);
}

static int by_close_range(void)
{
	return (int)syscall(SYS_close_range, 2000, 2001, CLOSE_RANGE_UNSHARE);
}

/* The same number: here of a file that is locked, elsewhere of another one of the same name. */
static void *maps_its_own(void *arg)
{
	int number = *(int *)arg, fd;
	char *p;

	CHECK(leave_table() == 0 && close(number) == 0);
	sem_post(&done);
	sem_wait(&begin);
	fd = open_locked(O_RDWR);
	CHECK(fd == number);
	p = map(fd, PG, RW, MAP_SHARED, 0);
	close(fd);
	sem_post(&done);
	sem_wait(&begin);
	munmap(p, PG);
	return NULL;
}

static void tables_of_threads(void)
{
	static int (*const ways[])(void) = {by_unshare, by_close_range};

	for (int i = 0; i < 2; i++) {
		int fd = open(name, O_RDWR);
		pthread_t thread;
		char *p;

		leave_table = ways[i];
		CHECK(!sem_init(&begin, 0, 0) && !sem_init(&done, 0, 0));
		CHECK(!pthread_create(&thread, NULL, maps_its_own, &fd));
		sem_wait(&done);
		p = map(fd, PG, RW, MAP_SHARED, 0);
		sem_post(&begin);
		sem_wait(&done);
		/* What the thread has mapped holds what the thread has opened. */
		CHECK(is_locked());
		close(fd);
		munmap(p, PG);
		CHECK(is_locked());
		sem_post(&begin);
		pthread_join(thread, NULL);
		CHECK(!is_locked());
	}
}

int main(void)
{
	char dir[] = "/tmp/file_open_dir-XXXXXX";
	int fd = mkstemp(name);

	CHECK(fd >= 0 && !ftruncate(fd, 2 * PG) && mkdtemp(dir));
	close(fd);
	locks_end_with_munmap();
	locks_end_with_what_replaces();
	numbers_are_no_files();
	fork_holds_it_too();
	seals();
	space_of_deleted_files();
	watches();
	leases();
	rights_by_mount(dir);
	names(dir);
	many_go_at_once();
	pieces_merge();
	duplicates_merge();
	tables_of_threads();
	threads_and_forks();
	unlink(name);
	rmdir(dir);
	return failures != 0;
}
