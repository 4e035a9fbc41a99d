/* SPDX-License-Identifier: MIT */
/*
 * rules.c: the switches of the rules, in the checker's build.  Nothing of it is in the library.
 */
#include "core/base/rules.h"

bool quire_rule_on[NR_RULES];
