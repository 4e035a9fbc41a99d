/* SPDX-License-Identifier: MIT */
/*
 * allow.c: the table of allowances: what two sides may differ in, and why.
 */
#include "replay/compare/allow_huge.h"

#include <errno.h>
#include <quire/abi.h>
#include <stdio.h>
#include <string.h>

static bool is_field(const struct place *at, enum usage_field field)
{
	return at->part == PART_USAGE && at->field == (unsigned)field;
}

/* This step or one before. */
static bool any_step(const struct place *at,
		     bool (*is)(const struct step *s, const struct result *r))
{
	for (unsigned i = 0; i <= at->nr_step; i++)
		if (is(&at->board[0]->script.steps[i], &at->board[0]->results[i]))
			return true;
	return false;
}

static bool after(const struct place *at, enum verb verb)
{
	for (unsigned i = 0; i <= at->nr_step; i++)
		if (at->board[0]->script.steps[i].verb == verb)
			return true;
	return false;
}

static bool is_private(const struct place *at)
{
	return at->vma[0]->perms[3] == 'p';
}

/* It may have a page of a file that others write to. */
static bool may_share(const struct place *at)
{
	return !is_private(at) || at->vma[0]->file >= 0;
}

static bool referenced(const struct place *at)
{
	return is_field(at, USAGE_REFERENCED);
}

static bool lazy_free(const struct place *at)
{
	return is_field(at, USAGE_LAZYFREE);
}

static uint8_t bits_of(const struct place *at, unsigned side)
{
	return at->result[side]->view.pages[at->field];
}

/* An anonymous page that is this mapping's own counts; the zero page and file pages do not. */
static bool is_anonymous(uint8_t bits)
{
	return (bits & (PAGE_PRESENT | PAGE_FILE)) == PAGE_PRESENT && bits & PAGE_EXCLUSIVE;
}

/* A call that tells which pages are there. */
static bool told_pages_differ(const struct place *at)
{
	return (at->step->verb == VERB_MINCORE || at->step->verb == VERB_MOVE_PAGES) &&
	       at->result[0]->value == at->result[1]->value;
}

/* What is told of pages that are not anonymous. */
static bool of_other_pages(const struct place *at)
{
	if (at->part == PART_USAGE)
		return at->field != USAGE_ANONYMOUS && at->field != USAGE_SWAP;
	return at->part == PART_PAGE && !is_anonymous(bits_of(at, 0)) &&
	       !is_anonymous(bits_of(at, 1));
}

/* The step that has made the file or segment that is mapped; NULL: none is. */
static const struct step *maker(const struct place *at)
{
	const struct script *s = &at->board[0]->script;

	for (unsigned i = 0; i < s->nr_steps; i++) {
		enum verb verb = s->steps[i].verb;

		if ((verb == VERB_FILE || verb == VERB_SHM) &&
		    s->steps[i].target == at->vma[0]->file)
			return &s->steps[i];
	}
	return NULL;
}

static bool maps_file(const struct place *at)
{
	const struct step *s = maker(at);

	return s && s->verb == VERB_FILE;
}

static bool has_disk(const struct script *s)
{
	for (unsigned i = 0; i < s->nr_steps; i++)
		if (s->steps[i].verb == VERB_FILE && s->steps[i].words[0] == FILE_DISK)
			return true;
	return false;
}

static bool is_on_disk(const struct place *at)
{
	return maps_file(at) && maker(at)->words[0] == FILE_DISK;
}

static bool disk_folios(const struct place *at)
{
	if (at->part == PART_RESULT)
		return told_pages_differ(at) && has_disk(&at->board[0]->script);
	return of_other_pages(at) && is_on_disk(at);
}

static bool outside(const struct result *r)
{
	return r->outcome == OUTCOME_VALUE && r->value > 0 &&
	       ((uint64_t)r->value < ARENA_START || (uint64_t)r->value >= ARENA_END);
}

/* An address that the kernel has chosen. */
static bool chosen(const struct place *at)
{
	return at->part == PART_RESULT && verbs[at->step->verb].into &&
	       at->step->verb != VERB_BRK && outside(at->result[0]) && outside(at->result[1]);
}

/* Such as one that ends within a huge page. */
static bool is_refused_change(const struct step *s, const struct result *r)
{
	switch (s->verb) {
	case VERB_MAP:
		return s->words[1] & QMAP_FIXED && r->value < 0;
	case VERB_UNMAP:
	case VERB_PROTECT:
	case VERB_ADVISE:
	case VERB_REMAP:
		return r->value == -EINVAL;
	default:
		return false;
	}
}

static bool refused_split(const struct place *at)
{
	return at->part == PART_MERGED && any_step(at, is_refused_change);
}

static bool of_a_guest(const struct place *at)
{
	return at->board[0]->guest || at->board[1]->guest;
}

static bool vm_order(const struct place *at)
{
	bool now = at->step->verb == VERB_VMREAD || at->step->verb == VERB_VMWRITE;

	if (at->part == PART_RESULT)
		return of_a_guest(at) && now;
	return of_a_guest(at) && (after(at, VERB_VMREAD) || after(at, VERB_VMWRITE));
}

static bool is_dirt(const struct place *at)
{
	return is_field(at, USAGE_PRIVATE_CLEAN) || is_field(at, USAGE_PRIVATE_DIRTY) ||
	       is_field(at, USAGE_SHARED_CLEAN) || is_field(at, USAGE_SHARED_DIRTY) ||
	       is_field(at, USAGE_PSS_DIRTY);
}

/* Private pages that a fork has shared, where a process has read or written another's. */
static bool vm_dirt(const struct place *at)
{
	return is_dirt(at) && is_private(at) && after(at, VERB_FORK) &&
	       (after(at, VERB_VMREAD) || after(at, VERB_VMWRITE));
}

/* What is told of sharing, where a process has ended. */
static bool exit_share(const struct place *at)
{
	if (!of_a_guest(at) || !after(at, VERB_EXIT))
		return false;
	if (at->part == PART_USAGE)
		return at->field != USAGE_RSS && at->field != USAGE_ANONYMOUS &&
		       at->field != USAGE_SWAP;
	return at->part == PART_PAGE && (bits_of(at, 0) ^ bits_of(at, 1)) == PAGE_EXCLUSIVE;
}

/* Under `quire run` what a file holds is the host's, and so a memory file has no policy. */
static bool external(const struct place *at)
{
	if (!of_a_guest(at))
		return false;
	if (at->part == PART_RESULT)
		return (told_pages_differ(at) || at->step->verb == VERB_GET_MEMPOLICY) &&
		       after(at, VERB_FILE);
	if (at->part == PART_POLICY)
		return maps_file(at);
	return of_other_pages(at) && maps_file(at);
}

static bool advises(const struct place *at, uint32_t advice)
{
	return at->step->verb == VERB_ADVISE && at->step->words[0] == advice;
}

static bool pageout(const struct place *at)
{
	return at->part != PART_RESULT && at->part != PART_MAPPINGS &&
	       (advises(at, QMADV_PAGEOUT) || advises(at, QMADV_COLD));
}

static bool is_populate_write(const struct step *s, const struct result *r)
{
	(void)r;
	return s->verb == VERB_ADVISE && s->words[0] == QMADV_POPULATE_WRITE;
}

static bool populated_dirty(const struct place *at)
{
	/* It may be this step, and the mapping another one of the file. */
	return is_dirt(at) && may_share(at) && any_step(at, is_populate_write);
}

static bool is_moving_mbind(const struct step *s, const struct result *r)
{
	(void)r;
	return s->verb == VERB_MBIND && s->words[2] & (QMPOL_MF_MOVE | QMPOL_MF_MOVE_ALL);
}

static bool rebound_dirty(const struct place *at)
{
	return is_dirt(at) && may_share(at) && any_step(at, is_moving_mbind);
}

/* mlockall is for all that the process has, which is more than the script's. */
static bool own_locked(const struct place *at)
{
	return at->part == PART_STATUS && at->field == STATUS_LOCKED && after(at, VERB_LOCKALL);
}

/* All that the process has is looked at, which is more than the script's. */
static bool own_pages(const struct place *at)
{
	return at->part == PART_RESULT && at->step->verb == VERB_MIGRATE_PAGES &&
	       at->result[0]->value >= 0 && at->result[1]->value >= 0;
}

static bool absent(const struct place *at)
{
	return at->part == PART_RESULT && (at->result[0]->outcome == OUTCOME_ABSENT ||
					   at->result[1]->outcome == OUTCOME_ABSENT);
}

static bool remaps(const struct place *at)
{
	return at->step->verb == VERB_REMAP;
}

static bool is_locking(const struct step *s, const struct result *r)
{
	(void)r;
	return s->verb == VERB_LOCK || s->verb == VERB_LOCKALL ||
	       (s->verb == VERB_MAP && s->words[1] & QMAP_LOCKED);
}

/* By what the script has locked, for what lies above the arena is in no view. */
static bool remap_locked(const struct place *at)
{
	return at->part != PART_RESULT && remaps(at) && at->step->words[0] & QMREMAP_DONTUNMAP &&
	       any_step(at, is_locking);
}

static struct allowance allowances[] = {
    {"absent", "it is no part of the library; the rest is not compared", absent, true, 0},
    {"chosen", "where a mapping goes that may go anywhere is the kernel's choice", chosen, false,
     0},
    {"refused-split",
     "a MAP_FIXED that a limit refuses, or a call that ends in a huge page, has split, on the "
     "host, what it would have replaced or changed",
     refused_split, true, 0},
    {"referenced", "which pages count as referenced is for the host's LRU lists to say", referenced,
     false, 0},
    {"lazyfree", "a page that MADV_FREE takes waits in a list before it counts", lazy_free, false,
     0},
    {"disk-folios", "the host's file systems read, cache and make dirty several pages at once",
     disk_folios, false, 0},
    {"populated",
     "of a shared page that MADV_POPULATE_WRITE has taken the host says at once that it is dirty, "
     "to other processes too; Quire when it is unmapped",
     populated_dirty, false, 0},
    {"rebound",
     "with MPOL_DEFAULT and MPOL_MF_MOVE the host gives each page another frame of its node, and "
     "it "
     "tells processes that share one at once that it is dirty; Quire leaves it where it is",
     rebound_dirty, false, 0},
    {"own-locked",
     "mlockall locks the memory of the program that executes a script, too: VmLck counts it",
     own_locked, false, 0},
    {"own-pages",
     "migrate_pages is for the pages of the program that executes a script, too: it counts those "
     "that could not be moved",
     own_pages, false, 0},
    {"external",
     "a file that a program under `quire run` maps is the host's: which pages of it are cached, "
     "dirty, or mapped by others, Quire does not know, and it has no memory policy",
     external, false, 0},
    {"exit-share",
     "under `quire run` a process that has ended counts as one that shares its pages for a while",
     exit_share, false, 0},
    {"vm-order",
     "process_vm_readv and process_vm_writev fault in the other process's pages first, under "
     "`quire "
     "run` those that are read: it shows where the call is refused half-way",
     vm_order, true, 0},
    {"vm-dirt",
     "whether a page that a fork has shared stays dirty where process_vm_readv or "
     "process_vm_writev "
     "has taken it is for the host's LRU lists to say: it keeps it, or copies it, and MADV_FREE "
     "passes it over",
     vm_dirt, false, 0},
    {"remap-locked",
     "after MREMAP_DONTUNMAP of locked memory the host forgets the lock of what it merges with, "
     "too",
     remap_locked, true, 0},
    {"below-zero",
     "the host counts reserved pages of an owner below zero while a child has what the owner has "
     "let go of",
     allow_below_zero, true, 0},
    {"cached-huge",
     "whether mincore says that a huge page is there which is in the file's cache and not mapped: "
     "on the host it depends on which page tables there are",
     allow_cached_huge, false, 0},
    {"late-end",
     "what MAP_FIXED has replaced gives its reserved pages back when the call returns: on the host "
     "MAP_POPULATE does not find them yet",
     allow_late_end, true, 0},
    {"beyond-end",
     "what fallocate has left beyond the end of a file of huge pages is SIGBUS, where the host "
     "maps it",
     allow_beyond_end, true, 0},
    {"lost-quota",
     "each page that is refused for want of one in the pool takes one off the size= of a "
     "hugetlbfs, "
     "on the host, for good",
     allow_lost_quota, true, 0},
    {"mapping-order",
     "in which order a file's mappings lose a range decides what is promised again, where there "
     "are surplus pages",
     allow_order_of_mappings, true, 0},
    {"refused-gap",
     "a MAP_FIXED of huge pages that is refused has removed, on the host, what it would have "
     "replaced",
     allow_refused_gap, true, 0},
    {"mark-inherited",
     "the child of a child that has lost a huge page is refused it too: on the host it reads zeros",
     allow_mark_inherited, true, 0},
    {"pageout", "which pages MADV_PAGEOUT and MADV_COLD find is for the host's LRU lists to say",
     pageout, true, 0},
};

struct allowance *allowance_for(const struct place *at)
{
	for (unsigned i = 0; i < sizeof(allowances) / sizeof(allowances[0]); i++) {
		if (!allowances[i].allows(at))
			continue;
		allowances[i].used++;
		return &allowances[i];
	}
	return NULL;
}

void allowances_print(void)
{
	for (unsigned i = 0; i < sizeof(allowances) / sizeof(allowances[0]); i++)
		if (allowances[i].used)
			printf("allowed %-14s %8llu times: %s\n", allowances[i].name,
			       (unsigned long long)allowances[i].used, allowances[i].why);
}
