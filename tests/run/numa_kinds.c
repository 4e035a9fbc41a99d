/* SPDX-License-Identifier: MIT */
/*
 * numa_kinds.c: what move_pages and mbind say of each kind of memory, with all flags, and
 * migrate_pages of its arguments, on a machine of one node.  Prints the results, which are the same
 * natively.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static long result(long r)
{
	return r < 0 ? -errno : r;
}

static void move(const char *what, void *p)
{
	int status = 77, node = 0;
	long r = result(syscall(SYS_move_pages, 0, 1ul, &p, NULL, &status, 0));

	printf("%s: is on %ld %d; moved", what, r, status);
	for (int flags = 0; flags < 7; flags += 2) {
		status = 77;
		r = result(syscall(SYS_move_pages, 0, 1ul, &p, &node, &status, flags));
		printf(" %ld %d", r, status);
	}
	printf("\n");
}

/* To MPOL_LOCAL, as to MPOL_DEFAULT, pages of the node are moved, too. */
static void bind(const char *what, void *p, unsigned long pages)
{
	static const int modes[] = {0, 4};

	for (unsigned m = 0; m < 2; m++) {
		printf("%s, mode %d:", what, modes[m]);
		for (int flags = 0; flags < 9; flags++) {
			printf(" %ld", result(syscall(SYS_mbind, p, pages * PAGE, modes[m], NULL, 0,
						      flags)));
			syscall(SYS_mbind, p, pages * PAGE, 0, NULL, 0, 0);
		}
		printf("\n");
	}
}

static void both(const char *what, void *p)
{
	move(what, p);
	bind(what, p, 1);
}

static char *map(unsigned long pages, int flags, int fd)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static void anonymous(void)
{
	char *p = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	volatile char c = p[PAGE];

	(void)c;
	p[0] = 1;
	both("private", p);
	both("zero page", p + PAGE);
	both("untouched", p + 2 * PAGE);
	bind("all of these", p, 4);
	mprotect(p, PAGE, PROT_NONE);
	both("no rights", p);
	p = map(1, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	mlock(p, PAGE);
	both("mlocked", p);
	both("stack", &p);
}

static void shared(void)
{
	char *p = map(1, MAP_SHARED | MAP_ANONYMOUS, -1);
	int id = shmget(IPC_PRIVATE, PAGE, 0600);

	p[0] = 1;
	both("shared", p);
	p = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	p[0] = 1;
	both("segment", p);
}

static void forked(void)
{
	char *p = map(1, MAP_PRIVATE | MAP_ANONYMOUS, -1), byte;
	int fd[2];

	p[0] = 1;
	fflush(stdout);
	if (pipe(fd))
		return;
	if (!fork()) {
		close(fd[1]);
		_exit(read(fd[0], &byte, 1) != 1);
	}
	both("a child has it, too", p);
	printf("%zd\n", write(fd[1], "", 1));
	wait(NULL);
	both("a child had it, too", p);
}

static void files(void)
{
	int fd = open("numa_kinds.tmp", O_RDWR | O_CREAT | O_TRUNC, 0600);
	volatile char c;
	char *p;

	unlink("numa_kinds.tmp");
	if (ftruncate(fd, PAGE))
		return;
	p = map(1, MAP_SHARED, fd);
	c = p[0];
	both("file, read", p);
	p[0] = 1;
	both("file, written", p);
	munmap(p, PAGE);
	p = map(1, MAP_PRIVATE, fd);
	c = p[0];
	both("file, privately", p);
	p[0] = 2;
	both("copy of a file's page", p);
	p[0] = c;
}

/* Of which mmap knows nothing. */
static void special(void)
{
	char line[256], name[64];
	unsigned long start;
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%*s %*s %*s %*s %*s %63s", &start, name) == 2 &&
		    (!strcmp(name, "[vdso]") || !strcmp(name, "[vvar]")))
			both(name, (void *)start);
	}
	fclose(f);
	both("nothing", (void *)0x10000);
	both("the last page", (void *)0x7ffffffff000);
	both("beyond it", (void *)0xffff800000000000);
	both("vsyscall", (void *)0xffffffffff600000);
}

static void migrate(void)
{
	static const unsigned long one = 1, two = 2, none = 0, far = 1ul << 40;
	const unsigned long *masks[] = {&one, &two, &none, &far, NULL, (void *)8};
	static const long pids[] = {0, -1, 1 << 22};
	static const unsigned long bits[] = {0, 1, 2, 64, 1025, 1ul << 20};

	for (unsigned p = 0; p < 3; p++)
		for (unsigned b = 0; b < 6; b++)
			for (unsigned i = 0; i < 36; i++)
				printf("migrate %u %lu %u: %ld\n", p, bits[b], i,
				       result(syscall(SYS_migrate_pages, pids[p], bits[b],
						      masks[i / 6], masks[i % 6])));
}

static void errors(void)
{
	static const int flags[] = {0, 1, 2, 4, 8};
	static const long pids[] = {0, -1, 1 << 22, 1};
	char page = 1;
	void *p = &page;
	int node = 0, status;

	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 4; k++)
			printf("move %u %u: %ld\n", i, k,
			       result(syscall(SYS_move_pages, pids[k], 1ul, &p, &node, &status,
					      flags[i])));
}

int main(void)
{
	anonymous();
	shared();
	forked();
	files();
	special();
	migrate();
	if (setresuid(1000, 1000, 1000))
		return 1;
	migrate();
	errors();
	return 0;
}
