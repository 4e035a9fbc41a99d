/* SPDX-License-Identifier: MIT */
/* raw_fds.c CASE: descriptors sent that nobody asks for, and one of the stub's own closed. */
#include "must_fork.h"
#include "raw.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/uio.h>

static int temp_file(char content)
{
	char name[] = "/tmp/raw_fds_XXXXXX", page[4096];
	int fd = mkstemp(name);

	unlink(name);
	memset(page, content, sizeof(page));
	CHECK(write(fd, page, sizeof(page)) == sizeof(page));
	return fd;
}

static long send_fd_for(uint32_t slot, uint64_t token, int fd)
{
	struct ctl_packet packet = {.slot = slot, .token = token};
	struct iovec iov = {&packet, sizeof(packet)};
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	control.head.cmsg_len = CMSG_LEN(sizeof(int));
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	return host(SYS_sendmsg, (long)INFO->fd_base + RUN_FD_CTL, (long)&msg, MSG_DONTWAIT, 0, 0);
}

static long send_fd(uint64_t token, int fd)
{
	return send_fd_for(own_slot(), token, fd);
}

/* The tokens that a stub begins with. */
static void send_stale(void)
{
	int fd = temp_file('A');

	for (uint64_t token = 16; token < 80; token++)
		CHECK(send_fd(token, fd) > 0);
}

/* 'B': the supervisor has written the text to the descriptor that it was sent for it. */
static char own_text(void)
{
	int fd = open("/proc/self/statm", O_RDONLY);
	char text[64];

	return fd >= 0 && read(fd, text, sizeof(text)) > 0 ? 'B' : 'A';
}

/* A child's descriptors end with it. */
static void stale_descriptors(void)
{
	uint32_t *slot =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (!must_fork()) {
		*slot = own_slot();
		send_stale();
		_exit(0);
	}
	wait(NULL);
	/* Its slot is the next one's as soon as the supervisor has seen it dead. */
	do {
		if (!must_fork())
			_exit(own_slot() == *slot ? own_text() : 0);
		wait(&status);
	} while (status == 0);
	CHECK(WEXITSTATUS(status) == 'B');
}

/* And a program's. */
static void stale_program(void)
{
	int status;

	if (!must_fork()) {
		send_stale();
		execl("/proc/self/exe", "raw_fds", "copy", (char *)NULL);
		_exit(0);
	}
	wait(&status);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 'B');
}

static void copy(void)
{
	_exit(own_text());
}

/* Descriptors that no request names do not keep others from sending theirs. */
static void full_socket(void)
{
	int fd = temp_file('A');
	uint64_t token = 1 << 20;

	while (send_fd(token, fd) > 0)
		token++;
	CHECK(own_text() == 'B');
}

/* A socket whose last close waits for a peer that reads nothing. */
static int lingering_socket(int *peer)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 120};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	static char data[1 << 16];

	CHECK(bind(listener, (struct sockaddr *)&at, len) == 0 && listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
	CHECK(connect(fd, (struct sockaddr *)&at, len) == 0);
	*peer = accept(listener, NULL, NULL);
	CHECK(*peer >= 0);
	CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
	while (send(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		;
	close(listener);
	return fd;
}

/*
 * The supervisor has the last of a descriptor: nobody waits until it is closed.  The parent's must
 * be closed before the child sends its own: whoever is last waits for the peer, natively too.
 */
static void slow_close(void)
{
	int peer, closed[2], fd = lingering_socket(&peer);
	char c;

	CHECK(pipe(closed) == 0);
	if (!must_fork()) {
		close(closed[1]);
		CHECK(read(closed[0], &c, 1) == 0);
		CHECK(send_fd(1000, fd) > 0);
		close(fd);
		close(peer);
		_exit(failures);
	}
	close(fd);
	close(closed[1]);
	wait(NULL);
	for (int i = 0; i < 20; i++) {
		if (!must_fork())
			_exit(own_text() != 'B');
		CHECK(wait(NULL) > 0);
	}
}

/* What is no pipe is no proof that a child lives which its parent left behind: the run ends. */
static void false_life(void)
{
	if (!must_fork()) {
		int64_t slot = request(OP_FORK, CLONE_VM, 0, 0);

		CHECK(slot >= 0);
		CHECK(send_fd_for((uint32_t)slot, 99, open("/dev/null", O_WRONLY)) > 0);
		_exit(failures);
	}
	wait(NULL);
}

/* What a file's private copies still are in a child, which has nothing from before. */
static char seen_by_child(const volatile char *p)
{
	int status;

	if (!must_fork())
		_exit(*p);
	CHECK(wait(&status) > 0 && WIFEXITED(status));
	return (char)WEXITSTATUS(status);
}

/* Content is not gone because somebody says so who cannot have taken it. */
static void false_cut(void)
{
	char link[40];
	int fd = temp_file('A'), reader;
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	p[0] = 'x';
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY);
	for (uint64_t cut = CUT_END; cut <= CUT_PUNCH; cut++) {
		CHECK(send_fd(1000 + cut, reader) > 0);
		CHECK(request(OP_FILE_CUT, 1000 + cut, cut, 0) == 0);
		CHECK(seen_by_child(p) == 'x');
	}
	CHECK(request(OP_FILE_CUT, 7777, CUT_END, 0) == -EBADF);
	CHECK(send_fd(2000, fd) > 0);
	CHECK(request(OP_FILE_CUT, 2000, CUT_MOVED, 0) == 0);
	CHECK(seen_by_child(p) == 'A');
}

/*
 * A process that nobody has been told of, holding its parent's life pipe, while a child that was
 * granted never comes.  It shares its parent's pages, so it touches none but its own stack's: by
 * then all that it needs of them is mapped.
 */
static void hidden_child(void)
{
	uint64_t *stack = anon(1 << 16), *top = stack + (1 << 13) - 16;
	register const char *at __asm__("rbx") = gadget;
	long pid;

	CHECK(request(OP_FORK, 0, 0, 0) >= 0);
	*top = 0;
	/* It comes back from the call onto its stack. */
	__asm__ volatile("leaq 1f(%%rip), %%rax\n\tmovq %%rax, (%%rsi)\n\tmovl $56, %%eax\n\t"
			 "subq $128, %%rsp\n\tcall *%%rbx\n\taddq $128, %%rsp\n\tjmp 2f\n"
			 "1:\tmovl $34, %%eax\n\tcall *%%rbx\n\tjmp 1b\n2:"
			 : "=a"(pid)
			 : "D"(17L), "S"(top), "d"(0L), "r"(at)
			 : "rcx", "r11", "r10", "r8", "memory");
	CHECK(pid > 0);
	printf("%ld\n", pid);
	fflush(stdout);
	_exit(failures);
}

static volatile char *faulting;
static volatile int faults, old_content;
static sigjmp_buf out;

static void on_fault(int sig)
{
	(void)sig;
	if (faults++)
		siglongjmp(out, 1);
	/* It could not be mapped anew: the old translation must be gone, so that this faults. */
	old_content = *faulting;
	siglongjmp(out, 1);
}

static void write_to(char *page)
{
	faults = 0;
	old_content = 0;
	faulting = page;
	if (!sigsetjmp(out, 1))
		*faulting = 'B';
}

/* The flush of a copied page's old translation is left to the fill, which fails. */
static void broken_fill(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction act = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	long ram = (long)INFO->fd_base + RUN_FD_RAM, other;
	pid_t child;

	*page = 'A';
	child = must_fork();
	if (!child)
		pause();
	CHECK(sigaction(SIGSEGV, &act, NULL) == 0 && *page == 'A');
	/* Once for all that it needs itself: it must be mapped already. */
	write_to(NULL);
	other = host(SYS_dup, ram, 0, 0, 0, 0);
	host(SYS_close, ram, 0, 0, 0, 0);
	write_to(page);
	host(SYS_dup2, other, ram, 0, 0, 0);
	CHECK(faults == 2 && old_content == 0 && *page == 'A');
	kill(child, SIGKILL);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
	    {"stale_descriptors", stale_descriptors},
	    {"stale_program", stale_program},
	    {"copy", copy},
	    {"full_socket", full_socket},
	    {"slow_close", slow_close},
	    {"false_life", false_life},
	    {"false_cut", false_cut},
	    {"hidden_child", hidden_child},
	    {"broken_fill", broken_fill},
	    {NULL, NULL},
	};

	return run_case(cases, argc > 1 ? argv[1] : NULL);
}
