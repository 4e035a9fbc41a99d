/* SPDX-License-Identifier: MIT */
/*
 * rights_object.c: rights that come from the object behind a mapping: a segment that is attached
 * for reading, files by how they were opened, holes by what the mapping may ever be.
 *
 * Natively and under quire run the output is the same.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define PG 4096l
#define RW (PROT_READ | PROT_WRITE)
#define SAY(what, call) say(what, (long)(call))

static void say(const char *what, long r)
{
	printf("%s: %s %d\n", what, r == -1 ? "no" : "ok", r == -1 ? errno : 0);
	errno = 0;
}

static void print_flags(const char *what, const char *p)
{
	char line[512], perms[8] = "";
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end, at = (unsigned long)p;
	int in = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3)
			in = at >= start && at < end;
		if (in && strchr(line, '-') && strchr(line, ':') && perms[0])
			printf("%s %s", what, perms), perms[0] = 0;
		if (in && !strncmp(line, "VmFlags", 7))
			printf(" %s", line);
	}
	fclose(f);
}

/* ---- segments ------------------------------------------------------------------ */

static void attachments(void)
{
	int id = shmget(IPC_PRIVATE, 8 * PG, 0600 | IPC_CREAT);
	char *ro = shmat(id, NULL, SHM_RDONLY), *rw = shmat(id, NULL, 0);
	char *rx = shmat(id, NULL, SHM_RDONLY | SHM_EXEC);
	struct iovec from = {"zz", 2}, to = {ro + 2 * PG, 2};

	print_flags("ro", ro);
	print_flags("rw", rw);
	print_flags("rx", rx);
	rw[0] = 1;
	SAY("reading becomes writing", mprotect(ro, PG, RW));
	SAY("writing alone", mprotect(ro, PG, PROT_WRITE));
	SAY("reading becomes executing", mprotect(ro + PG, PG, PROT_READ | PROT_EXEC));
	SAY("executing becomes writing", mprotect(rx, PG, RW));
	SAY("writing becomes reading", mprotect(rw, PG, PROT_READ));
	SAY("and writing again", mprotect(rw, PG, RW));
	SAY("a store from outside", process_vm_writev(getpid(), &from, 1, &to, 1, 0));
	SAY("a hole where it is read", madvise(ro + 3 * PG, PG, MADV_REMOVE));
	SAY("a hole where it is written", madvise(rw + 3 * PG, PG, MADV_REMOVE));
	ro = shmat(id, NULL, SHM_RDONLY);
	ro = mremap(ro, 8 * PG, 8 * PG, MREMAP_MAYMOVE | MREMAP_FIXED,
		    mmap(NULL, 8 * PG, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	SAY("moved", ro);
	SAY("writing where it was moved to", mprotect(ro + 4 * PG, PG, RW));
	printf("what was stored: %d\n", ro[0]);
	shmctl(id, IPC_RMID, NULL);
}

/* ---- holes ---------------------------------------------------------------------- */

struct kind {
	const char *name;
	int open, prot, flags, later; /* later: mprotect to it, or -1 */
	int locked;
};

static const struct kind kinds[] = {
    {"private", O_RDWR, RW, MAP_PRIVATE, -1, 0},
    {"private, read", O_RDWR, PROT_READ, MAP_PRIVATE, -1, 0},
    {"private, opened to read", O_RDONLY, RW, MAP_PRIVATE, -1, 0},
    {"shared, opened to read", O_RDONLY, PROT_READ, MAP_SHARED, -1, 0},
    {"shared", O_RDWR, RW, MAP_SHARED, -1, 0},
    {"shared, read", O_RDWR, PROT_READ, MAP_SHARED, -1, 0},
    {"shared, later read", O_RDWR, RW, MAP_SHARED, PROT_READ, 0},
    {"shared, later nothing", O_RDWR, RW, MAP_SHARED, PROT_NONE, 0},
    {"shared, locked", O_RDWR, RW, MAP_SHARED, -1, 1},
    {"shared, read, locked", O_RDWR, PROT_READ, MAP_SHARED, -1, 1},
    {"private, locked", O_RDWR, RW, MAP_PRIVATE, -1, 1},
};

static void hole(const struct kind *k)
{
	char name[] = "holeXXXXXX", data[4 * PG], c = 0;
	int w = mkstemp(name), fd = open(name, k->open);
	struct stat st;
	char *p;

	memset(data, 'D', sizeof(data));
	if (write(w, data, sizeof(data)) != sizeof(data))
		exit(2);
	p = mmap(NULL, 4 * PG, k->prot, k->flags, fd, 0);
	if (k->later >= 0)
		mprotect(p, 4 * PG, k->later);
	if (k->locked)
		mlock(p, 4 * PG);
	SAY(k->name, madvise(p + PG, PG, MADV_REMOVE));
	if (pread(w, &c, 1, PG + 5) != 1 || fstat(w, &st))
		exit(2);
	printf("  then: %d in the file of %ld bytes\n", c, (long)st.st_size);
	munmap(p, 4 * PG);
	close(fd);
	close(w);
	unlink(name);
}

static void holes(void)
{
	char *p = mmap(NULL, 4 * PG, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		hole(&kinds[i]);
	SAY("anonymous", madvise(p, PG, MADV_REMOVE));
	p = mmap(NULL, 4 * PG, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[0] = 1;
	SAY("anonymous, shared", madvise(p, PG, MADV_REMOVE));
	printf("  then: %d\n", p[0]);
	SAY("not aligned", madvise(p + 1, PG, MADV_REMOVE));
	SAY("nothing", madvise(p, 0, MADV_REMOVE));
	munmap(p + PG, PG);
	SAY("across a gap", madvise(p, 3 * PG, MADV_REMOVE));
}

int main(void)
{
	attachments();
	holes();
	return 0;
}
