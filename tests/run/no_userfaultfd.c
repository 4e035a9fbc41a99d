/* SPDX-License-Identifier: MIT */
/*
 * no_userfaultfd.c: under quire run there is no userfaultfd: not by the system call, and not by the
 * device, which would give the host's, for mappings that are not the program's.
 */
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "stub_test.h"

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0)
#endif

static void by_call(void)
{
	FAILS(syscall(SYS_userfaultfd, O_CLOEXEC), ENOSYS);
}

static void by_device(void)
{
	int fd = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		printf("no /dev/userfaultfd that we may open: errno %d\n", errno);
		return;
	}
	FAILS(ioctl(fd, USERFAULTFD_IOC_NEW, O_CLOEXEC), ENOTTY);
	close(fd);
}

int main(void)
{
	RUN(by_call);
	RUN(by_device);
	return failures != 0;
}
