/* SPDX-License-Identifier: MIT */
/*
 * actor_huge.c: pools of huge pages, by their files in /sys, and a hugetlbfs of the script's own.
 *
 * The pools are the whole machine's: side/pool.c has them for this run alone, and puts them back.
 */
#include "replay/calls/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- pools ------------------------------------------------------------------- */

static const char *const pool_names[NR_HUGE_SIZES] = {"2048", "1048576"};
static const char *const file_names[NR_POOL_FILES] = {
    [POOL_TOTAL] = "nr_hugepages",
    [POOL_FREE] = "free_hugepages",
    [POOL_RESERVED] = "resv_hugepages",
    [POOL_SURPLUS] = "surplus_hugepages",
    [POOL_OVERCOMMIT] = "nr_overcommit_hugepages",
};

static int open_pool(uint32_t size, const char *file, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%skB/%s",
		 pool_names[size % NR_HUGE_SIZES], file);
	return open(path, flags | O_CLOEXEC);
}

static int64_t write_pool(uint32_t size, const char *file, const char *text)
{
	int fd = open_pool(size, file, O_WRONLY);
	int64_t n;

	if (fd < 0)
		return -errno;
	n = call_sys(SYS_write, (uint64_t)fd, (uint64_t)text, strlen(text), 0, 0, 0);
	close(fd);
	return n < 0 ? n : 0;
}

/* The filter has seen it (filter/filter.h); here nothing gets through that it should not have. */
static int64_t write_number(const struct call *c, uint32_t size, const char *file)
{
	char text[32];

	if (c->a[0] > (size == HUGE_2M ? MAX_POOL_2M : MAX_POOL_1G))
		return -ERANGE;
	snprintf(text, sizeof(text), "%u", (unsigned)c->a[0]);
	return write_pool(size, file, text);
}

int64_t call_pool(struct call *c)
{
	return write_number(c, c->step->words[0], file_names[POOL_TOTAL]);
}

int64_t call_overcommit(struct call *c)
{
	return write_number(c, c->step->words[0], file_names[POOL_OVERCOMMIT]);
}

int64_t call_demote(struct call *c)
{
	return write_number(c, HUGE_1G, "demote");
}

int64_t call_pool_text(struct call *c)
{
	static const char *const texts[NR_POOL_TEXTS] = {
	    [TEXT_WORD] = "abc",      [TEXT_MINUS] = "-1", [TEXT_HEX] = "0x4",
	    [TEXT_TWO_WORDS] = "2 x", [TEXT_EMPTY] = "\n",
	};

	return write_pool(c->step->words[2], file_names[c->step->words[1] % NR_POOL_FILES],
			  texts[c->step->words[0] % NR_POOL_TEXTS]);
}

static int64_t read_pool(uint32_t size, enum pool_file file)
{
	char text[32] = "";
	int fd = open_pool(size, file_names[file], O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	/* Below zero it is a very great number. */
	return n < 0 ? 0 : (int64_t)strtoull(text, NULL, 10);
}

void actor_counters(enum huge_size size, int64_t counters[NR_COUNTERS])
{
	static const enum pool_file files[NR_COUNTERS] = {
	    [COUNTER_TOTAL] = POOL_TOTAL,
	    [COUNTER_FREE] = POOL_FREE,
	    [COUNTER_RESERVED] = POOL_RESERVED,
	    [COUNTER_SURPLUS] = POOL_SURPLUS,
	};

	for (unsigned i = 0; i < NR_COUNTERS; i++)
		counters[i] = read_pool(size, files[i]);
}

int64_t call_counters(struct call *c)
{
	int64_t counters[NR_COUNTERS];

	actor_counters(c->step->words[0], counters);
	return told_counters(counters);
}

/* ---- hugetlbfs --------------------------------------------------------------- */

#define NR_FSOPEN 430 /* which older headers do not have */
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
enum { SET_STRING = 1, CREATE = 6 };

static int64_t set_option(int fd, const char *name, uint64_t value)
{
	char text[32];

	if (!value)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return call_sys(NR_FSCONFIG, (uint64_t)fd, SET_STRING, (uint64_t)name, (uint64_t)text, 0,
			0);
}

/* args: size, min_size, pagesize.  No name leads to it: it ends with its last descriptor. */
int64_t call_mount(struct call *c)
{
	static const char *const options[] = {"size", "min_size", "pagesize"};
	int64_t fs = call_sys(NR_FSOPEN, (uint64_t) "hugetlbfs", 1, 0, 0, 0, 0), err = 0;

	if (fs < 0)
		return fs;
	for (unsigned i = 0; !err && i < 3; i++)
		err = set_option((int)fs, options[i], c->a[i]);
	if (!err)
		err = call_sys(NR_FSCONFIG, (uint64_t)fs, CREATE, 0, 0, 0, 0);
	if (!err)
		err = call_sys(NR_FSMOUNT, (uint64_t)fs, 1, 0, 0, 0, 0);
	close((int)fs);
	if (err < 0)
		return err;
	actor_files.mount = (int)err;
	return 0;
}

int open_mounted(const struct call *c)
{
	return openat(actor_files.mount, c->b->script.file_names[c->step->target],
		      O_CREAT | O_RDWR | O_CLOEXEC, 0600);
}
