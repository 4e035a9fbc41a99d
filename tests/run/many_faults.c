/* SPDX-License-Identifier: MIT */
/* many_faults.c: for ever, children that make many faults and use little time: who serves them
 * does. */
#include "must_fork.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BYTES (4u << 20)

static void faults(void)
{
	for (int i = 0; i < 10; i++) {
		char *p =
		    mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (unsigned at = 0; p != MAP_FAILED && at < BYTES; at += 4096)
			p[at] = 1;
		munmap(p, BYTES);
	}
}

int main(void)
{
	for (;;) {
		if (!must_fork()) {
			faults();
			_exit(0);
		}
		wait(NULL);
	}
}
