/* SPDX-License-Identifier: MIT */
/*
 * where.h: where `quire` itself is, for the programs of its commands, which start it.
 */
#ifndef TOOL_WHERE_H
#define TOOL_WHERE_H

#include <stdlib.h>

/* Tells a command's program where `quire` is. */
#define TOOL_VARIABLE "QUIRE_TOOL"

/* For execvp(): a program started without the tool looks for it as a shell does. */
static inline char *tool_name(void)
{
	static char quire[] = "quire";
	char *named = getenv(TOOL_VARIABLE);

	return named && *named ? named : quire;
}

#endif
