/* SPDX-License-Identifier: MIT */
/*
 * test_replays.c: no schedule that was a bug once is one still, but for the rule.  Output: TAP.
 */
#include <stdio.h>
#include <string.h>

#include "check/known/known.h"

int main(void)
{
	char violation[512];
	int n = 0, bad = 0;

	memset(quire_rule_on, 1, sizeof(quire_rule_on));
	sched_init();
	for (const struct known_replay *k = known_replays; k->name; k++) {
		bool good = replay_known(k, violation, sizeof(violation));

		printf("%s %d - %s (%s %s)%s%s\n", good ? "ok" : "not ok", ++n, k->name,
		       k->scenario, k->schedule, good ? "" : ": ", good ? "" : violation);
		bad += !good;
	}
	printf("1..%d\n", n);
	return bad != 0;
}
