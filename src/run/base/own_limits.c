/* SPDX-License-Identifier: MIT */
/*
 * own_limits.c: the resource limits that we were started with.
 *
 * They are meant for the programs, and so for the guests: RAM is a file and a mapping of ours, and
 * we work for all of them.  Ours are as high as they can be; the first process gets back what it
 * would have without us.  (Limits on memory are not the host's to keep for a guest: rlimit.c.)
 *
 * Owns run->limits, constant from own_limits_take() on.
 */
#include "run/base/own_limits.h"

#include "quire/quire.h"
#include "run/base/run.h"

#define STACK_BYTES (256u << 10)

/* A frame's metadata is a 120th of it; half of the limit is for all else. */
#define RAM_PER_DATA 60

static const struct {
	__rlimit_resource_t resource;
	bool guests_too; /* raised for guests' host processes as well */
} raised[] = {
    {RLIMIT_AS, true},   {RLIMIT_DATA, true},   {RLIMIT_FSIZE, false},
    {RLIMIT_CPU, false}, {RLIMIT_NPROC, false}, {RLIMIT_STACK, false},
};

#define NR_RAISED (sizeof(raised) / sizeof(raised[0]))

/* Of time, a second is left to say why everything ends (life.c). */
static void raise_limit(__rlimit_resource_t resource, rlim_t max)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
	const struct rlimit most = {resource == RLIMIT_CPU && max ? max - 1 : max, max};

	if (setrlimit(resource, &none))
		setrlimit(resource, &most);
}

/* Those of our threads would be as large as a program's stack may be. */
static void set_stacks(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_setattr_default_np(&attr);
	pthread_attr_destroy(&attr);
}

void own_limits_take(struct run *run)
{
	for (unsigned i = 0; i < RLIM_NLIMITS; i++)
		getrlimit((__rlimit_resource_t)i, &run->limits[i]);
	for (unsigned i = 0; i < NR_RAISED; i++)
		raise_limit(raised[i].resource, run->limits[raised[i].resource].rlim_max);
	set_stacks();
}

void own_limits_give_back(const struct run *run)
{
	for (unsigned i = 0; i < NR_RAISED; i++) {
		if (!raised[i].guests_too)
			setrlimit(raised[i].resource, &run->limits[raised[i].resource]);
	}
}

rlim_t own_limits_hard(__rlimit_resource_t resource)
{
	struct rlimit r;

	return getrlimit(resource, &r) ? RLIM_INFINITY : r.rlim_max;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t own_limits_most_ram(void)
{
	uint64_t data = own_limits_hard(RLIMIT_DATA),
		 most = smaller(own_limits_hard(RLIMIT_FSIZE), own_limits_hard(RLIMIT_AS) / 2);

	return smaller(most, data > UINT64_MAX / RAM_PER_DATA ? data : data * RAM_PER_DATA);
}
