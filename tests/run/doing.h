/* SPDX-License-Identifier: MIT */
/*
 * doing.h: for guest programs that make the same checks in many ways: what fails says in which.
 */
#ifndef DOING_H
#define DOING_H

#include <errno.h>
#include <stdio.h>

static int failed;             /* the exit status */
static const char *doing = ""; /* in which way */

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("line %d: %s: %s (errno %d)\n", __LINE__, doing, #what, errno);     \
			failed = 1;                                                                \
		}                                                                                  \
	} while (0)

#endif
