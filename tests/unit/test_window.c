/* SPDX-License-Identifier: MIT */
/*
 * test_window.c: what happens while a fault is on its way: each test stops a thread in a window
 * and has another thread do the worst that can be done there.
 */
#include <sched.h>

#include "gate.h"

#include "core/frame/folio.h"

static int setup(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));

	gate_up(u, NULL);
	*state = u;
	return 0;
}

/* ---- actors ------------------------------------------------------------------ */

/* A store or load of an actor, and what it came to. */
struct touch {
	struct quire_mm *mm;
	uint64_t addr, val;
	bool ok;
};

static void do_store(void *arg)
{
	struct touch *t = arg;

	t->ok = unit_try_store(t->mm, t->addr, t->val);
}

static void do_unmap(void *arg)
{
	struct touch *t = arg;

	t->ok = !quire_munmap(t->mm, t->addr, UPAGE);
}

static void do_load(void *arg)
{
	struct touch *t = arg;

	t->ok = unit_try_load(t->mm, t->addr, &t->val);
}

/* ---- a copy that waits for its flush ----------------------------------------- */

/* One page with 1 in it, which *other shares: the next write copies it. */
static uint64_t map_shared_page(struct unit *u, struct quire_mm **other)
{
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, other), 0);
	return a;
}

static uint64_t *frame_of(struct quire_mm *mm, uint64_t a)
{
	pfn_t pfn = (pfn_t)((quire_pte(mm, a) & QUIRE_PTE_FRAME_MASK) / UPAGE);

	return pfn_addr(quire_mm_machine(mm), pfn);
}

/* The child's executors may still read through what its munmap has not flushed yet. */
static void fork_and_unmap(void **state)
{
	struct unit *u = *state;
	struct quire_mm *other, *child;
	uint64_t a = map_shared_page(u, &other);
	struct touch store = {u->mm, a, 2, false}, unmap = {NULL, a, 0, false};
	struct actor copier = {.gate = GATE_FLUSH, .run = do_store, .arg = &store};
	struct actor unmapper = {.gate = GATE_FLUSH, .run = do_unmap, .arg = &unmap};
	const uint64_t *seen;

	actor_start(&copier);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	seen = frame_of(child, a);
	assert_int_equal(*seen, 1);
	unmap.mm = child;
	actor_start(&unmapper);
	actor_finish(&copier);
	assert_true(store.ok);
	assert_int_equal(*seen, 1);
	assert_int_equal(unit_load(u->mm, a), 2);
	actor_finish(&unmapper);
	assert_true(unmap.ok);
	assert_int_equal(unit_load(other, a), 1);
	quire_mm_put(child);
	quire_mm_put(other);
}

/* mprotect gives the write bit to what is exclusive: not before the flush. */
static void protect_and_back(void **state)
{
	struct unit *u = *state;
	struct quire_mm *other;
	uint64_t a = map_shared_page(u, &other);
	struct touch store = {u->mm, a, 2, false};
	struct actor copier = {.gate = GATE_FLUSH, .run = do_store, .arg = &store};

	actor_start(&copier);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_READ), 0);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, URW), 0);
	assert_int_equal(quire_pte(u->mm, a) & QUIRE_PTE_WRITE, 0);
	actor_finish(&copier);
	assert_true(store.ok);
	assert_int_equal(unit_load(u->mm, a), 2);
	assert_int_equal(unit_load(other, a), 1);
	quire_mm_put(other);
}

/* ---- files whose callbacks stop, and then fail ------------------------------- */

#define FILE_FRAME 0x100000

struct gated {
	unsigned fails; /* so many calls from now on */
	int err;
	uint64_t size; /* what is left at the end of the window */
	unsigned ooms; /* calls of port->oom */
	bool asleep;   /* the callback is called outside RCU */
	unsigned releases;
};

/* Callbacks may wait for whatever is held over a truncation: never inside RCU. */
static int gated_result(struct gated *g)
{
	assert_int_equal(gate_rcu_depth, 0);
	gate_pass(GATE_FILE);
	if (!g->fails)
		return 0;
	g->fails--;
	return g->err;
}

static int gated_read(void *priv, uint64_t pgoff, void *mem)
{
	memcpy(mem, &(uint64_t){unit_word(pgoff, 7)}, 8);
	return gated_result(priv);
}

static int gated_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	*frame = FILE_FRAME + pgoff;
	return gated_result(priv);
}

static uint64_t gated_size(void *priv)
{
	assert_int_equal(gate_rcu_depth, 0);
	gate_pass(GATE_FILE);
	return ((struct gated *)priv)->size;
}

/* It may sleep, and so may the writeback before it. */
static void gated_release(void *priv)
{
	((struct gated *)priv)->releases += gate_rcu_depth == 0;
}

static const struct quire_file_ops reading = {.read_page = gated_read, .release = gated_release};
static const struct quire_file_ops sizing = {.file_size = gated_size, .release = gated_release};
static const struct quire_file_ops framing = {
    .frame = gated_frame, .copy_page = gated_read, .release = gated_release};

static struct quire_file *gated_file(struct unit *u, struct gated *g,
				     const struct quire_file_ops *ops)
{
	struct quire_file_options opts = {.size = sizeof(opts), .ops = ops, .priv = g};
	struct quire_file *file;

	opts.kind = ops->frame ? QUIRE_FILE_EXTERNAL : QUIRE_FILE_PAGECACHE;
	opts.bytes = 4 * UPAGE;
	opts.writable = true;
	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	return file;
}

/*
 * The callback has been asked about a mapping that is no more when it answers: what it says must
 * not be told of the anonymous memory that is there instead.
 */
static void replace_in_window(struct unit *u, const struct quire_file_ops *ops, struct gated g,
			      int flags, bool store)
{
	struct quire_file *file = gated_file(u, &g, ops);
	uint64_t a = unit_map_file(u->mm, 0, UPAGE, URW, flags, file, 0);
	struct touch touch = {u->mm, a, 5, false};
	struct actor actor = {.gate = GATE_FILE, .run = store ? do_store : do_load, .arg = &touch};

	quire_file_put(file); /* whoever is asleep in it has a reference of his own */
	actor_start(&actor);
	unit_map(u->mm, a, UPAGE, URW, UANON | QMAP_FIXED);
	if (g.asleep)
		u->port.rcu_barrier(u->port.ctx); /* the actor's reference is the last */
	assert_int_equal(g.releases, 0);
	actor_finish(&actor);
	assert_true(touch.ok);
	assert_int_equal(unit_load(u->mm, a), store ? 5 : 0);
	assert_int_equal(touch.val, store ? 5 : 0);
	unit_verify(u);
	assert_int_equal(g.releases, 1);
}

static void replaced_while_it_is_read(void **state)
{
	replace_in_window(*state, &reading,
			  (struct gated){.fails = 1, .err = -QEIO, .asleep = true}, QMAP_SHARED,
			  false);
	replace_in_window(*state, &reading, (struct gated){.asleep = true}, QMAP_SHARED, false);
}

static void replaced_and_truncated(void **state)
{
	replace_in_window(*state, &sizing, (struct gated){.size = 0}, QMAP_SHARED, false);
	replace_in_window(*state, &sizing, (struct gated){.size = 0}, QMAP_PRIVATE, true);
}

static void replaced_while_frames_are_asked_for(void **state)
{
	static const int errs[] = {-QENXIO, -QEIO, -QENOMEM};

	for (unsigned i = 0; i < 3; i++)
		replace_in_window(*state, &framing, (struct gated){.fails = 1, .err = errs[i]},
				  QMAP_SHARED, false);
}

static void replaced_while_it_is_copied(void **state)
{
	static const int errs[] = {-QENXIO, -QEIO, -QENOMEM};

	for (unsigned i = 0; i < 3; i++)
		replace_in_window(*state, &framing,
				  (struct gated){.fails = 1, .err = errs[i], .asleep = true},
				  QMAP_PRIVATE, true);
	replace_in_window(*state, &framing, (struct gated){.asleep = true}, QMAP_PRIVATE, true);
}

/* quire_read() of an external page, whose entry is there, beside a replacement at `gate`. */
static void read_beside_replacement(struct unit *u, enum gate gate, struct gated then, int prot,
				    struct quire_file *other, uint64_t want)
{
	struct gated g = {0};
	struct quire_file *file = gated_file(u, &g, &framing);
	uint64_t a = unit_map_file(u->mm, 0, UPAGE, URW, QMAP_SHARED, file, 0);
	struct touch touch = {u->mm, a, 5, false};
	struct actor actor = {.gate = gate, .run = do_load, .arg = &touch};

	quire_file_put(file);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 7));
	g = then;
	actor_start(&actor);
	unit_map_file(u->mm, a, UPAGE, prot, QMAP_FIXED | (other ? QMAP_SHARED : (int)UANON), other,
		      other ? UPAGE : 0);
	u->port.rcu_barrier(u->port.ctx); /* the file's last reference is the reader's */
	assert_int_equal(g.releases, 0);
	actor_finish(&actor);
	assert_true(touch.ok);
	assert_int_equal(touch.val, want);
	unit_verify(u);
	assert_int_equal(g.releases, 1);
}

/* Neither what is mapped there now, without a right to it, nor a file that is gone. */
static void read_of_a_replaced_file(void **state)
{
	struct unit *u = *state;
	struct gated g = {0};
	struct quire_file *other = gated_file(u, &g, &framing);

	read_beside_replacement(u, GATE_RCU_UNLOCK, (struct gated){0}, QPROT_NONE, other,
				unit_word(0, 7));
	read_beside_replacement(u, GATE_FILE, (struct gated){0}, URW, other, unit_word(0, 7));
	/* The page could not be read, and is not mapped any more. */
	read_beside_replacement(u, GATE_FILE, (struct gated){.fails = 1, .err = -QEIO}, URW, NULL,
				0);
	read_beside_replacement(u, GATE_FILE, (struct gated){.fails = 1, .err = -QEIO}, URW, other,
				unit_word(1, 7));
	quire_mm_exit(u->mm);
	quire_file_put(other);
	unit_verify(u);
}

static void *truncate_all(void *arg)
{
	quire_file_truncate(arg, 0);
	return NULL;
}

/* The page that was being read in is beyond the end when it is there. */
static void truncated_while_it_is_read(void **state)
{
	struct unit *u = *state;
	struct gated g = {0};
	struct quire_file *file = gated_file(u, &g, &reading);
	uint64_t a = unit_map_file(u->mm, 0, UPAGE, URW, QMAP_SHARED, file, 0);
	struct touch touch = {u->mm, a, 5, false};
	struct actor actor = {.gate = GATE_FILE, .run = do_load, .arg = &touch};
	struct quire_fault f;
	pthread_t tid;

	actor_start(&actor);
	assert_int_equal(pthread_create(&tid, NULL, truncate_all, file), 0);
	while (quire_file_size(file))
		sched_yield();
	actor_finish(&actor);
	assert_false(touch.ok);
	pthread_join(tid, NULL);
	assert_int_equal(unit_fault(u->mm, a, QUIRE_READ, &f), QUIRE_FAULT_BUS);
	assert_int_equal(f.reason, QUIRE_REASON_BEYOND_EOF);
	assert_int_equal(quire_pte(u->mm, a), 0);
	assert_int_equal(quire_munmap(u->mm, a, UPAGE), 0);
	quire_file_put(file);
	unit_verify(u); /* and the file released, before g goes */
	assert_int_equal(g.releases, 1);
}

static struct gated *oom_of;

static bool make_room(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)mm;
	(void)cookie;
	assert_int_equal(what, QUIRE_MEMORY_OTHER);
	return ++oom_of->ooms <= 2;
}

/* port->oom makes room twice: the copy is made in the end, of a page that was not half copied. */
static void copy_without_memory(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct gated g = {.fails = 2, .err = -QENOMEM};
	struct quire_file *file;
	struct quire_fault f;
	uint64_t a;

	(void)state;
	oom_of = &g;
	gate_up(u, make_room);
	file = gated_file(u, &g, &framing);
	a = unit_map_file(u->mm, 0, 2 * UPAGE, URW, QMAP_PRIVATE, file, 0);
	assert_int_equal(unit_fault(u->mm, a, QUIRE_WRITE, &f), QUIRE_FAULT_OK);
	assert_int_equal(f.kind, QUIRE_KIND_COW_COPY);
	assert_int_equal(g.ooms, 2);
	assert_int_equal(unit_load(u->mm, a), unit_word(0, 7));
	g.fails = 1;
	assert_int_equal(unit_fault(u->mm, a + UPAGE, QUIRE_WRITE, &f), QUIRE_FAULT_OOM);
	assert_int_equal(f.reason, QUIRE_REASON_NO_MEMORY);
	assert_int_equal(g.ooms, 3);
	assert_int_equal(quire_munmap(u->mm, a, 2 * UPAGE), 0);
	quire_file_put(file);
	unit_down(u);
	free(u);
}

/* ---- a stack ----------------------------------------------------------------- */

struct access {
	struct quire_mm *mm;
	uint64_t addr;
	struct quire_fault f;
	int err;
};

static void do_fault(void *arg)
{
	struct access *x = arg;

	quire_fault(x->mm, x->addr, QUIRE_WRITE, &x->f);
}

static void do_map_below(void *arg)
{
	struct access *x = arg;
	uint64_t out;

	x->err = quire_mmap(x->mm, x->addr, UPAGE, URW, UANON | QMAP_FIXED, NULL, 0, &out);
}

/* Between the lookup under M that finds nothing and the growth, which takes M again. */
static void mapped_before_the_stack_grows(void **state)
{
	struct unit *u = *state;
	uint64_t top = 0x7ffff0000000ull;
	struct access fault = {.mm = u->mm, .addr = top - 4 * UPAGE};
	struct access map = {.mm = u->mm, .addr = top - 4 * UPAGE, .err = 1};
	struct actor faulter = {
	    .gate = GATE_RCU_UNLOCK, .skip = 1, .then = GATE_WAKE, .run = do_fault, .arg = &fault};
	struct actor mapper = {.gate = GATE_WAIT, .run = do_map_below, .arg = &map};
	struct quire_mm_stats st;

	unit_map(u->mm, top - UPAGE, UPAGE, URW, UANON | QMAP_FIXED | QMAP_GROWSDOWN);
	actor_start(&faulter); /* with M */
	actor_start(&mapper);
	actor_go_on(&faulter);
	actor_finish(&mapper);
	assert_int_equal(map.err, 0);
	actor_finish(&faulter);
	assert_int_equal(fault.f.result, QUIRE_FAULT_OK);
	assert_false(fault.f.stack_grown);
	assert_int_equal(fault.f.si_code, 0);
	assert_int_equal(fault.f.reason, QUIRE_REASON_NONE);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.stack_growths, 0);
	assert_int_equal(st.vmas, 2);
}

#define window_test(f) cmocka_unit_test_setup_teardown(f, setup, unit_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    window_test(fork_and_unmap),
	    window_test(protect_and_back),
	    window_test(replaced_while_it_is_read),
	    window_test(replaced_and_truncated),
	    window_test(replaced_while_frames_are_asked_for),
	    window_test(replaced_while_it_is_copied),
	    window_test(read_of_a_replaced_file),
	    window_test(mapped_before_the_stack_grows),
	    window_test(truncated_while_it_is_read),
	    cmocka_unit_test(copy_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
