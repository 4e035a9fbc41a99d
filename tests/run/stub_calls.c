/* SPDX-License-Identifier: MIT */
/* stub_calls.c: system calls on memory that is absent, partly there, shared, or not the guest's. */
#include "stub_test.h"

#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>

#define WILD ((void *)0x1000)

static int temp_file(size_t bytes)
{
	char name[] = "/tmp/stub_calls_XXXXXX";
	int fd = mkstemp(name);
	char buf[4096];

	unlink(name);
	for (size_t i = 0; i < bytes; i += sizeof(buf)) {
		memset(buf, (int)('a' + i / sizeof(buf) % 26), sizeof(buf));
		if (write(fd, buf, sizeof(buf)) != sizeof(buf))
			abort();
	}
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Results land in pages that were never touched. */
static void fresh_buffers(void)
{
	struct stat *st = anon(4096);
	struct utsname *un = anon(4096);
	char *cwd = anon(4096);
	struct timespec *ts = anon(4096);
	int *fds = anon(4096);

	CHECK(stat("/", st) == 0 && S_ISDIR(st->st_mode));
	CHECK(uname(un) == 0 && strcmp(un->sysname, "Linux") == 0);
	CHECK(getcwd(cwd, 4096) == cwd && cwd[0] == '/');
	CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, ts) == 0 && ts->tv_sec > 0);
	CHECK(pipe(fds) == 0 && fds[0] > 2);
	CHECK(write(fds[1], anon(65536), 60000) == 60000);
	CHECK(read(fds[0], anon(65536), 60000) == 60000);
	close(fds[0]);
	close(fds[1]);
}

static void big_reads(void)
{
	int fd = temp_file(1 << 20);
	char *p = anon(64 << 20);
	uint8_t vec[16];

	CHECK(read(fd, p, 64 << 20) == 1 << 20);
	CHECK(p[0] == 'a' && p[4096] == 'b' && p[(1 << 20) - 1] == 'a' + 255 % 26);
	CHECK(read(fd, p, 64 << 20) == 0);
	/* Memory beyond the file's end was not touched. */
	CHECK(mincore(p + (2 << 20), sizeof(vec) * 4096, vec) == 0);
	for (size_t i = 0; i < sizeof(vec); i++)
		CHECK(!(vec[i] & 1));
	CHECK(pread(fd, p, 300000, 4096) == 300000 && p[0] == 'b');
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && sendfile(fd, fd, NULL, 0) == 0);
	close(fd);
	munmap(p, 64 << 20);
}

/* As much as there is room for, then EFAULT. */
static void partial(void)
{
	char *p = anon(3 * 4096);
	int fd = temp_file(3 * 4096), sv[2];
	struct iovec iov[2] = {{p, 4096}, {WILD, 4096}};

	munmap(p + 4096, 8192);
	CHECK(read(fd, p, 3 * 4096) == 4096);
	FAILS(read(fd, p + 4096, 10), EFAULT);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, iov, 2) == 4096);
	CHECK(write(fd, p, 8192) == 4096);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	FAILS(write(sv[0], p + 4096, 10), EFAULT);
	CHECK(write(sv[0], p, 100) == 100);
	FAILS(read(sv[1], p + 4096, 100), EFAULT);
	CHECK(read(sv[1], p + 4000, 96) == 96);
	close(fd);
	close(sv[0]);
	close(sv[1]);
}

static void wild(void)
{
	struct pollfd *pfd = WILD;
	int p[2];

	CHECK(pipe(p) == 0);
	FAILS(open(WILD, O_RDONLY), EFAULT);
	FAILS(syscall(SYS_stat, WILD, WILD), EFAULT);
	FAILS(stat("/", WILD), EFAULT);
	CHECK(close(dup(p[0])) == 0);
	FAILS(write(p[1], WILD, 1), EFAULT);
	FAILS(pipe(WILD), EFAULT);
	FAILS(poll(pfd, 1, 0), EFAULT);
	FAILS(select(1, WILD, NULL, NULL, NULL), EFAULT);
	FAILS(syscall(SYS_nanosleep, WILD, NULL), EFAULT);
	FAILS(syscall(SYS_clock_gettime, CLOCK_REALTIME, WILD), EFAULT);
	FAILS(syscall(SYS_wait4, -1, WILD, 0, WILD), ECHILD);
	FAILS(syscall(SYS_execve, WILD, NULL, NULL), EFAULT);
	FAILS(execve("/bin/true", WILD, NULL), EFAULT);
	FAILS(syscall(SYS_rt_sigaction, SIGUSR1, WILD, NULL, 8), EFAULT);
	FAILS(syscall(SYS_sigaltstack, WILD, NULL), EFAULT);
	FAILS(syscall(SYS_futex, WILD, FUTEX_WAIT, 0, NULL), EFAULT);
	FAILS(getrlimit(RLIMIT_NOFILE, WILD), EFAULT);
	FAILS(getrlimit(RLIMIT_AS, WILD), EFAULT);
	FAILS(syscall(SYS_getrandom, WILD, 16, 0), EFAULT);
	FAILS(read(99, WILD, 10), EBADF);
	FAILS(fstat(99, WILD), EBADF);
	CHECK(write(p[1], "x", 1) == 1);
	FAILS(syscall(SYS_read, p[0], (void *)0x7ffffffff000, 1), EFAULT);
	FAILS(syscall(SYS_write, p[1], (void *)0xffff800000000000, 8), EFAULT);
	FAILS(syscall(SYS_uname, (void *)0x7fffffffffff), EFAULT);
	close(p[0]);
	close(p[1]);
}

static void datagrams(void)
{
	struct msghdr *m = anon(4096);
	struct iovec *iov = anon(4096);
	struct sockaddr_un *name = anon(4096);
	char *control = anon(4096), *data = anon(3 * 4096);
	int sv[2], fd;
	struct cmsghdr *c;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) == 0);
	iov[0] = (struct iovec){data, 4096};
	iov[1] = (struct iovec){data + 8192, 1000};
	memset(data, 'x', 5096);
	m->msg_iov = iov;
	m->msg_iovlen = 2;
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(sizeof(int));
	c = CMSG_FIRSTHDR(m);
	c->cmsg_len = CMSG_LEN(sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	fd = dup(1);
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	CHECK(sendmsg(sv[0], m, 0) == 5096);
	close(fd);
	m->msg_control = anon(4096);
	iov[0].iov_base = anon(4096);
	iov[1].iov_base = anon(4096);
	m->msg_name = name;
	m->msg_namelen = sizeof(*name);
	m->msg_controllen = 4096;
	CHECK(recvmsg(sv[1], m, 0) == 5096 && ((char *)iov[1].iov_base)[0] == 0);
	CHECK(((char *)iov[0].iov_base)[4095] == 'x' &&
	      m->msg_controllen == CMSG_SPACE(sizeof(int)));
	c = CMSG_FIRSTHDR(m);
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	CHECK(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	CHECK(send(sv[0], "abc", 3, 0) == 3 && recv(sv[1], anon(4096), 4096, MSG_DONTWAIT) == 3);
	close(sv[0]);
	close(sv[1]);
}

static void network(void)
{
	struct sockaddr_in *a = anon(4096), *b = anon(4096);
	socklen_t *len = anon(4096);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s, one = 1;

	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	CHECK(bind(l, (struct sockaddr *)a, sizeof(*a)) == 0 && listen(l, 5) == 0);
	*len = sizeof(*a);
	CHECK(getsockname(l, (struct sockaddr *)a, len) == 0 && a->sin_port != 0);
	CHECK(connect(c, (struct sockaddr *)a, sizeof(*a)) == 0);
	*len = sizeof(*b);
	s = accept(l, (struct sockaddr *)b, len);
	CHECK(s >= 0 && *len == sizeof(*b) && b->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	CHECK(send(c, anon(4096), 4096, 0) == 4096);
	CHECK(recv(s, anon(8192), 4096, MSG_WAITALL) == 4096);
	*len = sizeof(one);
	CHECK(getsockopt(s, SOL_SOCKET, SO_TYPE, anon(4096), len) == 0);
	close(s);
	close(c);
	close(l);
}

static void waiting(void)
{
	struct pollfd *p = anon(4096);
	fd_set *set = anon(4096);
	struct epoll_event *ev = anon(4096);
	struct timeval *tv = anon(4096);
	int e = eventfd(3, 0), ep = epoll_create1(0);
	uint64_t *v = anon(4096);

	p->fd = e;
	p->events = POLLIN;
	CHECK(poll(p, 1, 1000) == 1 && p->revents == POLLIN);
	FD_SET(e, set);
	tv->tv_sec = 1;
	CHECK(select(e + 1, set, NULL, NULL, tv) == 1 && FD_ISSET(e, set));
	ev->events = EPOLLIN;
	ev->data.u64 = 77;
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, e, ev) == 0);
	ev = anon(4096);
	CHECK(epoll_wait(ep, ev, 10, 1000) == 1 && ev->data.u64 == 77);
	CHECK(read(e, v, 8) == 8 && *v == 3);
	CHECK(poll(p, 1, 0) == 0);
	close(e);
	close(ep);
}

static void sysv(void)
{
	struct {
		long type;
		char text[5000];
	} *m = anon(8192);
	int q = msgget(IPC_PRIVATE, 0600), s = semget(IPC_PRIVATE, 3, 0600), id;
	struct msqid_ds *ds = anon(4096);
	unsigned short *all = anon(4096);
	struct shmid_ds *sd = anon(4096);
	char *p;

	m->type = 5;
	strcpy(m->text, "hello");
	CHECK(msgsnd(q, m, 5000, 0) == 0);
	m = anon(8192);
	CHECK(msgrcv(q, m, 5000, 0, 0) == 5000 && m->type == 5 && !strcmp(m->text, "hello"));
	CHECK(msgctl(q, IPC_STAT, ds) == 0 && ds->msg_qnum == 0 && msgctl(q, IPC_RMID, NULL) == 0);
	all[0] = 3;
	all[1] = 4;
	CHECK(semctl(s, 0, SETALL, all) == 0);
	all = anon(4096);
	CHECK(semctl(s, 0, GETALL, all) == 0 && all[1] == 4 && semctl(s, 0, IPC_RMID) == 0);
	id = shmget(IPC_PRIVATE, 10000, 0600);
	p = shmat(id, NULL, 0);
	CHECK(p != (void *)-1);
	p[9999] = 7;
	CHECK(shmctl(id, IPC_STAT, sd) == 0 && sd->shm_nattch == 1 && sd->shm_segsz == 10000);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0 && p[9999] == 7 && shmdt(p) == 0);
}

/* What a program may try with numbers it does not know. */
static void descriptors(void)
{
	int before = open("/dev/null", O_RDONLY), after;

	close(before);
	for (int fd = 3; fd < 2000; fd++)
		close(fd);
	CHECK(syscall(SYS_close_range, 3, ~0u, 0) == 0);
	FAILS(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	after = open("/dev/null", O_RDONLY);
	CHECK(before == after || after == 3);
	close(after);
	for (int fd = 900; fd < 1050; fd++) {
		errno = 0;
		CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
		errno = 0;
		CHECK(dup(fd) == -1 && errno == EBADF);
	}
	CHECK(dup2(1, 500) == 500 && close(500) == 0);
	CHECK(system("exit 3") >> 8 == 3);
}

static void settings(void)
{
	char name[16] = "", *fresh = anon(4096);
	struct rlimit *r = anon(4096);

	CHECK(prctl(PR_SET_NAME, "a name") == 0 && prctl(PR_GET_NAME, name) == 0);
	CHECK(!strcmp(name, "a name") && prctl(PR_GET_NAME, fresh) == 0 && !strcmp(fresh, name));
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0);
	CHECK(getrlimit(RLIMIT_STACK, r) == 0 && r->rlim_cur == 8 << 20);
	r->rlim_cur = 4 << 20;
	CHECK(setrlimit(RLIMIT_STACK, r) == 0);
	r->rlim_cur = 0;
	CHECK(getrlimit(RLIMIT_STACK, r) == 0 && r->rlim_cur == 4 << 20);
	CHECK(sched_getaffinity(0, 128, (cpu_set_t *)anon(4096)) == 0);
	FAILS(syscall(100000, 1, 2), ENOSYS);
	FAILS(syscall(-5, 1, 2), ENOSYS);
}

static void sharing(void)
{
	int fd = temp_file(8192), status;
	char *s = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), c;
	pid_t pid;

	CHECK(s[0] == 'a' && p[4096] == 'b');
	s[1] = 'S';
	CHECK(pread(fd, &c, 1, 1) == 1 && c == 'S' && p[1] == 'S');
	p[1] = 'P';
	CHECK(pread(fd, &c, 1, 1) == 1 && c == 'S' && s[1] == 'S');
	CHECK(pwrite(fd, "W", 1, 4097) == 1 && s[4097] == 'W' && p[4097] == 'W');
	pid = fork();
	if (!pid) {
		s[2] = 'C';
		p[2] = 'C';
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(s[2] == 'C' && p[2] != 'C');
	/* The file itself as a buffer, both ways. */
	CHECK(pread(fd, p + 4096, 100, 0) == 100 && p[4096 + 2] == 'C');
	CHECK(pwrite(fd, s, 10, 8000) == 10);
	close(fd);
	CHECK(s[8002] == 'C' && munmap(s, 8192) == 0);
}

static void mapping_errors(void)
{
	int ro = open("/proc/self/exe", O_RDONLY), wo = open("/dev/null", O_WRONLY), dir, f;

	dir = open("/", O_RDONLY | O_DIRECTORY);
	f = temp_file(4096);
	FAILS((long)mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0) != MAP_FAILED);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, wo, 0), EACCES);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, dir, 0), ENODEV);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0), EBADF);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, ro, 100), EINVAL);
	FAILS((long)mmap(NULL, 0, PROT_READ, MAP_SHARED, ro, 0), EINVAL);
	FAILS((long)mmap(NULL, 4096, PROT_READ, 0, ro, 0), EINVAL);
	FAILS((long)mmap(NULL, ~0ul - 8192, PROT_READ, MAP_SHARED, ro, 0), ENOMEM);
	FAILS(syscall(SYS_mmap, NULL, 8192, PROT_READ, MAP_SHARED, ro, ~4095ul), EOVERFLOW);
	FAILS((long)mmap((void *)1, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0), EINVAL);
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open("/dev/zero", O_RDONLY), 0) !=
	      MAP_FAILED);
	CHECK(mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, f, 0) != MAP_FAILED);
	for (int i = 3; i < 12; i++)
		close(i);
}

/* What has no pages, or none for this: the errno is the host's. */
static void unmappable(void)
{
	static const int types[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE};
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_EXEC};
	int p[2], fds[10], n = 0;

	CHECK(pipe(p) == 0);
	fds[n++] = p[0];
	fds[n++] = open("/dev/null", O_RDWR);
	fds[n++] = open("/", O_RDONLY);
	fds[n++] = epoll_create1(0);
	fds[n++] = socket(AF_UNIX, SOCK_STREAM, 0);
	fds[n++] = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < n * 12; i++) {
		void *at = mmap(NULL, 4096, prots[i % 4], types[i / 4 % 3], fds[i / 12], 0);

		printf("%d: %s\n", i, at == MAP_FAILED ? strerrorname_np(errno) : "mapped");
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	close(p[1]);
}

static void synchronous(void)
{
	static const char *const dirs[] = {"/var/tmp", "/dev/shm"};
	static const int types[] = {MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE};

	for (int i = 0; i < 6; i++) {
		int fd = open(dirs[i / 3], O_TMPFILE | O_RDWR, 0600);
		void *at;

		CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
		at = mmap(NULL, 4096, PROT_READ, types[i % 3] | MAP_SYNC, fd, 0);
		printf("%s %d: %s\n", dirs[i / 3], i % 3,
		       at == MAP_FAILED ? strerrorname_np(errno) : "mapped");
		close(fd);
	}
}

int main(void)
{
	RUN(fresh_buffers);
	RUN(big_reads);
	RUN(partial);
	RUN(wild);
	RUN(datagrams);
	RUN(network);
	RUN(waiting);
	RUN(sysv);
	RUN(descriptors);
	RUN(settings);
	RUN(sharing);
	RUN(mapping_errors);
	RUN(unmappable);
	RUN(synchronous);
	return failures != 0;
}
