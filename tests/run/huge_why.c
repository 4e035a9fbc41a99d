/* SPDX-License-Identifier: MIT */
/*
 * huge_why.c: is refused huge pages: what the report says of that is looked at by huge_why.sh.
 *
 * usage: huge_why mmap      one mmap that gets none, three times, and another
 *        huge_why noreserve a touch of a third page of a mapping that was promised nothing
 *        huge_why after     the child of who took its page touches another, after the parent's end
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2ul << 20)

static char *map(unsigned long pages, int more)
{
	return mmap(NULL, pages * HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | more, -1, 0);
}

static void touch(char *p, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		*(volatile char *)(p + i * HUGE) = 1;
}

static int child_after(char *p, int fd)
{
	char c;

	if (read(fd, &c, 1))
		return 5;
	touch(p + HUGE, 1);
	return 6;
}

static int case_after(void)
{
	int end[2], status;
	char *p = map(2, 0);
	pid_t pid;

	if (p == MAP_FAILED || pipe(end))
		return 4;
	touch(p, 1);
	pid = fork();
	if (!pid) {
		close(end[1]);
		_exit(child_after(p, end[0]));
	}
	touch(p, 2);
	close(end[1]);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? 0 : 7;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (!strcmp(what, "mmap")) {
		for (unsigned i = 0; i < 3; i++)
			if (map(5 + i, 0) != MAP_FAILED)
				return 3;
		return 9;
	}
	if (!strcmp(what, "noreserve"))
		touch(map(3, MAP_NORESERVE), 3);
	if (!strcmp(what, "after"))
		return case_after();
	return 2;
}
