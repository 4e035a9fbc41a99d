/* SPDX-License-Identifier: MIT */
/*
 * mprotect.c: accesses against mprotect: after it has returned, its rights hold on every CPU.
 */
#include <string.h>

#include "check/world/scenario.h"

enum { PROTECTED = 1 };

static void protect(struct world *w, uint64_t page, int prot)
{
	must(quire_mprotect(w->mm, w->addr + page * PAGE, PAGE, prot), "mprotect");
}

static void protect_read(struct world *w)
{
	protect(w, 0, PROT_R);
	note(w, PROTECTED, 1);
}

static void store_until_refused(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		bool refused = noted(w, PROTECTED);

		expect(cpu_store(w, w->mm, w->addr, 7) == ACCESS_SEGV || !refused,
		       "a store succeeds after mprotect has returned");
	}
}

/* ---- a fault on its way */

static void setup_untouched(struct world *w)
{
	map_anon(w, w->addr, 2, PROT_RW);
	fill(w, w->addr + PAGE, 1);
}

SCENARIO(fault_mprotect) = {
    .name = "fault-mprotect",
    .title = "write faults against mprotect to read-only",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × protect, lock",
    .setup = setup_untouched,
    .actors = {{"fault", store_until_refused}, {"mprotect", protect_read}},
    .nr_guards = 3,
    .guards = {RULE_vma_dead_check, RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* ---- a mapping that is split for its number's sake */

#define POLICY 3

static void store_first(struct world *w)
{
	store(w, w->mm, w->addr, 7);
}

static void set_policy(struct world *w)
{
	must(quire_set_policy(w->mm, w->addr + PAGE, PAGE, POLICY), "set_policy");
}

static void check_split(struct world *w)
{
	struct quire_vma_info first, second;

	expect(mapped(w, w->addr, &first) && mapped(w, w->addr + PAGE, &second),
	       "a mapping is gone");
	expect(!first.policy && second.policy == POLICY, "the mappings have policies %llu and %llu",
	       (unsigned long long)first.policy, (unsigned long long)second.policy);
	expect(peek(w, w->mm, w->addr) == 7 && peek(w, w->mm, w->addr + PAGE) == 1,
	       "a page is another");
}

SCENARIO(fault_policy) = {
    .name = "fault-policy",
    .title = "a write fault against a policy for the other half of its mapping",
    .source = "policy.c",
    .pairs = "fault × protect, lock",
    .setup = setup_untouched,
    .actors = {{"fault", store_first}, {"policy", set_policy}},
    .check = check_split,
    .nr_guards = 2,
    .guards = {RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* ---- memory that nobody has touched is not charged for while it is read-only */

static void setup_alone(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
}

static void store_once(struct world *w)
{
	cpu_store(w, w->mm, w->addr, 7);
}

/* What can have been written is charged for. */
static void check_charged(struct world *w)
{
	struct quire_vma_info info;
	char names[128];

	expect(mapped(w, w->addr, &info), "the mapping is gone");
	quire_vm_flag_names(info.vm_flags, names, sizeof(names));
	expect(!(quire_pte(w->mm, w->addr) & QUIRE_PTE_PRESENT) || strstr(names, "ac"),
	       "a page of memory that is not charged for (VmFlags: %s)", names);
}

SCENARIO(charge_mprotect) = {
    .name = "charge-mprotect",
    .title = "a write fault against mprotect that ends the charge of untouched memory",
    .source = "commit 49b0638502da",
    .pairs = "fault × protect, lock",
    .setup = setup_alone,
    .actors = {{"fault", store_once}, {"mprotect", protect_read}},
    .check = check_charged,
    .nr_guards = 2,
    .guards = {RULE_dead_while_asked, RULE_touched_before_asked},
};

/* ---- a cached translation */

static void setup_cached(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
	cpu_cache(w, 0, w->mm, w->addr);
}

SCENARIO(store_mprotect) = {
    .name = "store-mprotect",
    .title = "stores through a cached translation against mprotect to read-only",
    .source = "commit 20841405940e",
    .pairs = "fault × protect, lock",
    .setup = setup_cached,
    .actors = {{"store", store_until_refused}, {"mprotect", protect_read}},
    .nr_guards = 1,
    .guards = {RULE_flush_lost_rights},
};

/* It is read-only already: what is lost is the right to read. */
static void setup_read_only_cached(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
	protect(w, 0, PROT_R);
	cpu_cache(w, 0, w->mm, w->addr);
}

static void protect_none(struct world *w)
{
	protect(w, 0, 0);
	note(w, PROTECTED, 1);
}

static void load_until_refused(struct world *w)
{
	uint64_t value, refused = noted(w, PROTECTED);

	expect(cpu_load(w, w->mm, w->addr, &value) == ACCESS_SEGV || !refused,
	       "a load succeeds after mprotect has returned");
}

SCENARIO(load_none) = {
    .name = "load-none",
    .title = "a load through a cached translation against mprotect to PROT_NONE",
    .source = "commit 20841405940e",
    .pairs = "fault × protect, lock",
    .setup = setup_read_only_cached,
    .actors = {{"load", load_until_refused}, {"mprotect", protect_none}},
    .nr_guards = 1,
    .guards = {RULE_flush_lost_rights},
};

/* It was raised before somebody else brought the page in. */
static void late_fault(struct world *w)
{
	expect(quire_fault(w->mm, w->addr, QUIRE_READ, NULL) == QUIRE_FAULT_OK,
	       "a read of a readable page is refused");
}

SCENARIO(touch_mprotect) = {
    .name = "touch-mprotect",
    .title = "the same, with a late fault on the page",
    .source = "commit 20841405940e",
    .pairs = "fault × protect, lock",
    .setup = setup_cached,
    .actors = {{"store", store_until_refused},
	       {"late fault", late_fault},
	       {"mprotect", protect_read}},
    .nr_guards = 2,
    .guards = {RULE_touch_only_adds, RULE_flush_lost_rights},
};

/* ---- rights given */

static void setup_read_only(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_R);
}

static void protect_write(struct world *w)
{
	protect(w, 0, PROT_RW);
	note(w, PROTECTED, 1);
}

static void load_and_store(struct world *w)
{
	bool allowed;

	load(w, w->mm, w->addr);
	allowed = noted(w, PROTECTED);
	if (cpu_store(w, w->mm, w->addr, 7) == ACCESS_OK)
		expect(load(w, w->mm, w->addr) == 7, "a store is lost");
	else
		expect(!allowed, "a store is refused after mprotect has returned");
}

SCENARIO(fault_mprotect_write) = {
    .name = "fault-mprotect-write",
    .title = "a read and a write fault against mprotect to writable",
    .source = "linux-mm, Nov 2008",
    .pairs = "fault × protect, lock",
    .setup = setup_read_only,
    .actors = {{"fault", load_and_store}, {"mprotect", protect_write}},
};

/* ---- split and merge */

static void setup_three(struct world *w)
{
	map_anon(w, w->addr, 3, PROT_RW);
}

static void split_and_merge(struct world *w)
{
	protect(w, 1, PROT_R);
	protect(w, 1, PROT_RW);
	note(w, PROTECTED, 1);
}

static void store_side_and_middle(struct world *w)
{
	bool merged = noted(w, PROTECTED);

	store(w, w->mm, w->addr, 1);
	expect(cpu_store(w, w->mm, w->addr + PAGE, 2) == ACCESS_OK || !merged,
	       "the middle is read-only after it was made writable");
}

static void check_merged(struct world *w)
{
	struct quire_vma_info info;

	expect(peek(w, w->mm, w->addr) == 1, "a store beside the split is lost");
	expect(mapped(w, w->addr, &info) && info.end == w->addr + 3 * PAGE,
	       "the mapping is not whole again");
}

SCENARIO(fault_split) = {
    .name = "fault-split",
    .title = "write faults against a split of their VMA by mprotect, and the merge",
    .source = "linux-mm, Nov 2008 (XXX should we re-do the lookup)",
    .pairs = "fault × protect, lock; protect, lock × protect, lock",
    .setup = setup_three,
    .actors = {{"fault", store_side_and_middle}, {"mprotect", split_and_merge}},
    .check = check_merged,
    .nr_guards = 2,
    .guards = {RULE_vma_by_rcu, RULE_nodes_by_rcu},
};

/* ---- what an edit makes of a VMA while a fault touches it for the first time */

static void store_middle(struct world *w)
{
	cpu_store(w, w->mm, w->addr + PAGE, 7);
}

static void protect_middle(struct world *w)
{
	protect(w, 1, PROT_R);
}

/* Apart by more than rights, the middle gets an identity of its own if nobody has one. */
static void check_one_again(struct world *w)
{
	struct quire_vma_info info;

	must(quire_set_policy(w->mm, w->addr + PAGE, PAGE, POLICY), "set_policy");
	protect(w, 1, PROT_RW);
	store(w, w->mm, w->addr + PAGE, 8);
	must(quire_set_policy(w->mm, w->addr + PAGE, PAGE, 0), "set_policy");
	expect(mapped(w, w->addr, &info) && info.end == w->addr + 3 * PAGE,
	       "the mapping is not whole again: its parts have different identities");
}

SCENARIO(touch_split) = {
    .name = "touch-split",
    .title = "a first touch that comes to nothing against mprotect that makes three of the mapping",
    .source = "identity.c 2",
    .pairs = "fault × protect, lock",
    .setup = setup_three,
    .actors = {{"fault", store_middle}, {"mprotect", protect_middle}},
    .check = check_one_again,
    .nr_guards = 1,
    .guards = {RULE_asked_once},
};
