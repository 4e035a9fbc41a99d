/* SPDX-License-Identifier: MIT */
/*
 * first_frames.c: nearly all frames of a small machine, the first ones too, become executable
 * pages, each above a page that nothing maps and that allows nothing.  Those stay as they are.
 *
 * The program executes itself first, so that the frames of its start come back.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PG 4096ul
#define LEFT 8 /* pages that stay free: for the program itself */
#define MOST 2048

static sigjmp_buf caught;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(caught, 1);
}

static int can_read(volatile const char *p)
{
	if (sigsetjmp(caught, 0))
		return 0;
	(void)*p;
	return 1;
}

static unsigned long free_pages(void)
{
	struct sysinfo si;

	sysinfo(&si);
	return si.freeram * si.mem_unit / PG;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	unsigned long n, bad = 0;
	char *p;

	if (argc < 2)
		return execl("/proc/self/exe", argv[0], "again", (char *)NULL);
	sigaction(SIGSEGV, &sa, NULL);
	p = mmap(NULL, 2 * MOST * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (n = 0; n < MOST && free_pages() > LEFT; n++) {
		char *page = p + (2 * n + 1) * PG;

		if (mprotect(page, PG, PROT_READ | PROT_WRITE))
			return perror("mprotect"), 1;
		*page = 1;
		if (mprotect(page, PG, PROT_READ | PROT_EXEC))
			return perror("mprotect"), 1;
	}
	for (unsigned long i = 0; i < n; i++)
		if (!can_read(p + (2 * i + 1) * PG) || can_read(p + 2 * i * PG)) {
			printf("page %lu of %lu\n", i, n);
			bad++;
		}
	return bad != 0;
}
