/* SPDX-License-Identifier: MIT */
/*
 * probe_types.c: the numbers that the host has given to the kinds of perf events which put probes
 * into programs.
 */
#include "run/start/probe_types.h"

#include "quire/quire.h"
#include "run/wire/run_info.h"

#include <stdio.h>
#include <unistd.h>

#define EVENT_SOURCES "/sys/bus/event_source/devices"

static uint32_t type_of(const char *name)
{
	uint32_t type = RUN_PROBE_UNKNOWN;
	char path[80];
	FILE *f;

	if (access(EVENT_SOURCES, X_OK))
		return RUN_PROBE_UNKNOWN;
	snprintf(path, sizeof(path), EVENT_SOURCES "/%s/type", name);
	if (access(path, F_OK))
		return RUN_PROBE_NONE;
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%u", &type) != 1)
			type = RUN_PROBE_UNKNOWN;
		fclose(f);
	}
	return type;
}

void probe_types_find(struct run_info *info)
{
	info->probe_types[0] = type_of("uprobe");
	info->probe_types[1] = type_of("kprobe");
}
