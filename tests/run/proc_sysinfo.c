/* SPDX-License-Identifier: MIT */
/*
 * proc_sysinfo.c: sysinfo(2) and /proc/meminfo tell the same, on the host and under quire run.
 */
#include <sys/sysinfo.h>

#include "stub_test.h"

/* Others may take or give back so much between two looks. */
#define CLOSE (512ul << 20)

static unsigned long meminfo(const char *key)
{
	char line[128];
	unsigned long kib = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			kib = strtoul(line + strlen(key) + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return kib << 10;
}

static bool near(unsigned long a, unsigned long b)
{
	return a > b ? a - b < CLOSE : b - a < CLOSE;
}

static void same_as_meminfo(void)
{
	struct sysinfo si;

	memset(&si, 0xff, sizeof(si));
	CHECK(sysinfo(&si) == 0);
	CHECK(si.mem_unit == 1 && si.totalram == meminfo("MemTotal"));
	CHECK(si.totalswap == meminfo("SwapTotal") && near(si.freeswap, meminfo("SwapFree")));
	CHECK(near(si.freeram, meminfo("MemFree")) && si.freeram <= si.totalram);
	CHECK(near(si.sharedram, meminfo("Shmem")) && near(si.bufferram, meminfo("Buffers")));
	CHECK(si.totalhigh == 0 && si.freehigh == 0);
	CHECK(si.uptime > 0 && si.procs > 0);
}

/* The struct on a page that a fork has made copy-on-write, on one that is absent, and nowhere. */
static void where_it_is_written(void)
{
	struct sysinfo *si = anon(8192);
	int status;
	pid_t pid;

	si->procs = 1;
	pid = fork();
	if (!pid)
		_exit(sysinfo(si) || !si->totalram);
	CHECK(sysinfo(si) == 0 && si->totalram);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	si = (struct sysinfo *)((char *)si + 4096 - sizeof(*si) / 2);
	CHECK(sysinfo(si) == 0 && si->mem_unit == 1);
	munmap((void *)(((uintptr_t)si | 4095) + 1), 4096);
	FAILS(syscall(SYS_sysinfo, si), EFAULT);
	FAILS(syscall(SYS_sysinfo, NULL), EFAULT);
	FAILS(syscall(SYS_sysinfo, 0x7fffffffe000ul), EFAULT);
}

int main(void)
{
	RUN(same_as_meminfo);
	RUN(where_it_is_written);
	return failures != 0;
}
