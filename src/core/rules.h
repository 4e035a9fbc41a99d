/* SPDX-License-Identifier: MIT */
/*
 * rules.h: the protections that concurrency rests on, by name.
 *
 * RULE(name) stands where the core keeps one.  In the checker's build it is a switch: with the
 * rule off, `quire check --without name` has to find the bug that it prevents.  Everywhere
 * else it is the constant 1.
 *
 * QUIRE_RULES(X): X(name, what it says, where it comes from).  On the command line the
 * underscores of a name are dashes.
 */
#ifndef CORE_RULES_H
#define CORE_RULES_H

#define QUIRE_RULES(X)                                                                             \
	X(vma_dead_check, "an entry is inserted only for a VMA that is alive under the PTL",       \
	  "message 004")                                                                           \
	X(dead_before_zap, "a VMA is dead before its entries are removed or lose a right",         \
	  "message 004")                                                                           \
	X(entry_recheck, "an entry is written only if it is what the fault decided on",            \
	  "message 004 (pte_same)")                                                                \
	X(replacement_held, "a mapping over others lives when their entries are flushed",          \
	  "locking.md, invariant 6")                                                               \
	X(miss_under_mmap_lock, "nothing is mapped there: said only under mmap_lock",              \
	  "locking.md, invariant 6")                                                               \
	X(wait_for_writer, "a fault that has lost many races waits for mmap_lock",                 \
	  "message 004 (goto retry)")                                                              \
	X(lock_outside_rcu, "mmap_lock is not waited for in a read-side section",                  \
	  "locking.md, rule 3")                                                                    \
	X(link_dead_check, "a table is linked only for a VMA that is alive under the parent's lock", \
	  "message 004 (tables for naught)")                                                       \
	X(wait_for_linkers, "tables are freed after who saw the VMA alive has linked his",         \
	  "message 004 (tables for naught)")                                                       \
	X(slot_recheck, "a table is linked only into a slot that is still empty",                  \
	  "locking.md, invariant 3")                                                               \
	X(vma_by_rcu, "a VMA is freed when no reader can have it", "message 004 (call_srcu)")      \
	X(tables_by_rcu, "a page table is freed when no walker can be in it",                      \
	  "message 004 (srcu free the page table pages)")                                          \
	X(nodes_by_rcu, "a node of the VMA tree is freed when no reader can be in it",             \
	  "CVE-2023-3269")                                                                         \
	X(stack_grows_locked, "a stack grows under mmap_lock", "CVE-2023-3269")                    \
	X(growth_looks_again, "a stack grows only if nothing is mapped there under mmap_lock",     \
	  "CVE-2023-3269")                                                                         \
	X(flush_before_free, "a frame is freed after its translations are flushed",                \
	  "CVE-2018-18281")                                                                        \
	X(flush_lost_rights, "an entry that lost a right is flushed before the call returns",      \
	  "commit 20841405940e")                                                                   \
	X(touch_only_adds, "a fault takes no right from a present entry: it would not be flushed", \
	  "commit 20841405940e")                                                                   \
	X(flush_lazyfree, "an entry made clean is flushed, so that the next store is seen",        \
	  "commit 99baac21e458")

enum quire_rule {
#define X(name, text, source) RULE_##name,
	QUIRE_RULES(X)
#undef X
	    NR_RULES
};

#ifdef QUIRE_CHECKER
#include <stdbool.h>

/* True unless switched off. */
extern bool quire_rule_on[NR_RULES];
#define RULE(name) (quire_rule_on[RULE_##name])
#else
#define RULE(name) 1
#endif

#endif
