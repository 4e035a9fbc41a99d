/* SPDX-License-Identifier: MIT */
/*
 * rights_object.c: rights that come from the object behind a mapping: a segment that is attached
 * for reading, files and /dev/zero by how they were opened, holes by what the mapping may ever be,
 * texts of /proc by being none that can be mapped.
 *
 * Natively and under quire run the output is the same.
 */
#include "rights.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define PG 4096l
#define RW (PROT_READ | PROT_WRITE)

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

/* ---- devices and texts ----------------------------------------------------------- */

static sigjmp_buf caught;

static void on_bus(int sig)
{
	siglongjmp(caught, sig);
}

static void store(const char *what, volatile char *p)
{
	int sig = sigsetjmp(caught, 1);

	if (!sig)
		*p = 1;
	printf("%s: signal %d\n", what, sig);
}

static char *map(const char *what, int fd, int prot, int flags, off_t off)
{
	char *p = mmap(NULL, 4 * PG, prot, flags, fd, off);

	SAY(what, p);
	return p;
}

static void zero_by_opening(void)
{
	int ro = open("/dev/zero", O_RDONLY), wo = open("/dev/zero", O_WRONLY);
	char *p;

	map("opened to read, shared, written", ro, RW, MAP_SHARED, 0);
	p = map("opened to read, shared, read", ro, PROT_READ, MAP_SHARED, 0);
	SAY("written later", mprotect(p, PG, RW));
	print_flags("it", p);
	printf("has %d\n", *p);
	SAY("executed later", mprotect(p, PG, PROT_READ | PROT_EXEC));
	SAY("a hole in it", madvise(p, PG, MADV_REMOVE));
	p = map("opened to read, private, written", ro, RW, MAP_PRIVATE, 0);
	*p = 1;
	print_flags("it", p);
	map("opened to write, private", wo, RW, MAP_PRIVATE, 0);
	map("opened to write, shared", wo, PROT_WRITE, MAP_SHARED, 0);
	close(ro);
	close(wo);
}

static void zero_device(void)
{
	int fd = open("/dev/zero", O_RDWR);
	char *p;

	zero_by_opening();
	map("no type", fd, RW, 0, 0);
	map("unaligned offset", fd, RW, MAP_PRIVATE, 1);
	map("grows down", fd, RW, MAP_PRIVATE | MAP_GROWSDOWN, 0);
	map("shared and grows down", fd, RW, MAP_SHARED | MAP_GROWSDOWN, 0);
	map("validated", fd, RW, MAP_SHARED_VALIDATE, 0);
	map("validated, synchronous", fd, RW, MAP_SHARED_VALIDATE | MAP_SYNC, 0);
	map("validated, unknown", fd, RW, MAP_SHARED_VALIDATE | 0x200, 0);
	map("huge", fd, RW, MAP_SHARED | MAP_HUGETLB, 0);
	p = map("private with an offset", fd, RW, MAP_PRIVATE, PG);
	store("its end", p + 4 * PG - 1);
	p = map("shared with an offset", fd, RW, MAP_SHARED, PG);
	store("its third page", p + 3 * PG - 1);
	store("its fourth page", p + 4 * PG - 1);
	p = map("shared", fd, RW, MAP_SHARED | MAP_NORESERVE, 0);
	print_flags("it", p);
	p = mremap(p, 4 * PG, 8 * PG, MREMAP_MAYMOVE);
	SAY("made longer", p);
	store("where it was", p + 4 * PG - 1);
	store("where it was not", p + 4 * PG);
	close(fd);
}

static void texts(void)
{
	static const char *const names[] = {
	    "/proc/self/maps",    "/proc/self/smaps", "/proc/self/status", "/proc/self/stat",
	    "/proc/self/pagemap", "/proc/meminfo",    "/proc/sysvipc/shm", "/proc/version"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDONLY);

		printf("%s\n", names[i]);
		map("  private", fd, PROT_READ, MAP_PRIVATE, 0);
		map("  shared", fd, PROT_READ, MAP_SHARED, 0);
		map("  to write", fd, RW, MAP_SHARED, 0);
		map("  nothing of it", fd, PROT_READ, MAP_SHARED | MAP_HUGETLB, 0);
		close(fd);
	}
}

int main(void)
{
	signal(SIGBUS, on_bus);
	attachments();
	holes();
	zero_device();
	texts();
	return 0;
}
