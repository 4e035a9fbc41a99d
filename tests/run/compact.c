/* SPDX-License-Identifier: MIT */
/*
 * compact.c CASE [FILE]: memory is compacted by a write to FILE, /proc/sys/vm/compact_memory at
 * first.
 *
 *     moved    what is in memory stays there, in a child, too; each way to write
 *     refused  who may open the file, and what is refused; natively the same
 *     others   calls that do not write have nothing of the host's file, or the machine's (a 3rd
 *              argument)
 *
 * 0, or 1 and a line for each difference; 77: this user may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define PAGES (20ul << 20) / PAGE

static const char *file = "/proc/sys/vm/compact_memory";
static int failed;

static void expect(const char *what, long got, long want)
{
	if (got == want)
		return;
	printf("%s: %ld, want %ld\n", what, got, want);
	failed = 1;
}

static int open_file(void)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0) {
		perror(file);
		exit(1);
	}
	return fd;
}

/* ---- moved -------------------------------------------------------------------- */

static void check(const char *when, const unsigned long *p)
{
	unsigned long wrong = 0;

	for (unsigned long i = 0; i < PAGES; i++)
		wrong += p[i * PAGE / 8 + i % 512] != (i % 4 ? i + 1 : 0);
	expect(when, (long)wrong, 0);
}

/* Of every four pages one is free: nowhere 2 MiB in a row. */
static unsigned long *fragment(void)
{
	unsigned long *p =
	    mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	for (unsigned long i = 0; i < PAGES; i++)
		p[i * PAGE / 8 + i % 512] = i + 1;
	for (unsigned long i = 0; i < PAGES; i += 4)
		madvise(p + i * PAGE / 8, PAGE, MADV_DONTNEED);
	return p;
}

static void in_child(const unsigned long *p, int fd)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		check("the child's, before", p);
		expect("the child's write", write(fd, "1", 1), 1);
		check("the child's, after", p);
		exit(failed);
	}
	waitpid(pid, &status, 0);
	expect("child", status, 0);
}

static void moved(void)
{
	struct iovec parts[] = {{"", 0}, {"\t", 1}, {"1 ", 2}, {"\n", 1}};
	unsigned long *p = fragment();
	int fd = open_file(), copy = dup(fd);

	expect("write", write(copy, "1\n", 2), 2);
	check("after a write", p);
	in_child(p, fd);
	expect("writev", writev(fd, parts, 4), 4);
	expect("pwrite", pwrite(fd, "01", 2, 0), 2);
	expect("pwritev2", pwritev2(fd, parts, 4, -1, 0), 4);
	check("at the end", p);
	close(copy);
	close(fd);
}

/* ---- refused ------------------------------------------------------------------ */

static void refuse(int fd, const char *text, size_t len)
{
	ssize_t r = write(fd, text, len);
	char what[64];

	snprintf(what, sizeof(what), "'%.20s', %zu bytes", text, len);
	expect(what, r, -1);
	expect(what, errno, EINVAL);
}

static void open_as(const char *who, int flags, int want)
{
	int fd = open(file, flags);

	expect(who, fd < 0 ? errno : 0, want);
	if (fd >= 0)
		close(fd);
}

static void refused(void)
{
	/* On the host nothing is the number before once more: so that is none that it takes. */
	static const char *const texts[] = {"2",  "",    "0",   "11", "x",  "-1", " ",  "\n",
					    "1x", "0x2", "2 1", "+1", "1,", "-",  "--1"};
	int fd = open_file();
	pid_t pid;
	int status;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuse(fd, texts[i], strlen(texts[i]));
	refuse(fd, "1\0", 2);
	close(fd);
	open_as("for reading", O_RDONLY, EACCES);
	open_as("for both", O_RDWR, EACCES);
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			exit(1);
		open_as("for somebody else", O_WRONLY, EACCES);
		fd = open(file, O_PATH);
		expect("write by somebody else", write(fd, "1", 1), -1);
		exit(failed);
	}
	waitpid(pid, &status, 0);
	expect("child", status, 0);
}

/* ---- others ------------------------------------------------------------------- */

static void others(int refused)
{
	int fd = open_file(), from = memfd_create("from", 0), pipes[2];

	if (from < 0 || write(from, "2", 1) != 1 || pipe(pipes) || write(pipes[1], "2", 1) != 1)
		exit(1);
	expect("write", write(fd, "1", 1), 1);
	expect("sendfile", sendfile(fd, from, &(off_t){0}, 1), -1);
	expect("its errno", errno, refused);
	expect("splice", splice(pipes[0], NULL, fd, NULL, 1, 0), -1);
	expect("its errno", errno, refused);
	expect("copy_file_range", copy_file_range(from, &(off_t){0}, fd, NULL, 1, 0), -1);
	expect("its errno", errno, refused);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	if (argc > 2)
		file = argv[2];
	if (geteuid())
		return 77;
	if (!strcmp(argv[1], "moved"))
		moved();
	else if (!strcmp(argv[1], "refused"))
		refused();
	else if (!strcmp(argv[1], "others"))
		others(argc > 3 ? EINVAL : EBADF);
	return failed;
}
