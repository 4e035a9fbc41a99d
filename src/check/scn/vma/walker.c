/* SPDX-License-Identifier: MIT */
/*
 * walker.c: threads that walk page tables without M, under RCU alone, against all that frees the
 * tables or moves the entries elsewhere: munmap, mremap, exit.
 *
 * The walkers: quire_pte(), smaps, truncation and writeback.  A fault is in scn/fault/table.c, and
 * smaps and quire_pte() against munmap in reader.c.
 */
#include "check/world/scenario.h"

#define ELSEWHERE (w->addr + (1ull << 30)) /* under other tables, but for the top two */

/* ---- what frees the tables ------------------------------------------------------------------- */

static void unmap(struct world *w)
{
	must(quire_munmap(w->mm, w->addr, PAGE), "munmap");
}

static void move(struct world *w)
{
	uint64_t to = ELSEWHERE;

	must(quire_mremap(w->mm, w->addr, PAGE, PAGE, QMREMAP_MAYMOVE | QMREMAP_FIXED, to, &to),
	     "mremap");
}

static void exit_mm(struct world *w)
{
	quire_mm_exit(w->mm);
}

/* ---- anonymous memory ------------------------------------------------------------------------ */

static void setup_anon(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	fill(w, w->addr, 1);
}

static void walk(struct world *w)
{
	uint64_t pte = quire_pte(w->mm, w->addr);

	expect(!pte || (pte & QUIRE_PTE_PRESENT), "the walk finds %#llx", (unsigned long long)pte);
}

SCENARIO(walk_mremap) = {
    .name = "walk-mremap",
    .title = "a page walk against mremap that frees the tables of the old place",
    .source = "linux-mm, Nov 2008; CVE-2025-38085",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_anon,
    .actors = {{"walk", walk}, {"mremap", move}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(walk_exit) = {
    .name = "walk-exit",
    .title = "a page walk against exit",
    .source = "linux-mm, Nov 2008; CVE-2025-38085",
    .pairs = "readers of the mappings × exit",
    .setup = setup_anon,
    .actors = {{"walk", walk}, {"exit", exit_mm}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

static void read_smaps(struct world *w)
{
	struct quire_usage u;

	quire_range_usage(w->mm, w->addr, w->addr + PAGE, &u);
	expect(u.rss <= PAGE && u.rss == u.anonymous, "smaps tells of %llu bytes",
	       (unsigned long long)u.rss);
}

SCENARIO(smaps_mremap) = {
    .name = "smaps-mremap",
    .title = "a reader of smaps against mremap that frees the tables of the old place",
    .source = "commit 49b0638502da; CVE-2025-38554",
    .pairs = "readers of the mappings × mremap",
    .setup = setup_anon,
    .actors = {{"smaps", read_smaps}, {"mremap", move}},
    .nr_guards = 2,
    .guards = {RULE_tables_by_rcu, RULE_vma_by_rcu},
};

SCENARIO(smaps_exit) = {
    .name = "smaps-exit",
    .title = "a reader of smaps against exit",
    .source = "commit 49b0638502da; CVE-2025-38554",
    .pairs = "readers of the mappings × exit",
    .setup = setup_anon,
    .actors = {{"smaps", read_smaps}, {"exit", exit_mm}},
    .nr_guards = 2,
    .guards = {RULE_tables_by_rcu, RULE_vma_by_rcu},
};

/* ---- a file's mappings, by its interval tree ------------------------------------------------ */

static void setup_file(struct world *w)
{
	make_file(w, QUIRE_FILE_PAGECACHE, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
	fill(w, w->addr, 5);
}

static void truncate_all(struct world *w)
{
	must(quire_file_truncate(w->file, 0), "truncate");
	note(w, FILE_SIZE, 0);
}

static void sync_file(struct world *w)
{
	must(quire_file_sync(w->file), "sync");
}

static void check_synced(struct world *w)
{
	expect(w->disk[0] == 5, "the disk has %llu", (unsigned long long)w->disk[0]);
}

SCENARIO(truncate_tables) = {
    .name = "truncate-tables",
    .title = "truncation against munmap of the page, which frees its tables",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "map, unmap × truncate",
    .setup = setup_file,
    .actors = {{"truncate", truncate_all}, {"munmap", unmap}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(truncate_exit) = {
    .name = "truncate-exit",
    .title = "truncation against exit of a process that maps the page",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "exit × truncate",
    .setup = setup_file,
    .actors = {{"truncate", truncate_all}, {"exit", exit_mm}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(truncate_mremap) = {
    .name = "truncate-mremap",
    .title = "truncation against mremap of the page, which frees the tables of the old place",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "mremap × truncate",
    .setup = setup_file,
    .actors = {{"truncate", truncate_all}, {"mremap", move}},
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(sync_tables) = {
    .name = "sync-tables",
    .title = "writing a page back against munmap of it, which frees its tables",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "map, unmap × write back",
    .setup = setup_file,
    .actors = {{"sync", sync_file}, {"munmap", unmap}},
    .check = check_synced,
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(sync_tables_exit) = {
    .name = "sync-tables-exit",
    .title = "writing a page back against exit of a process that maps it",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "exit × write back",
    .setup = setup_file,
    .actors = {{"sync", sync_file}, {"exit", exit_mm}},
    .check = check_synced,
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};

SCENARIO(sync_tables_mremap) = {
    .name = "sync-tables-mremap",
    .title = "writing a page back against mremap of it, which frees the tables of the old place",
    .source = "linux-mm, Nov 2008; cursor.h",
    .pairs = "mremap × write back",
    .setup = setup_file,
    .actors = {{"sync", sync_file}, {"mremap", move}},
    .check = check_synced,
    .nr_guards = 1,
    .guards = {RULE_tables_by_rcu},
};
