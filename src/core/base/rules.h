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
	  "linux-mm, Nov 2008")                                                                    \
	X(touched_before_asked,                                                                    \
	  "a fault says that a VMA has private pages before it asks whether the VMA is alive",     \
	  "identity.c, 1 and 2")                                                                   \
	X(dead_at_lookup,                                                                          \
	  "a fault whose VMA is dead, at the lookup or when its entry is read, looks again",       \
	  "linux-mm, Nov 2008 (goto retry)")                                                       \
	X(dead_before_zap, "a VMA is dead before its entries are removed or lose a right",         \
	  "linux-mm, Nov 2008")                                                                    \
	X(entry_recheck, "an entry is written only if it is what the fault decided on",            \
	  "linux-mm, Nov 2008 (pte_same)")                                                         \
	X(replacement_held, "a mapping over others lives when their entries are flushed",          \
	  "locking.md, invariant 6")                                                               \
	X(linked_when_empty,                                                                       \
	  "a mapping over others enters its file's tree when their entries are gone",              \
	  "locking.md, invariant 7")                                                               \
	X(unlinked_before_life,                                                                    \
	  "what a mapping replaces has left its file's tree before the new one lives",             \
	  "locking.md, invariant 7")                                                               \
	X(linked_throughout,                                                                       \
	  "an old VMA is in its file's tree until its entries are gone or a new one's",            \
	  "locking.md, invariant 7")                                                               \
	X(empty_slot_awaited,                                                                      \
	  "a walk passes over an empty slot of an upper table after it has waited for its lock",   \
	  "cursor.h, 7")                                                                           \
	X(miss_under_mmap_lock, "that nothing is mapped is reported only under mmap_lock",         \
	  "locking.md, invariant 6")                                                               \
	X(populate_looks_again,                                                                    \
	  "where populating is refused, a mapping has changed since the lookup: it looks again",   \
	  "populate.c, 2")                                                                         \
	X(run_asks_each,                                                                           \
	  "of a run of pages each entry is looked at, under the PTL, before it is set",            \
	  "fault.c, 5")                                                                            \
	X(wait_for_writer, "a fault that has lost many races waits for mmap_lock",                 \
	  "linux-mm, Nov 2008 (goto retry)")                                                       \
	X(lock_outside_rcu, "mmap_lock is not waited for in a read-side section",                  \
	  "locking.md, rule 3")                                                                    \
	X(link_dead_check,                                                                         \
	  "a table is linked only for a VMA that is alive under the parent's lock",                \
	  "linux-mm, Nov 2008 (tables for naught)")                                                \
	X(wait_for_linkers,                                                                        \
	  "tables are freed after every thread that saw the VMA alive has linked",                 \
	  "linux-mm, Nov 2008 (tables for naught)")                                                \
	X(slot_recheck, "a table is linked only into a slot that is still empty",                  \
	  "locking.md, invariant 3")                                                               \
	X(vma_by_rcu, "a VMA is freed when no reader can have it",                                 \
	  "linux-mm, Nov 2008 (call_srcu)")                                                        \
	X(tables_by_rcu, "a page table is freed when no walker can be in it",                      \
	  "linux-mm, Nov 2008 (srcu free the page table pages)")                                   \
	X(nodes_by_rcu, "a node of the VMA tree is freed when no reader can be in it",             \
	  "CVE-2023-3269")                                                                         \
	X(recycled_after_readers,                                                                  \
	  "a VMA or node of the tree is used again when readers have gone", "recycle.c, 1")        \
	X(bounds_shrink_first,                                                                     \
	  "a node of the VMA tree says that its leaf ends earlier before the leaf does",           \
	  "rtree_leaf.c, 2")                                                                       \
	X(stack_grows_locked, "a stack grows under mmap_lock", "CVE-2023-3269")                    \
	X(growth_looks_again, "a stack grows only if nothing is mapped there under mmap_lock",     \
	  "CVE-2023-3269")                                                                         \
	X(flush_before_free, "a frame is freed after its translations are flushed",                \
	  "CVE-2018-18281")                                                                        \
	X(lent_is_marked,                                                                          \
	  "a frame that the host may still use gets other memory before it is reused", "tlb.c, 4") \
	X(lent_moves, "and so does one whose page was moved meanwhile", "tlb.c, 4")                \
	X(flush_lost_rights, "an entry that lost a right is flushed before the call returns",      \
	  "commit 20841405940e")                                                                   \
	X(touch_only_adds, "a fault takes no right from a present entry: it would not be flushed", \
	  "commit 20841405940e")                                                                   \
	X(dead_while_asked, "a VMA is dead while it is asked what it has: no fault adds to it",    \
	  "commit 49b0638502da")                                                                   \
	X(asked_once, "all that an edit makes of a VMA has the identity it was asked for",         \
	  "identity.c 2")                                                                          \
	X(flush_lazyfree, "an entry made clean is flushed, so that the next store is seen",        \
	  "commit 99baac21e458")                                                                   \
	X(fork_waits, "no private page is made or opened for writing while the mm forks",          \
	  "commit fb49c455323f; locking.md 13")                                                    \
	X(fork_flush, "fork flushes what it made read-only before either side runs on",            \
	  "locking.md 9")                                                                          \
	X(fork_clears_exclusive, "a page that fork shares is no longer its parent's alone",        \
	  "locking.md 9")                                                                          \
	X(fork_copies_pinned, "fork leaves a pinned page to the parent and copies it at once",     \
	  "commit 70e806e4e645; copy.c, 2")                                                        \
	X(fork_flushes_pinned, "a pinned page is flushed before fork copies it",                   \
	  "commit fb49c455323f; copy.c, 2")                                                        \
	X(copy_asks_again, "a copy becomes writable only if no fork has shared it meanwhile",      \
	  "cow.c, 4")                                                                              \
	X(pin_unshares, "a page that fork has shared becomes the mm's own before it is pinned",    \
	  "commit a7f226604170; pin.c, 2")                                                         \
	X(unshare_waits, "a page is unshared for a pin only when no fork goes on", "install.c, 3") \
	X(cow_counts_references, "a page is reused only if its last reference is the entry's",     \
	  "CVE-2020-29374; locking.md 10")                                                         \
	X(cow_read_only_first, "a copy is read-only until the page it replaces is flushed",        \
	  "commit 8b68e55fb9a8; locking.md 10")                                                    \
	X(cow_flush, "the page that a copy replaces is flushed before the copy is written",        \
	  "locking.md 5, 10")                                                                      \
	X(cow_waits_for_copy,                                                                      \
	  "a thread that finds a copy locked does not write to it before its flush",               \
	  "locking.md 10; cow.c, 3")                                                               \
	X(copy_is_locked, "a copy that a walk over frames has locked is not put in place",         \
	  "cow.c, 3")                                                                              \
	X(mprotect_waits_for_copy, "mprotect opens no copy for writing before its flush",          \
	  "protect.c, 1")                                                                          \
	X(seq_check, "a file's page is mapped only if the file lost none since the lookup",        \
	  "locking.md 2, 8")                                                                       \
	X(cache_seq_check, "a page is added to a file only if the size was not changed since",     \
	  "file.h, 5")                                                                             \
	X(wait_for_adders,                                                                         \
	  "truncation waits for threads that saw seq unmoved and are adding a page",               \
	  "commit 4fd9d495b16c; truncate.c, 4")                                                    \
	X(second_seq, "seq moves again after the pages that go are withdrawn",                     \
	  "commit 4aae8d1c051e; locking.md 8")                                                     \
	X(withdrawn_before_zap, "what is being zapped is not mapped again before it is gone",      \
	  "commit 4aae8d1c051e; locking.md 8")                                                     \
	X(unmapped_before_uncached,                                                                \
	  "a page leaves the cache when no thread can reach it any more", "truncate.c, 2")         \
	X(rcu_free_cached_pages, "a page that left the cache is freed a grace period later",       \
	  "file.h, 2")                                                                             \
	X(reference_tried,                                                                         \
	  "a folio that was only found gets a reference if it has one, never its first",           \
	  "folio.c, 1; filecache.c, 5")                                                            \
	X(mapped_if_referenced,                                                                    \
	  "a fault maps a page that it has found only if the page has a reference",                \
	  "filemap.c, 5")                                                                          \
	X(slot_asked_again, "a slot of the cache is read again once what it had has a reference",  \
	  "filecache.c, 5")                                                                        \
	X(flush_migration,                                                                         \
	  "an entry of a page that is being moved is flushed like the page's: it may be cached",   \
	  "entry.h, 4")                                                                            \
	X(fork_shares_migration,                                                                   \
	  "fork makes the entry of a page that is being moved read-only: it is two mms' then",     \
	  "entry.h, 4")                                                                            \
	X(migration_keeps_rights,                                                                  \
	  "mprotect changes the rights that a page which is being moved comes back with",          \
	  "entry.h, 4")                                                                            \
	X(moved_page_is_flushed,                                                                   \
	  "a page that is being moved is flushed wherever it was mapped before it is copied",      \
	  "migrate.c, 1")                                                                          \
	X(pinned_page_stays, "a page that is pinned is not moved", "migrate.c, 1")                 \
	X(lent_page_stays, "a page that the host may still use is not moved", "migrate.c, 1")      \
	X(moved_if_alone, "a page is moved only if nobody else has a reference on it",             \
	  "migrate.c, 2")                                                                          \
	X(pages_disowned_first,                                                                    \
	  "the pages of a file that has ended name it no more when it is left to RCU",             \
	  "filecache.c, 1")                                                                        \
	X(moved_page_is_locked, "the new frame of a page is locked until all entries name it",     \
	  "migrate.c, 4")                                                                          \
	X(taken_by_place_in_file,                                                                  \
	  "a huge page is looked for by its place in the file, not at its owner's address",        \
	  "kind/hugetlb_cow.c, 1")                                                                 \
	X(mark_is_inherited, "what a mapping has lost is lost for a fork's child, too",            \
	  "kind/hugetlb_cow.c, 2; linux-mm, May 2008")                                             \
	X(huge_faults_one_by_one,                                                                  \
	  "faults on one huge page of a file come one after the other, in whatever address space", \
	  "kind/hugetlb_fault.c, 3")                                                               \
	X(huge_pages_awaited,                                                                      \
	  "a fault that is refused a huge page waits for those who are taking some away",          \
	  "kind/hugetlb_fault.c, 4")                                                               \
	X(batch_waits_for_one,                                                                     \
	  "who moves many pages at once waits for the lock of the first only, and tries the rest", \
	  "migrate_batch.c, 2")                                                                    \
	X(waits_without_reference,                                                                 \
	  "a thread that waits for a page that is being moved has no reference on it",             \
	  "absent.c, 1")                                                                           \
	X(waiting_frames_awaited,                                                                  \
	  "memory is out only after the frames that wait for readers are awaited", "reclaim.c, 1") \
	X(given_back_counts,                                                                       \
	  "memory is not out while others that have failed give back what they had",               \
	  "reclaim.c, 3")                                                                          \
	X(counted_frames_awaited,                                                                  \
	  "frames on their way are waited for until some are back, queued yet or not",             \
	  "reclaim.c, 8")                                                                          \
	X(copy_given_back, "a fault that finds no frame gives back the copy that it has in hand",  \
	  "reclaim.c, 3")                                                                          \
	X(attempts_end_first,                                                                      \
	  "memory is out only after attempts that had a frame in hand have ended", "reclaim.c, 7") \
	X(said_of_page, "an external file's answer counts only for the pages it was asked for",    \
	  "extfile.c, 2")                                                                          \
	X(said_at_seq, "an external file's answer counts only if the file lost no page since",     \
	  "extfile.c, 2")                                                                          \
	X(read_in_once,                                                                            \
	  "a thread that waited for a page finds it read in, and does not read it again",          \
	  "filecache.c, 2")                                                                        \
	X(writes_one_by_one, "writes to a file, and truncation, come one after the other",         \
	  "fileio.c, 5")                                                                           \
	X(size_after_bytes, "a write makes a file longer when its bytes are there", "fileio.c, 1") \
	X(hole_at_seq, "zeros are read from a hole only if the file lost no page meanwhile",       \
	  "fileio.c, 4")                                                                           \
	X(ended_file_is_left, "no thread takes a reference on a file whose last one has gone",     \
	  "file.h, 1")                                                                             \
	X(dead_file_takes_no_page, "no page is added to a file whose last reference has gone",     \
	  "file.c, 3")                                                                             \
	X(size_of_no_other_time,                                                                   \
	  "a size from the embedder counts only if none was noted since the question",             \
	  "file.c, 4")                                                                             \
	X(cache_nodes_by_rcu, "a node of a page cache is freed when no reader can be in it",       \
	  "mapping.c; CVE-2023-3269")                                                              \
	X(map_up_to_date, "a page is mapped only with its content", "filemap.c, 1")                \
	X(refuse_the_living, "a refusal is reported only of a VMA that is alive", "locking.md 14") \
	X(failed_read_looks_again,                                                                 \
	  "a read that failed counts only where its page is mapped still", "locking.md 14")        \
	X(flush_of_others,                                                                         \
	  "truncation and writeback flush what others have cleared and not flushed",               \
	  "commit 99baac21e458; zap.c, 5")                                                         \
	X(truncation_awaited,                                                                      \
	  "MADV_DONTNEED returns when a truncation that cleared entries first has flushed them",   \
	  "zap.c, 6")                                                                              \
	X(dirty_after_flush, "a dirty page that was unmapped is dirty again after the flush",      \
	  "commit 1cf35d47712d; tlb.h")                                                            \
	X(unpin_dirties, "a page that was pinned for writing is dirty when it is unpinned",        \
	  "commit 2d15eb31b50a; pin.c")                                                            \
	X(writeback_flush, "a page is flushed before it is written back", "writeback.c, 1")        \
	X(page_before_tree,                                                                        \
	  "a page is locked before the tree of its file's mappings is, never inside",              \
	  "locking.md (F above I); truncate.c, 6")                                                 \
	X(cleaned_under_lock, "a page's entries are cleaned and flushed under the page's lock",    \
	  "writeback.c, 3 and 8")                                                                  \
	X(clean_before_entries, "a page ceases to be dirty before its entries are cleaned",        \
	  "writeback.c, 2")                                                                        \
	X(unwritten_stays_dirty, "a page that could not be written stays dirty", "writeback.c, 4") \
	X(lent_stays_dirty,                                                                        \
	  "a page that the host may still store to stays dirty when it is written",                \
	  "writeback.c, 7")                                                                        \
	X(wait_for_writeback, "a sync waits for the pages that another thread is writing",         \
	  "writeback.c, 5")                                                                        \
	X(zeroed_is_dirty, "a page that is zeroed in part is written back again", "truncate.c, 5") \
	X(writeback_leaves_holes, "nothing is written back where a hole is being made",            \
	  "hole.c, 2")                                                                             \
	X(hole_waits_for_writeback, "a hole is made after its pages that are just being written",  \
	  "hole.c, 1")                                                                             \
	X(writeback_waits_for_hole, "a sync waits until a hole that was made is empty",            \
	  "hole.c, 3")                                                                             \
	X(end_stays_for_writeback,                                                                 \
	  "nobody makes a file longer while its last page is cut for a sync", "writeback.c, 9")    \
	X(writeback_looks_again, "a page is written back only while it is in the cache",           \
	  "truncate.c, 3")                                                                         \
	X(move_flush, "mremap flushes the old addresses before it returns", "CVE-2018-18281")      \
	X(move_holds_i_lock, "mremap keeps truncation out until the old addresses are flushed",    \
	  "CVE-2018-18281; locking.md 7")                                                          \
	X(moves_read_again, "a reader without mmap_lock that has met an mremap reads again",       \
	  "moves.h")                                                                               \
	X(target_tables_kept,                                                                      \
	  "a fixed mremap has the tables that it needs before it unmaps what is there",            \
	  "remap_tables.c, 1")                                                                     \
	X(unneeded_tables_go, "a fixed mremap that fails leaves no table that it has made",        \
	  "remap_tables.c, 3")                                                                     \
	X(table_asked_again,                                                                       \
	  "a thread that has taken a table's lock asks whether it is still at its address",        \
	  "pagetable.h, 5")                                                                        \
	X(moved_under_n,                                                                           \
	  "an entry is taken out and put in at its new place while no walk looks for it",          \
	  "linux-mm, Nov 2011 (mremap: rmap order)")                                               \
	X(ranges_under_n,                                                                          \
	  "where mremap has moved pages is noted and forgotten while no walk asks for it",         \
	  "moved.c, 1")                                                                            \
	X(unflushed_as_a_whole,                                                                    \
	  "a walk that meets an mm whose moved entries are not flushed yet flushes all of it",     \
	  "CVE-2018-18281 (mremap flushed late)")                                                  \
	X(lent_asked_again,                                                                        \
	  "a mover asks whether the page is lent when nobody else has it any more",                \
	  "locking.md, invariant 17")                                                              \
	X(lent_marked_first,                                                                       \
	  "what mremap moves is marked as lent before its flush counts as done",                   \
	  "locking.md, invariant 17")                                                              \
	X(lent_on_its_way,                                                                         \
	  "the page that a migration entry names is marked as lent where a mapped one is",         \
	  "locking.md, invariant 17")                                                              \
	X(lazyfree_by_references,                                                                  \
	  "MADV_FREE leaves a page alone that has another reference, an entry on its way too",     \
	  "zap.c")                                                                                 \
	X(children_afterwards,                                                                     \
	  "a walk asks for an mm's children when it has looked at the mm's own entries",           \
	  "rmap/root.h, 3")                                                                        \
	X(child_linked_first, "fork links the child's root before it copies an entry",             \
	  "rmap/root.h, 3")                                                                        \
	X(walk_keeps_root, "a root that a walk goes through stays in the tree of forks",           \
	  "rmap/root.h, 4")                                                                        \
	X(huge_page_asked_again,                                                                   \
	  "a huge page without a reservation is taken only if one is unpromised under J",          \
	  "pool.c, 1")                                                                             \
	X(shrink_asks_each,                                                                        \
	  "a pool that gets smaller asks before each page whether it may go, under the J that "    \
	  "takes it out",                                                                          \
	  "resize.c, 1")                                                                           \
	X(promise_asked_again,                                                                     \
	  "huge pages are promised only if they are there under J, also when some have been made " \
	  "for that",                                                                              \
	  "pool.c, 3")                                                                             \
	X(surplus_asked_again,                                                                     \
	  "a surplus page enters the pool only if it is still allowed when it has been made",      \
	  "pool.c, 2")                                                                             \
	X(huge_claim_asks_dead,                                                                    \
	  "a claim of a huge page finds its VMA alive under J, before its promise is used",        \
	  "claim.c, 3")                                                                            \
	X(huge_claim_is_cut,                                                                       \
	  "a huge page whose range has gone on its way does not put its promise back",             \
	  "claim.c, 3; commit 4fd9d495b16c")                                                       \
	X(huge_claim_alone, "of one huge page one claim is in flight at a time", "claim.c, 2")     \
	X(huge_promised_once,                                                                      \
	  "what a shared mapping has reserved meanwhile goes back when the page is there",         \
	  "reserve_file.c, 3")                                                                     \
	X(huge_reserve_looks_again,                                                                \
	  "what is promised is what is missing when the pool has granted it", "reserve_file.c, 2") \
	X(source_dead_during_move,                                                                 \
	  "the VMA is dead before it is asked what it has and its entries are moved away",         \
	  "locking.md 1")

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
