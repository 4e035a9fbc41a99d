/* SPDX-License-Identifier: MIT */
/*
 * external.c: faults on files whose content is elsewhere: what the embedder says of them, or
 * copies, while the fault sleeps.
 */
#include "check/world/scenario.h"

/* ---- private pages ------------------------------------------------------------------------ */

static void setup_external(struct world *w)
{
	make_file(w, QUIRE_FILE_EXTERNAL, 1);
	map_file(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
	quire_fault(w->mm, w->addr, QUIRE_READ, NULL);
}

static void setup_external_gated(struct world *w)
{
	setup_external(w);
	io_gate(w);
}

/* Nothing is copied before the file is no longer mapped. */
static void replace_then_copy(struct world *w)
{
	map_anon(w, w->addr, 1, PROT_RW);
	io_allow(w);
}

static void copy_and_store(struct world *w)
{
	store(w, w->mm, w->addr + 8, 7);
}

/* What is mapped there now has no byte of the file. */
static void check_replaced(struct world *w)
{
	expect(peek(w, w->mm, w->addr) == 0, "a copy of what was mapped before is left");
}

SCENARIO(io_copy) = {
    .name = "io-copy",
    .title = "a private copy, made asleep, against a mapping over its file",
    .source = "extfile.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_external_gated,
    .actors = {{"thread", copy_and_store}, {"replace", replace_then_copy}},
    .check = check_replaced,
};

/* Another file, of which the same page is asked for. */
static void setup_two_external(struct world *w)
{
	setup_external(w);
	make_other(w, QUIRE_FILE_EXTERNAL, 1);
}

static void replace_by_other(struct world *w)
{
	map_other(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
}

static void check_copy(struct world *w, uint64_t value)
{
	uint64_t pte = quire_pte(w->mm, w->addr);

	if ((pte & QUIRE_PTE_PRESENT) && !(pte & QUIRE_PTE_EXTERNAL))
		expect(peek(w, w->mm, w->addr) == value, "a copy of what was there before is left");
}

static void check_other(struct world *w)
{
	check_copy(w, 11);
}

SCENARIO(io_copy_other) = {
    .name = "io-copy-other",
    .title = "a private copy, made asleep, against a mapping of another file over it",
    .source = "extfile.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_two_external,
    .actors = {{"thread", copy_and_store}, {"replace", replace_by_other}},
    .check = check_other,
};

/* The same file from its second page on. */
static void setup_two_pages(struct world *w)
{
	make_file(w, QUIRE_FILE_EXTERNAL, 2);
	map_file(w, w->addr, 1, PROT_RW, QMAP_PRIVATE);
	quire_fault(w->mm, w->addr, QUIRE_READ, NULL);
}

static void replace_by_second(struct world *w)
{
	uint64_t addr = w->addr;

	must(
	    quire_mmap(w->mm, addr, PAGE, PROT_RW, QMAP_PRIVATE | QMAP_FIXED, w->file, PAGE, &addr),
	    "mmap");
}

static void check_second(struct world *w)
{
	check_copy(w, 2);
}

SCENARIO(io_copy_offset) = {
    .name = "io-copy-offset",
    .title = "a private copy, made asleep, against a mapping of another page of the file over it",
    .source = "extfile.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_two_pages,
    .actors = {{"thread", copy_and_store}, {"replace", replace_by_second}},
    .check = check_second,
    .nr_guards = 1,
    .guards = {RULE_said_of_page},
};

/* What the file has is another, and what was copied of it before is to go. */
static void change_and_truncate(struct world *w)
{
	atomic_store(&w->disk[0], 2);
	must(quire_file_truncate(w->file, 0), "truncate");
}

static void check_changed(struct world *w)
{
	check_copy(w, 2);
}

SCENARIO(io_copy_truncate) = {
    .name = "io-copy-truncate",
    .title = "a private copy, made asleep, against truncation of a file that has changed",
    .source = "extfile.c, 2; locking.md 8",
    .pairs = "fault × truncate",
    .setup = setup_external,
    .actors = {{"thread", copy_and_store}, {"truncate", change_and_truncate}},
    .check = check_changed,
    .nr_guards = 1,
    .guards = {RULE_said_at_seq},
};

/* ---- frames --------------------------------------------------------------------------------- */

#define PLACE 3 /* note: which frame of the device has the page */

static int frame_at_place(void *priv, uint64_t pgoff, uint64_t *out)
{
	struct world *w = priv;

	*out = w->device_pfn + noted(w, PLACE) + pgoff;
	return 0;
}

static void setup_frames(struct world *w)
{
	static const struct quire_file_ops ops = {.frame = frame_at_place};
	struct quire_file_options o = {.size = sizeof(o), .ops = &ops, .priv = w};

	o.kind = QUIRE_FILE_EXTERNAL;
	o.writable = true;
	must(quire_file_create(w->m, &o, &w->file), "file");
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

static void load_page(struct world *w)
{
	load(w, w->mm, w->addr);
}

/* The second page of the file, over which the first is mapped. */
static void setup_second_frame(struct world *w)
{
	setup_frames(w);
	must(quire_mmap(w->mm, w->addr, PAGE, PROT_RW, QMAP_SHARED | QMAP_FIXED, w->file, PAGE,
			&w->addr),
	     "mmap");
}

static void fault_in(struct world *w)
{
	struct quire_fault out = {.addr = 0};

	must((int)quire_fault(w->mm, w->addr, QUIRE_READ, &out), "a fault");
	expect(out.pte != 0 && !out.around, "a fault has mapped nothing");
}

static void map_first_over(struct world *w)
{
	map_file(w, w->addr, 1, PROT_RW, QMAP_SHARED);
}

SCENARIO(io_frame_offset) = {
    .name = "io-frame-offset",
    .title = "a fault that asks where a page is against a mapping of the page before it",
    .source = "extfile.c, 2",
    .pairs = "fault × map, unmap",
    .setup = setup_second_frame,
    .actors = {{"fault", fault_in}, {"replace", map_first_over}},
    .nr_guards = 1,
    .guards = {RULE_said_of_page},
};

/* The embedder has put the page elsewhere. */
static void move_and_truncate(struct world *w)
{
	note(w, PLACE, 1);
	must(quire_file_truncate(w->file, 0), "truncate");
}

static void check_place(struct world *w)
{
	uint64_t pte = quire_pte(w->mm, w->addr);

	expect(!pte || (pte & QUIRE_PTE_FRAME_MASK) / PAGE == w->device_pfn + 1,
	       "the frame where the page was is mapped: %#llx", (unsigned long long)pte);
}

SCENARIO(io_frame_truncate) = {
    .name = "io-frame-truncate",
    .title = "a fault that asks where a page is against truncation of a file that has moved",
    .source = "extfile.c, 2; locking.md 8",
    .pairs = "fault × truncate",
    .setup = setup_frames,
    .actors = {{"fault", load_page}, {"truncate", move_and_truncate}},
    .check = check_place,
    .nr_guards = 2,
    .guards = {RULE_said_at_seq, RULE_seq_check},
};
