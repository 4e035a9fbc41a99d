/* SPDX-License-Identifier: MIT */
/*
 * huge_mount.c: files of a mounted file system of huge pages.  What happens is printed: it is the
 * same on the host's hugetlbfs and under quire run --hugetlbfs.
 *
 * usage: huge_mount CASE, in a directory where one is mounted with size=8M, mode=1777, and a pool
 * of 8 free pages of 2 MiB, and nothing else in it.
 */
#include "huge_said.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/statfs.h>
#include <unistd.h>

static void tell_system(const char *when)
{
	struct statfs fs;

	if (!statfs(".", &fs))
		printf("%s: type %lx, blocks of %ld: %ld, %ld, %ld\n", when, (long)fs.f_type,
		       (long)fs.f_bsize, (long)fs.f_blocks, (long)fs.f_bfree, (long)fs.f_bavail);
}

static void names(void)
{
	int fd = open("one", O_RDWR | O_CREAT | O_EXCL, 0640), other;
	struct dirent *e;
	struct stat st;
	char *at;
	DIR *dir;

	SAY(ftruncate(fd, 2 * HUGE));
	at = mmap(NULL, 2 * HUGE, RW, MAP_SHARED, fd, 0);
	strcpy(at, "one");
	tell("written", fd);
	tell_system("of it");
	SAY(close(fd));
	SAY(munmap(at, 2 * HUGE));
	tell("it stays", -1);
	SAY(open("one", O_RDWR | O_CREAT | O_EXCL, 0640));
	SAY(rename("one", "two"));
	SAY(link("two", "three"));
	SAY(unlink("two"));
	SAY(mkdir("dir", 0700));
	dir = opendir(".");
	for (int n = 0; (e = readdir(dir)); n++)
		if (e->d_name[0] != '.')
			printf("%s\n", e->d_name[0] == 'd' || e->d_name[0] == 't' ? "known" : "?");
	closedir(dir);
	SAY(stat("three", &st));
	printf("%ld bytes, %ld blocks of %ld, mode %o, %ld names\n", (long)st.st_size,
	       (long)st.st_blocks, (long)st.st_blksize, st.st_mode, (long)st.st_nlink);
	fd = open("three", O_RDONLY);
	at = mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE, fd, 0);
	printf("%s\n", at);
	other = open("three", O_RDWR | O_TRUNC);
	tell("cut by O_TRUNC", other);
	SAY(write(other, "x", 1));
	SAY(truncate("three", 4096));
	SAY(truncate("three", HUGE));
	SAY(unlink("three"));
	SAY(rmdir("dir"));
	SAY(fallocate(other, 0, 0, HUGE));
	tell("without a name", other);
	SAY(close(fd));
	SAY(close(other));
	SAY(munmap(at, HUGE));
	tell("gone", -1);
	tell_system("of it");
}

static void limits(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0600);
	char *at;

	SAY(mmap(NULL, 5 * HUGE, RW, MAP_SHARED, fd, 0));
	at = mmap(NULL, 3 * HUGE, RW, MAP_SHARED, fd, 0);
	tell("three are reserved", fd);
	tell_system("of them");
	SAY(fallocate(fd, 0, 0, 5 * HUGE));
	tell("four of five", fd);
	tell_system("of them");
	SAY(munmap(at, 3 * HUGE));
	SAY(ftruncate(fd, 0));
	SAY(unlink("file"));
	SAY(close(fd));
	tell("gone", -1);
	tell_system("of none");
}

int main(int argc, char **argv)
{
	static const struct said_case cases[] = {
	    {"names", names}, {"limits", limits}, {NULL, NULL}};

	return said_main(argc, argv, cases);
}
