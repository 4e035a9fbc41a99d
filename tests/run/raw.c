/* SPDX-License-Identifier: MIT */
/*
 * raw.c CASE: a guest that goes behind its stub's back: it makes the host's system calls from the
 * stub's text, which the filter lets pass, and writes into the channels.  Under `quire run` only.
 */
#include "run/proto.h"
#include "stub_test.h"

#include <sched.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define INFO ((const volatile struct run_info *)CHAN_BASE)
#define THREAD_SLOT 12 /* where a struct thread has its slot's number */

static const char *gadget; /* syscall; ret */

static void find_gadget(void)
{
	gadget = (const char *)STUB_BASE + 4096;
	while (memcmp(gadget, "\x0f\x05\xc3", 3))
		gadget++;
}

static long host(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register const char *at __asm__("rbx") = gadget;
	long r;

	/* Below the red zone. */
	__asm__ volatile("subq $128, %%rsp\n\tcall *%%rbx\n\taddq $128, %%rsp"
			 : "=a"(r)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(at)
			 : "rcx", "r11", "memory");
	return r;
}

/* The first thread's; a forked child's as well. */
static uint32_t own_slot(void)
{
	return *(volatile uint32_t *)(THREADS_BASE + THREAD_SLOT);
}

static struct chan *chan_of(uint32_t slot)
{
	return (struct chan *)CHAN_SLOT(slot);
}

static void kick(uint32_t slot, uint32_t turn)
{
	host(RUN_KICK_NR, slot, turn, 0, 0, 0);
}

/* The turn is the supervisor's, and nobody has told it. */
static uint32_t hand_over(struct chan *c)
{
	uint32_t turn = c->turn + 1;

	while (__atomic_load_n(&c->attached, __ATOMIC_SEQ_CST))
		sched_yield();
	__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
	return turn;
}

/* A request as a stub makes it, but that flushes are not executed. */
static int64_t request(uint32_t op, uint64_t a0, uint64_t a1, uint64_t a2)
{
	uint32_t slot = own_slot(), turn;
	struct chan *c = chan_of(slot);

	c->op = op;
	c->a[0] = a0;
	c->a[1] = a1;
	c->a[2] = a2;
	do {
		turn = c->turn + 1;
		__atomic_store_n(&c->turn, turn, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&c->turn, __ATOMIC_SEQ_CST) == turn)
			kick(slot, turn);
	} while (c->cmd == CMD_FLUSH);
	return c->ret;
}

/* A parent that was slow names a child whose slot has meanwhile been given to the next. */
static void stale_child(void)
{
	uint64_t none = (uint64_t)-EAGAIN, first, second;
	int64_t slot = request(OP_FORK, CLONE_VM, 0, 0), other;

	first = chan_of(own_slot())->v[0];
	CHECK(slot >= 0 && request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	second = chan_of(own_slot())->v[0];
	CHECK(second != first);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, first) == 0);
	/* It is still there: its slot is not free. */
	other = request(OP_FORK, CLONE_VM, 0, 0);
	CHECK(other >= 0 && other != slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)other, none, chan_of(own_slot())->v[0]) == 0);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, second) == 0);
	CHECK(request(OP_FORK, CLONE_VM, 0, 0) == slot);
	CHECK(request(OP_FORK_DONE, (uint64_t)slot, none, chan_of(own_slot())->v[0]) == 0);
}

static void expect_killed(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Hands over, is spoken for by its sibling, and then speaks itself. */
static void be_victim(volatile uint32_t *word)
{
	struct chan *c = chan_of(own_slot());
	uint32_t turn;

	c->op = OP_NOTE;
	c->a[0] = NOTE_FILLS;
	/* From here to the answer no fault may come: it would be a request. */
	word[3] = 1;
	sched_yield();
	kick(own_slot(), c->turn);
	turn = hand_over(c);
	word[1] = turn;
	word[0] = own_slot() + 1;
	while (!word[2])
		sched_yield();
	while (c->turn == turn)
		kick(own_slot(), turn);
	_exit(c->ret != 0);
}

static void speak_for_sibling(void)
{
	volatile uint32_t *word =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t victim = fork(), liar;
	int status;

	if (!victim)
		be_victim(word);
	liar = fork();
	if (!liar) {
		while (!word[0])
			sched_yield();
		kick(word[0] - 1, word[1]);
		_exit(0);
	}
	expect_killed(liar);
	word[2] = 1;
	CHECK(waitpid(victim, &status, 0) == victim && status == 0);
}

/* For a child that was granted and has not spoken. */
static void speak_for_child(void)
{
	pid_t liar = fork();

	if (!liar) {
		int64_t slot = request(OP_FORK, CLONE_VM, 0, 0);
		struct chan *c = chan_of((uint32_t)slot);

		c->op = OP_CHILD_START;
		kick((uint32_t)slot, hand_over(c));
		_exit(0);
	}
	expect_killed(liar);
}

static int temp_file(char content)
{
	char name[] = "/tmp/raw_XXXXXX", page[4096];
	int fd = mkstemp(name);

	unlink(name);
	memset(page, content, sizeof(page));
	CHECK(write(fd, page, sizeof(page)) == sizeof(page));
	return fd;
}

static long send_fd(uint64_t token, int fd)
{
	struct ctl_packet packet = {.slot = own_slot(), .token = token};
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

/* The tokens that a stub begins with. */
static void send_stale(void)
{
	int fd = temp_file('A');

	for (uint64_t token = 16; token < 80; token++)
		CHECK(send_fd(token, fd) > 0);
}

/* The supervisor copies the page from the descriptor that it was sent. */
static char copied_content(void)
{
	int fd = temp_file('B');
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	p[0] = 'x';
	return p[1];
}

/* A child's descriptors end with it. */
static void stale_descriptors(void)
{
	uint32_t *slot =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (!fork()) {
		*slot = own_slot();
		send_stale();
		_exit(0);
	}
	wait(NULL);
	/* Its slot is the next one's as soon as the supervisor has seen it dead. */
	do {
		if (!fork())
			_exit(own_slot() == *slot ? copied_content() : 0);
		wait(&status);
	} while (status == 0);
	CHECK(WEXITSTATUS(status) == 'B');
}

/* And a program's. */
static void stale_program(void)
{
	int status;

	if (!fork()) {
		send_stale();
		execl("/proc/self/exe", "raw", "copy", (char *)NULL);
		_exit(0);
	}
	wait(&status);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 'B');
}

static void copy(void)
{
	_exit(copied_content());
}

/* Descriptors that no request names do not keep others from sending theirs. */
static void full_socket(void)
{
	int fd = temp_file('A');
	uint64_t token = 1 << 20;

	while (send_fd(token, fd) > 0)
		token++;
	CHECK(copied_content() == 'B');
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
	child = fork();
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

static const struct {
	const char *name;
	void (*fn)(void);
} cases[] = {{"stale_child", stale_child},         {"speak_for_sibling", speak_for_sibling},
	     {"speak_for_child", speak_for_child}, {"stale_descriptors", stale_descriptors},
	     {"stale_program", stale_program},     {"copy", copy},
	     {"full_socket", full_socket},         {"broken_fill", broken_fill}};

int main(int argc, char **argv)
{
	if (!INFO->use_notify)
		return 77;
	alarm(60);
	find_gadget();
	for (unsigned i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		cases[i].fn();
		return failures != 0;
	}
	return 2;
}
