/* SPDX-License-Identifier: MIT */
/*
 * rules.c: the rules by name.
 */
#include <string.h>

#include "check/known/known.h"

static const struct {
	const char *name, *text, *source;
} rules[NR_RULES] = {
#define X(name, text, source) [RULE_##name] = {#name, text, source},
    QUIRE_RULES(X)
#undef X
};

const char *rule_name(enum quire_rule rule)
{
	static char names[NR_RULES][64];
	char *p = names[rule];

	if (*p)
		return p;
	strncpy(p, rules[rule].name, sizeof(names[0]) - 1);
	for (; *p; p++)
		if (*p == '_')
			*p = '-';
	return names[rule];
}

int rule_find(const char *name)
{
	for (int i = 0; i < NR_RULES; i++)
		if (!strcmp(rule_name((enum quire_rule)i), name))
			return i;
	return -1;
}

const char *rule_text(enum quire_rule rule)
{
	return rules[rule].text;
}

const char *rule_source(enum quire_rule rule)
{
	return rules[rule].source;
}
