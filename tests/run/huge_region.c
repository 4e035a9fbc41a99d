/* SPDX-License-Identifier: MIT */
/*
 * huge_region.c: a program on libhugetlbfs: it finds the mounted file system, makes files without
 * names in it, and has its pages.
 *
 * usage: huge_region: with a pool of 4 free pages of 2 MiB.  1: something was refused.
 */
#include <stddef.h>

#include <hugetlbfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
	long page = gethugepagesize();
	const char *mounted = hugetlbfs_find_path();
	size_t bytes = 2 * (size_t)page;
	char *region = get_hugepage_region(bytes, GHR_STRICT), *at;
	int fd = hugetlbfs_unlinked_fd();

	printf("pages of %ld, mounted: %d, tested: %d\n", page, mounted != NULL,
	       mounted ? hugetlbfs_test_path(mounted) : -1);
	if (!region || fd < 0 || ftruncate(fd, page)) {
		perror("refused");
		return 1;
	}
	memset(region, 7, bytes);
	at = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	strcpy(at, "in a file");
	printf("%d %s\n", region[bytes - 1], at);
	free_hugepage_region(region);
	return 0;
}
