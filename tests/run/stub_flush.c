/* SPDX-License-Identifier: MIT */
/* stub_flush.c: pages taken from a process by another one, whatever it is doing. */
#include "stub_test.h"

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
	alarm(60);
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
	pid_t parent = getpid(), pid = fork();

	if (!pid)
		call_on(page, calls, parent);
	for (int i = 0; i < 1000 || !calls->made; i++)
		CHECK(madvise(page, PAGE_BYTES, MADV_REMOVE) == 0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid && calls->wrong == 0);
}

int main(void)
{
	/* Whoever waits for a flush that does not come cannot be interrupted, but killed. */
	alarm(60);
	RUN(during_calls);
	return failures != 0;
}
