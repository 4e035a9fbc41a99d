/* SPDX-License-Identifier: MIT */
/*
 * test_file_host.c: msync, mincore and SIGBUS of files, beside the host.
 */
#include "store.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Eight pages of anonymous memory, the fourth a hole, the fifth locked; the same on both sides. */
struct pair {
	struct quire_mm *mm;
	uint64_t a;
	char *p;
};

static struct pair make_pair(struct unit *u)
{
	struct pair x = {.mm = u->mm};

	/* A hole after them on the host, too. */
	x.p = mmap(NULL, 512 * UPAGE, PROT_READ | PROT_WRITE, UANON, -1, 0);
	munmap(x.p + 8 * UPAGE, 504 * UPAGE);
	x.a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);
	munmap(x.p + 3 * UPAGE, UPAGE);
	quire_munmap(u->mm, x.a + 3 * UPAGE, UPAGE);
	syscall(SYS_mlock, x.p + 4 * UPAGE, UPAGE); /* ASan's mlock() does nothing */
	assert_int_equal(quire_mlock(u->mm, x.a + 4 * UPAGE, UPAGE, 0), 0);
	*x.p = 1;
	unit_store(u->mm, x.a, 1);
	return x;
}

static void same_msync(const struct pair *x, uint64_t off, uint64_t len, int flags)
{
	int host = msync(x->p + off, len, flags) ? -errno : 0;

	assert_int_equal(quire_msync(x->mm, x->a + off, len, flags), host);
}

static void test_msync_as_on_the_host(void **state)
{
	struct pair x = make_pair(*state);

	for (int flags = 0; flags < 16; flags++) {
		same_msync(&x, 0, UPAGE, flags);
		same_msync(&x, 1, UPAGE, flags);
		same_msync(&x, 0, 0, flags);
		same_msync(&x, 3 * UPAGE, 0, flags);
		same_msync(&x, 0, 8 * UPAGE, flags);         /* hole before locked */
		same_msync(&x, 4 * UPAGE, 2 * UPAGE, flags); /* locked */
		same_msync(&x, 4 * UPAGE, 8 * UPAGE, flags); /* locked, then the end */
		same_msync(&x, 3 * UPAGE, UPAGE, flags);
		same_msync(&x, 0, 4 * UPAGE, flags);
		same_msync(&x, 0, 100, flags);
		same_msync(&x, 0, (uint64_t)-8192, flags);
		same_msync(&x, 0, UINT64_MAX, flags);
	}
	munmap(x.p, 8 * UPAGE);
}

static void same_mincore(const struct pair *x, uint64_t off, uint64_t len)
{
	unsigned char host[16], ours[16];
	int ret;

	memset(host, 9, sizeof(host));
	memset(ours, 9, sizeof(ours));
	ret = mincore(x->p + off, len, host) ? -errno : 0;
	assert_int_equal(quire_mincore(x->mm, x->a + off, len, ours), ret);
	assert_memory_equal(host, ours, sizeof(host));
}

static void test_mincore_as_on_the_host(void **state)
{
	struct pair x = make_pair(*state);
	uint8_t vec[2];

	(void)*(volatile char *)(x.p + UPAGE);
	unit_load(x.mm, x.a + UPAGE);
	same_mincore(&x, 0, 3 * UPAGE);
	same_mincore(&x, 0, 2 * UPAGE + 1);
	same_mincore(&x, 0, 8 * UPAGE);
	same_mincore(&x, 4 * UPAGE, 4 * UPAGE);
	same_mincore(&x, 1, UPAGE);
	same_mincore(&x, 0, 0);
	same_mincore(&x, 3 * UPAGE, UPAGE);
	same_mincore(&x, 0, UINT64_MAX);
	same_mincore(&x, 0, (uint64_t)-8192);
	mprotect(x.p, UPAGE, PROT_NONE);
	quire_mprotect(x.mm, x.a, UPAGE, QPROT_NONE);
	same_mincore(&x, 0, UPAGE);
	assert_int_equal(quire_mincore(x.mm, 0xffffffff80000000, UPAGE, vec), -ENOMEM);
	munmap(x.p, 8 * UPAGE);
}

static void test_mincore_of_files(void **state)
{
	struct unit *u = *state;
	struct store *s = new_store();
	struct quire_file *file = new_file(u, QUIRE_FILE_PAGECACHE, s);
	uint64_t a = map_all(u, file, QMAP_SHARED);
	char buf[8];
	uint8_t vec[4];

	assert_int_equal(quire_file_read(file, UPAGE, buf, 8), 8);
	expect(u, a + 2 * UPAGE, QUIRE_READ, QUIRE_FAULT_OK, QUIRE_KIND_FILE_MAJOR);
	assert_int_equal(quire_mincore(u->mm, a, 4 * UPAGE, vec), 0);
	assert_memory_equal(vec, "\0\1\1\0", 4);
	finish(u, file, s, a);
}

/* SIGBUS beyond the end, on the host. */
static sigjmp_buf bus_jump;
static int bus_code;

static void bus_handler(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	bus_code = info->si_code;
	siglongjmp(bus_jump, 1);
}

static void test_sigbus_as_on_the_host(void **state)
{
	struct sigaction sa = {.sa_sigaction = bus_handler, .sa_flags = SA_SIGINFO}, old;
	int fd = memfd_create("eof", 0);
	char *p;

	(void)state;
	assert_int_equal(ftruncate(fd, 1), 0);
	p = mmap(NULL, 2 * UPAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	sigaction(SIGBUS, &sa, &old);
	if (!sigsetjmp(bus_jump, 1))
		*(volatile char *)(p + UPAGE) = 1;
	sigaction(SIGBUS, &old, NULL);
	assert_int_equal(bus_code, QBUS_ADRERR); /* as expect_bus() wants it of us */
	munmap(p, 2 * UPAGE);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_msync_as_on_the_host),
	    unit_test(test_mincore_as_on_the_host),
	    unit_test(test_mincore_of_files),
	    cmocka_unit_test(test_sigbus_as_on_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
