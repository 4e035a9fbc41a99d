/* SPDX-License-Identifier: MIT */
/*
 * huge.c: which steps are about huge pages.
 */
#include "replay/script/script.h"

#include <quire/abi.h>

static bool is_huge_kind(int kind)
{
	return kind == FILE_HUGETLB || kind == FILE_MOUNTED;
}

int script_file_kind(const struct script *s, int target)
{
	for (unsigned i = 0; target >= 0 && i < s->nr_steps; i++)
		if (s->steps[i].verb == VERB_FILE && s->steps[i].target == target)
			return (int)s->steps[i].words[0];
	return -1;
}

bool step_maps_huge(const struct script *s, const struct step *step)
{
	return step->verb == VERB_MAP &&
	       (step->words[1] & QMAP_HUGETLB || is_huge_kind(script_file_kind(s, step->target)));
}

static bool names_huge(const struct step *step)
{
	for (unsigned i = 0; i < MAX_ARGS; i++)
		if (step->args[i].var == VAR_HUGE)
			return true;
	return false;
}

static bool uses_huge(const struct script *s, const struct step *step)
{
	switch (step->verb) {
	case VERB_FILE:
		return is_huge_kind((int)step->words[0]);
	case VERB_SHM:
		return step->words[0] & SHM_FLAG_HUGETLB;
	case VERB_MOUNT:
	case VERB_POOL:
	case VERB_OVERCOMMIT:
	case VERB_DEMOTE:
	case VERB_POOL_TEXT:
	case VERB_COUNTERS:
		return true;
	default:
		return names_huge(step) || step_maps_huge(s, step);
	}
}

bool script_uses_huge(const struct script *s)
{
	for (unsigned i = 0; i < s->nr_steps; i++)
		if (uses_huge(s, &s->steps[i]))
			return true;
	return false;
}
