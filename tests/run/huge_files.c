/* SPDX-License-Identifier: MIT */
/*
 * huge_files.c: what files that tell of huge pages make of what is written to them, and what they
 * tell then.  Prints it; the same natively and under quire.  Root's alone, with empty pools, and
 * no more than 10 pages of 2 MiB are asked for (huge_files.sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define POOLS "/sys/kernel/mm/hugepages/"
#define NODE "/sys/devices/system/node/node0/hugepages/"
#define SMALL "hugepages-2048kB/"
#define LARGE "hugepages-1048576kB/"
#define SYSCTL "/proc/sys/vm/"

static const char *const of_2m[] = {
    POOLS SMALL "nr_hugepages",
    POOLS SMALL "nr_hugepages_mempolicy",
    POOLS SMALL "nr_overcommit_hugepages",
    NODE SMALL "nr_hugepages",
    SYSCTL "nr_hugepages",
    SYSCTL "nr_hugepages_mempolicy",
    SYSCTL "nr_overcommit_hugepages",
};
static const char *const of_1g[] = {POOLS LARGE "nr_overcommit_hugepages", POOLS LARGE "demote",
				    NODE LARGE "demote", POOLS LARGE "demote_size",
				    NODE LARGE "demote_size"};
static const char *const told[] = {POOLS SMALL "nr_hugepages",      POOLS SMALL "free_hugepages",
				   POOLS SMALL "resv_hugepages",    POOLS SMALL "surplus_hugepages",
				   NODE SMALL "nr_hugepages",       NODE SMALL "free_hugepages",
				   NODE SMALL "surplus_hugepages",  SYSCTL "nr_hugepages",
				   SYSCTL "nr_overcommit_hugepages"};

static const char *name_of(long r)
{
	static char number[24];

	if (r < 0)
		return strerrorname_np(errno);
	snprintf(number, sizeof(number), "%ld", r);
	return number;
}

static void print_escaped(const char *text, size_t n)
{
	putchar('"');
	for (; n; n--, text++)
		printf(*text < ' ' ? "\\%o" : "%c", *text);
	putchar('"');
}

static void print_read(int fd)
{
	char text[64] = "";
	ssize_t n = pread(fd, text, sizeof(text), 0);

	printf(" %s:", name_of(n));
	print_escaped(text, n > 0 ? (size_t)n : 0);
}

static void print_file(const char *file)
{
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		printf(" %s", name_of(fd));
	else
		print_read(fd);
	close(fd);
}

static void put(const char *file, const char *text, size_t n)
{
	int fd = open(file, O_WRONLY);

	printf(": %s", fd < 0 ? "not opened" : name_of(write(fd, text, n)));
	close(fd);
	print_file(file);
	printf("\n");
}

static void put_each(const char *file, const char *const *texts, unsigned n)
{
	printf("%s\n", file);
	for (unsigned i = 0; i < n; i++) {
		print_escaped(texts[i], strlen(texts[i]));
		put(file, texts[i], strlen(texts[i]));
	}
}

/* Texts that are looked at in part, or have a 0 in them. */
static void put_long(const char *file)
{
	static char text[5000];

	put(file, "2\0z", 3);
	put(file, "3\0", 2);
	memset(text, ' ', sizeof(text));
	text[0] = '4';
	put(file, text, sizeof(text));
	memset(text, '0', sizeof(text));
	text[sizeof(text) - 1] = '5';
	for (unsigned n = 19; n < 24; n++)
		put(file, text + sizeof(text) - n, n);
	put(file, text + sizeof(text) - 4096, 4096);
	put(file, text, sizeof(text));
}

/* What one descriptor tells after each write to it, and where it stands. */
static void put_here(const char *file)
{
	int fd = open(file, O_RDWR), other = open(file, O_RDONLY);
	const char *volatile nowhere = (const char *)8;
	struct iovec v[2] = {{(char *)"0", 1}, {(char *)"7\n", 2}};

	printf("one: %s", name_of(write(fd, "3", 1)));
	printf(" at %ld", (long)lseek(fd, 0, SEEK_CUR));
	print_read(fd);
	printf("\ntwo: %s", name_of(write(fd, "4", 1)));
	print_read(other);
	printf("\nat 0: %s", name_of(pwrite(fd, "5", 1, 0)));
	print_read(other);
	printf("\nat 3: %s", name_of(pwrite(fd, "6", 1, 3)));
	print_read(fd);
	printf("\nvector: %s", name_of(pwritev(fd, v, 2, 0)));
	print_read(fd);
	printf("\nno memory: %s", name_of(pwrite(fd, nowhere, 3, 0)));
	printf("\nnothing: %s", name_of(pwrite(fd, "9", 0, 0)));
	printf("\nshorter: %s", name_of(ftruncate(fd, 0)));
	print_read(other);
	printf("\nto read from: %s\n", name_of(write(other, "1", 1)));
	close(other);
	close(fd);
}

/* How a file can be opened, also by root. */
static void open_each(void)
{
	static const char *const files[] = {
	    POOLS SMALL "resv_hugepages", POOLS SMALL "nr_hugepages", POOLS LARGE "demote",
	    NODE SMALL "free_hugepages",  SYSCTL "nr_hugepages",      POOLS SMALL "none",
	    NODE SMALL "resv_hugepages"};
	static const int how[] = {O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC | O_APPEND};
	struct stat st;
	int fd;

	for (unsigned i = 0; i < N(files); i++) {
		printf("%s", files[i]);
		for (unsigned k = 0; k < N(how); k++) {
			fd = open(files[i], how[k]);
			printf(" %s", fd < 0 ? name_of(fd) : "opened");
			close(fd);
		}
		if (!stat(files[i], &st))
			printf(" %o of %u", st.st_mode, st.st_uid);
		printf("\n");
	}
}

/* By names that lead there otherwise. */
static void spell(void)
{
	static const char *const spellings[] = {
	    "/sys/kernel/mm/../mm/hugepages/" SMALL "nr_hugepages",
	    "/sys//devices/system/node/node0/hugepages/" SMALL "nr_hugepages",
	    "/sys/bus/node/devices/node0/hugepages/" SMALL "nr_hugepages",
	    "/proc/self/root/proc/sys/vm/nr_hugepages", "/proc/sys/../sys/vm/nr_hugepages"};
	static const char *const dirs[] = {"/proc/sys/vm",
					   "/sys/kernel/mm/hugepages/hugepages-2048kB/",
					   "/sys/kernel/mm/hugepages/hugepages-2048kB"};
	char digit[2] = "1";
	int dir;

	for (unsigned i = 0; i < N(spellings); i++, digit[0]++) {
		print_escaped(spellings[i], strlen(spellings[i]));
		put(spellings[i], digit, 1);
		print_file(SYSCTL "nr_hugepages");
		printf("\n");
	}
	for (unsigned i = 0; i < N(dirs); i++, digit[0]++) {
		printf("in %s", dirs[i]);
		if (!chdir(dirs[i]))
			put("nr_hugepages", digit, 1);
		print_file(POOLS SMALL "free_hugepages");
		printf("\n");
	}
	dir = open("/sys/kernel", O_RDONLY | O_DIRECTORY);
	if (!fchdir(dir))
		put("mm/hugepages/" SMALL "nr_hugepages", "2", 1);
	close(dir);
}

static void tell_all(void)
{
	for (unsigned i = 0; i < N(told); i++) {
		printf("%s", told[i]);
		print_file(told[i]);
		printf("\n");
	}
}

int main(int argc, char **argv)
{
	bool large_too = argc < 2 || !argv[1][0];

	static const char *const texts[] = {"",
					    "\n",
					    " ",
					    "abc",
					    "-1",
					    "-0",
					    "0x4",
					    "0x",
					    "010",
					    "08",
					    "2 x",
					    "2x",
					    "2 3",
					    " 2",
					    "2 ",
					    "2\t",
					    "2\v",
					    "2\n",
					    "\n2",
					    "2\n\n",
					    "+3",
					    "++3",
					    "3\n",
					    "3 \n",
					    "4",
					    "4\nx",
					    "4,5",
					    "1k",
					    "0X2",
					    "0b1",
					    "1.0",
					    "2\r\n",
					    "18446744073709551616",
					    "99999999999999999999999",
					    "1"};
	static const char *const large[] = {"",
					    "abc",
					    "-1",
					    "0 ",
					    "0\n",
					    "+0",
					    "0",
					    "0x0",
					    "2M",
					    "1G",
					    "2048kB",
					    "2097152",
					    "1M",
					    "2048",
					    "0x200000",
					    "2m",
					    "18446744073709551616",
					    " 2M"};

	for (unsigned i = 0; i < N(of_2m); i++) {
		put_each(of_2m[i], texts, N(texts));
		put_long(of_2m[i]);
		put_here(of_2m[i]);
		tell_all();
		put(of_2m[i], "0", 1);
	}
	for (unsigned i = 0; large_too && i < N(of_1g); i++)
		put_each(of_1g[i], large, N(large));
	open_each();
	spell();
	tell_all();
	return 0;
}
