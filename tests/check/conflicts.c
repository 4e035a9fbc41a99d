/* SPDX-License-Identifier: MIT */
/*
 * conflicts.c: faults that have nothing to do with each other share no written cache line.
 */
#include <string.h>

#include "check/conflict/conflict.h"
#include "check/world/scenario.h"

int main(void)
{
	memset(quire_rule_on, 1, sizeof(quire_rule_on));
	sched_init();
	return conflicts();
}
