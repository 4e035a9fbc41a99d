/* SPDX-License-Identifier: MIT */
/*
 * proc_maps.c: /proc/self/maps has a line for each mapping, in order, in the kernel's format.
 */
#include "proc.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

struct line {
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	char perms[5];
	char path[4200];
};

static bool parse(const char *text, struct line *l)
{
	int at = 0;
	size_t len;

	if (sscanf(text, "%lx-%lx %4s %lx %x:%x %lu%n", &l->start, &l->end, l->perms, &l->offset,
		   &l->major, &l->minor, &l->inode, &at) != 7)
		return false;
	text += at;
	/* The kernel puts one blank after the inode, and pads a name to column 73. */
	if (*text != ' ')
		return false;
	at += (int)strspn(text, " ");
	text += strspn(text, " ");
	len = strcspn(text, "\n");
	if (len && at < 73)
		return false;
	snprintf(l->path, sizeof(l->path), "%.*s", (int)len, text);
	return true;
}

static bool find(unsigned long addr, struct line *l)
{
	char *text = slurp("/proc/self/maps");
	bool found = false;

	for (char *p = text; !found && *p; p = strchr(p, '\n') + 1)
		found = parse(p, l) && l->start <= addr && addr < l->end;
	free(text);
	return found;
}

static void test_format(void)
{
	char *text = slurp("/proc/self/maps");
	unsigned long last = 0;
	bool good = true, ordered = true;
	struct line l;

	for (char *p = text; *p; p = strchr(p, '\n') + 1) {
		good &= parse(p, &l);
		ordered &= l.start >= last && l.end > l.start && !((l.start | l.end) % PAGE);
		last = l.end;
	}
	check(good, "each line has the kernel's format", "%s", text);
	check(ordered, "lines are in order and do not overlap", "%s", text);
	check(strstr(text, "[heap]") != NULL, "there is a heap", "%s", text);
	check(strstr(text, "[stack]") != NULL, "there is a stack", "%s", text);
	check(strstr(text, "[vdso]") != NULL, "there is a vdso", "%s", text);
	free(text);
}

/* There the host's own maps may name the file of a layer, which stat(2) does not. */
static bool on_overlay(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static void test_self(void)
{
	struct line l;
	char exe[4096] = "";
	int on_stack;
	struct stat st;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	check(n > 0, "the program knows its file", " ");
	check(find((unsigned long)&test_self, &l) && !strcmp(l.perms, "r-xp"), "code is r-xp", "%s",
	      l.perms);
	check(!strcmp(l.path, exe), "code is of the program's file", "%s, not %s", l.path, exe);
	if (!stat(exe, &st))
		check(on_overlay(exe) ||
			  (l.inode == st.st_ino && makedev(l.major, l.minor) == st.st_dev),
		      "its device and inode are the file's", "%lu", l.inode);
	check(find((unsigned long)&on_stack, &l) && !strcmp(l.path, "[stack]"),
	      "a local variable is in the stack", "%s", l.path);
	check(find((unsigned long)sbrk(0) - 1, &l) && !strcmp(l.path, "[heap]"),
	      "below the break is the heap", "%s", l.path);
}

static void test_anonymous(void)
{
	char *p = map_alone(8, MAP_PRIVATE);
	struct line l;

	check(find((unsigned long)p, &l) && l.start == (unsigned long)p &&
		  l.end == (unsigned long)p + 8 * PAGE,
	      "a mapping has its line", "%lx-%lx", l.start, l.end);
	check(!strcmp(l.perms, "rw-p") && !l.path[0] && !l.inode && !l.offset,
	      "it is rw-p and anonymous", "%s %s", l.perms, l.path);
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	check(find((unsigned long)p + 2 * PAGE, &l) && l.end - l.start == PAGE &&
		  !strcmp(l.perms, "r--p"),
	      "mprotect splits it", "%lx-%lx %s", l.start, l.end, l.perms);
	mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	check(find((unsigned long)p, &l) && l.end - l.start == 8 * PAGE, "and merges it again",
	      "%lx-%lx", l.start, l.end);
	mprotect(p, 8 * PAGE, PROT_NONE);
	check(find((unsigned long)p, &l) && !strcmp(l.perms, "---p"), "PROT_NONE is ---p", "%s",
	      l.perms);
	munmap(p, 8 * PAGE);
	check(!find((unsigned long)p, &l), "munmap removes it", "%lx-%lx", l.start, l.end);
}

static void test_file(void)
{
	char path[] = "/tmp/quire maps\nXXXXXX";
	int fd = mkstemp(path);
	struct line l;
	char *p;

	if (fd < 0 || ftruncate(fd, 4 * (long)PAGE)) {
		check(false, "a temporary file", " ");
		return;
	}
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 2 * (long)PAGE);
	check(find((unsigned long)p, &l) && !strcmp(l.perms, "r--s"), "a shared file is r--s", "%s",
	      l.perms);
	check(l.offset == 2 * PAGE, "with its offset", "%lx", l.offset);
	check(!strncmp(l.path, "/tmp/quire maps\\012", 19), "and its name, line feeds escaped",
	      "%s", l.path);
	unlink(path);
	check(find((unsigned long)p, &l) && strlen(l.path) > 10 &&
		  !strcmp(l.path + strlen(l.path) - 10, " (deleted)"),
	      "a deleted file says so", "%s", l.path);
	munmap(p, 2 * PAGE);
	close(fd);
}

static void test_shared(void)
{
	char *p = map_alone(4, MAP_SHARED);
	struct line l;

	check(find((unsigned long)p, &l) && !strcmp(l.perms, "rw-s"), "shared memory is rw-s", "%s",
	      l.perms);
	check(!strcmp(l.path, "/dev/zero (deleted)"), "named as the kernel does", "%s", l.path);
	munmap(p, 4 * PAGE);
}

int main(void)
{
	/* glibc makes a heap at the first malloc. */
	free(malloc(64));
	test_format();
	test_self();
	test_anonymous();
	test_file();
	test_shared();
	return finish();
}
