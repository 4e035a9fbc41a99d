/* SPDX-License-Identifier: MIT */
/*
 * huge_said.h: for guests that print what calls about huge pages say, and the pool, so that it can
 * be compared with what they say natively.
 */
#ifndef HUGE_SAID_H
#define HUGE_SAID_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define HUGE (2l << 20)
#define RW (PROT_READ | PROT_WRITE)

/* The call, and what came of it. */
#define SAY(call) say(#call, (errno = 0, (long)(call)))

static void say(const char *what, long r)
{
	if (r == -1)
		printf("%s: %s\n", what, strerror(errno));
	else
		printf("%s = %ld\n", what, r);
}

/* T F R S, and the file's length and blocks. */
static void tell(const char *when, int fd)
{
	static const char *const names[] = {
	    "HugePages_Total:", "HugePages_Free:", "HugePages_Rsvd:", "HugePages_Surp:"};
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];
	struct stat st;

	printf("%s:", when);
	while (f && fgets(line, sizeof(line), f))
		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				printf(" %lu", strtoul(line + strlen(names[i]), NULL, 10));
	if (f)
		fclose(f);
	if (fd >= 0 && !fstat(fd, &st))
		printf(", %ld bytes, %ld blocks of %ld, mode %o", st.st_size, st.st_blocks,
		       st.st_blksize, st.st_mode);
	printf("\n");
}

struct said_case {
	const char *name;
	void (*fn)(void);
};

/* cases: the last has no name. */
static int said_main(int argc, char **argv, const struct said_case *cases)
{
	for (; argc == 2 && cases->name; cases++) {
		if (strcmp(argv[1], cases->name))
			continue;
		cases->fn();
		return 0;
	}
	fprintf(stderr, "usage: %s CASE\n", argv[0]);
	return 2;
}

#endif
