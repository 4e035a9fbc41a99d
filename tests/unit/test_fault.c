/* SPDX-License-Identifier: MIT */
/*
 * test_fault.c: quire_fault(), quire_read/write on anonymous memory.
 *
 * What is refused, and how, is compared with the host kernel: the same access is made there, in
 * a mapping with the same rights, under a SIGSEGV handler.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "host_keys.h"
#include "unit.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t pte_frame_of(uint64_t pte)
{
	return (pte & QUIRE_PTE_FRAME_MASK) / UPAGE;
}

static void expect_fault(struct unit *u, uint64_t addr, enum quire_access access,
			 enum quire_fault_kind kind, struct quire_fault *out)
{
	struct quire_fault f;

	assert_int_equal(unit_fault(u->mm, addr, access, &f), QUIRE_FAULT_OK);
	assert_int_equal(f.result, QUIRE_FAULT_OK);
	assert_int_equal(f.kind, kind);
	assert_int_equal(f.pte, quire_pte(u->mm, addr));
	if (out)
		*out = f;
}

/* ---- anonymous pages --------------------------------------------------------- */

static void test_read_maps_the_zero_page(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	struct quire_fault f, g;

	expect_fault(u, a, QUIRE_READ, QUIRE_KIND_ZERO, &f);
	expect_fault(u, a + UPAGE, QUIRE_READ, QUIRE_KIND_ZERO, &g);
	assert_int_equal(pte_frame_of(f.pte), pte_frame_of(g.pte));
	assert_false(f.pte & (QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY));
	assert_int_equal(unit_rss(u->mm), 0);
	unit_verify(u);

	expect_fault(u, a, QUIRE_WRITE, QUIRE_KIND_ANON, &f);
	assert_true(f.pte & QUIRE_PTE_WRITE);
	assert_int_not_equal(pte_frame_of(f.pte), pte_frame_of(g.pte));
	assert_int_equal(unit_rss(u->mm), 1);
	unit_expect_zero(u->mm, a, 2 * UPAGE);
	unit_verify(u);
}

static void test_write_makes_a_page(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	struct quire_fault f;

	expect_fault(u, a + UPAGE + 123, QUIRE_WRITE, QUIRE_KIND_ANON, &f);
	assert_int_equal(f.addr, a + UPAGE + 123);
	assert_int_equal(f.pte & ~QUIRE_PTE_FRAME_MASK,
			 QUIRE_PTE_PRESENT | QUIRE_PTE_USER | QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY |
			     QUIRE_PTE_SOFT_DIRTY | QUIRE_PTE_ACCESSED | QUIRE_PTE_NX);
	expect_fault(u, a + UPAGE, QUIRE_WRITE, QUIRE_KIND_SPURIOUS, NULL);
	expect_fault(u, a + UPAGE, QUIRE_READ, QUIRE_KIND_SPURIOUS, NULL);
	unit_fill(u->mm, a, 4 * UPAGE, 7);
	unit_expect_fill(u->mm, a, 4 * UPAGE, 7);
	unit_verify(u);
}

static void test_counters(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	struct quire_mm_stats st;

	unit_fault(u->mm, a, QUIRE_READ, NULL);
	unit_fault(u->mm, a, QUIRE_WRITE, NULL);
	unit_fault(u->mm, a, QUIRE_WRITE, NULL);
	unit_fault(u->mm, 4096, QUIRE_WRITE, NULL);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.faults[QUIRE_KIND_ZERO], 1);
	assert_int_equal(st.faults[QUIRE_KIND_ANON], 1);
	assert_int_equal(st.faults[QUIRE_KIND_SPURIOUS], 1);
	assert_int_equal(st.segv[QUIRE_REASON_NO_VMA], 1);
	assert_int_equal(st.fallbacks, 1); /* the miss was confirmed under the lock */
	assert_int_equal(st.retries, 0);
	assert_int_equal(st.rss_anon, 1);
}

/* MADV_FREE makes a page clean; a write takes it back. */
static void test_write_after_lazyfree(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_usage usage = {0};

	unit_store(u->mm, a, 1);
	assert_int_equal(quire_madvise(u->mm, a, UPAGE, QMADV_FREE), 0);
	quire_range_usage(u->mm, a, a + UPAGE, &usage);
	assert_int_equal(usage.lazyfree, UPAGE);
	unit_store(u->mm, a, 2);
	usage = (struct quire_usage){0};
	quire_range_usage(u->mm, a, a + UPAGE, &usage);
	assert_int_equal(usage.lazyfree, 0);
	assert_int_equal(unit_load(u->mm, a), 2);
	unit_verify(u);
}

/* ---- what is refused: the host kernel's answers ------------------------------ */

static sigjmp_buf host_jump;
static siginfo_t host_info;

static void host_handler(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	host_info = *info;
	siglongjmp(host_jump, 1);
}

/* si_signo << 8 | si_code of the access on the host, 0 where it is allowed. */
static int host_access(void *p, enum quire_access access)
{
	struct sigaction sa = {.sa_sigaction = host_handler, .sa_flags = SA_SIGINFO}, segv, bus;
	volatile int ret = 0;

	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	if (sigsetjmp(host_jump, 1))
		ret = host_info.si_signo << 8 | host_info.si_code;
	else if (access == QUIRE_EXEC)
		((void (*)(void))(uintptr_t)p)();
	else if (access == QUIRE_WRITE)
		*(volatile char *)p = (char)0xc3;
	else
		(void)*(volatile char *)p;
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return ret;
}

static int our_access(struct quire_mm *mm, uint64_t addr, enum quire_access access,
		      struct quire_fault *f)
{
	switch (unit_fault(mm, addr, access, f)) {
	case QUIRE_FAULT_OK:
		return 0;
	case QUIRE_FAULT_SEGV:
		return SIGSEGV << 8 | f->si_code;
	case QUIRE_FAULT_BUS:
		return SIGBUS << 8 | f->si_code;
	default:
		return -1;
	}
}

static void test_rights_as_on_the_host(void **state)
{
	struct unit *u = *state;

	host_use_up_keys();
	for (int prot = 0; prot < 8; prot++) {
		unsigned char *p = mmap(NULL, UPAGE, PROT_READ | PROT_WRITE, UANON, -1, 0);
		uint64_t a = unit_map(u->mm, 0, UPAGE, prot, UANON);

		*p = 0xc3; /* ret */
		mprotect(p, UPAGE, prot);
		for (unsigned access = QUIRE_READ; access <= QUIRE_EXEC; access++) {
			struct quire_fault f;

			assert_int_equal(our_access(u->mm, a, access, &f), host_access(p, access));
			assert_int_equal(f.has_vma, f.result != QUIRE_FAULT_OK);
			if (f.has_vma)
				assert_int_equal(f.vma.start, a);
		}
		munmap(p, UPAGE);
		quire_munmap(u->mm, a, UPAGE);
	}
	unit_verify(u);
}

static void test_reasons(void **state)
{
	struct unit *u = *state;
	uint64_t none = unit_map(u->mm, 0, UPAGE, QPROT_NONE, UANON);
	uint64_t ro = unit_map(u->mm, 0, UPAGE, QPROT_READ, UANON);
	struct quire_fault f;

	unit_fault(u->mm, none, QUIRE_READ, &f);
	assert_int_equal(f.reason, QUIRE_REASON_PROT_NONE);
	unit_fault(u->mm, ro, QUIRE_WRITE, &f);
	assert_int_equal(f.reason, QUIRE_REASON_PROT_WRITE);
	unit_fault(u->mm, ro, QUIRE_EXEC, &f);
	assert_int_equal(f.reason, QUIRE_REASON_PROT_EXEC);
	assert_string_not_equal(quire_fault_reason_name(f.reason), "?");
	quire_munmap(u->mm, ro, UPAGE);
	unit_fault(u->mm, ro, QUIRE_READ, &f);
	assert_int_equal(f.reason, QUIRE_REASON_NO_VMA);
	assert_int_equal(f.si_code, QSEGV_MAPERR);
	assert_false(f.has_vma);
	assert_int_equal(unit_fault(u->mm, UINT64_MAX, QUIRE_READ, &f), QUIRE_FAULT_SEGV);
	assert_int_equal(f.addr, UINT64_MAX);
}

static void test_rights_gained_by_mprotect(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	struct quire_fault f;

	unit_store(u->mm, a, 5);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, QPROT_NONE), 0);
	assert_int_equal(unit_fault(u->mm, a, QUIRE_READ, &f), QUIRE_FAULT_SEGV);
	unit_verify(u);
	assert_int_equal(quire_mprotect(u->mm, a, UPAGE, URW | QPROT_EXEC), 0);
	assert_int_equal(unit_fault(u->mm, a, QUIRE_EXEC, &f), QUIRE_FAULT_OK);
	assert_int_equal(unit_load(u->mm, a), 5);
	unit_store(u->mm, a, 6);
	unit_verify(u);
}

/* process_vm_readv, process_vm_writev */
static int64_t host_vm(char *p, bool write)
{
	char buf[8] = {0};
	struct iovec l = {buf, 8}, r = {p, 8};
	ssize_t n = write ? process_vm_writev(getpid(), &l, 1, &r, 1, 0)
			  : process_vm_readv(getpid(), &l, 1, &r, 1, 0);

	return n < 0 ? -errno : n;
}

/* ---- the stack --------------------------------------------------------------- */

static void test_stack_grows(void **state)
{
	struct unit *u = *state;
	uint64_t top = 0x7ffff0000000ull;
	uint64_t a = unit_map(u->mm, top - 4 * UPAGE, 4 * UPAGE, URW,
			      UANON | QMAP_FIXED | QMAP_GROWSDOWN | QMAP_STACK);
	struct quire_fault f;

	expect_fault(u, a - 10 * UPAGE, QUIRE_WRITE, QUIRE_KIND_ANON, &f);
	assert_true(f.stack_grown);
	expect_fault(u, a - 5 * UPAGE, QUIRE_WRITE, QUIRE_KIND_ANON, &f);
	assert_false(f.stack_grown);
	quire_mm_set_rlimit(u->mm, QUIRE_RLIMIT_STACK, 16 * UPAGE);
	assert_int_equal(unit_fault(u->mm, a - 20 * UPAGE, QUIRE_WRITE, &f), QUIRE_FAULT_SEGV);
	assert_int_equal(f.si_code, QSEGV_MAPERR);
	assert_int_equal(f.reason, QUIRE_REASON_STACK_LIMIT);
	unit_verify(u);
}

/* Neither for a pin, nor for populating, nor for another program; for a system call it does. */
static void test_stack_grows_for_its_owner_alone(void **state)
{
	struct unit *u = *state;
	int flags = UANON | QMAP_FIXED | QMAP_GROWSDOWN;
	size_t room = 1024 * UPAGE;
	char *area = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *p = area + room - 4 * UPAGE;
	uint64_t a = (uint64_t)p, word = 0;
	struct quire_pin pin;

	/* Where the host has room below, and nobody else maps. */
	assert_true(area != MAP_FAILED && !munmap(area, room));
	assert_ptr_equal(mmap(p, 4 * UPAGE, PROT_READ | PROT_WRITE, flags, -1, 0), p);
	unit_map(u->mm, a, 4 * UPAGE, URW, flags);
	assert_int_equal(host_vm(p - UPAGE, false), -EFAULT);
	assert_int_equal(quire_remote_read(u->mm, a - UPAGE, &word, 8), -EFAULT);
	assert_int_equal(host_vm(p - UPAGE, true), -EFAULT);
	assert_int_equal(quire_remote_write(u->mm, a - UPAGE, &word, 8), -EFAULT);
	assert_int_equal(quire_pin(u->mm, a - UPAGE, QUIRE_WRITE, &pin), -EFAULT);
	assert_int_equal(quire_write(u->mm, a - 2 * UPAGE, &word, 8), 8);
	assert_int_equal(quire_remote_read(u->mm, a - 2 * UPAGE, &word, 8), 8);
	munmap(p, 4 * UPAGE);
	unit_verify(u);
}

/* ---- copy on write ----------------------------------------------------------- */

static void test_fork_copies_on_write(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 8 * UPAGE, URW, UANON);
	struct quire_mm_stats st;
	struct quire_mm *child;
	struct quire_fault f;

	unit_fill(u->mm, a, 8 * UPAGE, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_verify(u);
	assert_false(quire_pte(u->mm, a) & QUIRE_PTE_WRITE);
	expect_fault(u, a, QUIRE_WRITE, QUIRE_KIND_COW_COPY, &f);
	assert_int_not_equal(pte_frame_of(f.pte), pte_frame_of(quire_pte(child, a)));
	unit_verify(u);
	/* The child is the only one left on the old page. */
	unit_fault(child, a, QUIRE_WRITE, &f);
	assert_int_equal(f.kind, QUIRE_KIND_COW_REUSE);
	unit_fill(u->mm, a, 8 * UPAGE, 2);
	unit_expect_fill(child, a, 8 * UPAGE, 1);
	unit_fill(child, a, 8 * UPAGE, 3);
	unit_expect_fill(u->mm, a, 8 * UPAGE, 2);
	unit_verify(u);
	quire_mm_stats(u->mm, &st);
	assert_int_equal(st.cow_copied_after_fork, 8);
	assert_int_equal(st.rss_anon, 8);
	quire_mm_put(child);
	unit_verify(u);
}

static void test_reuse_when_the_child_is_gone(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, UPAGE, URW, UANON), before;
	struct quire_mm *child;
	struct quire_fault f;

	unit_store(u->mm, a, 42);
	before = pte_frame_of(quire_pte(u->mm, a));
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	quire_mm_put(child);
	expect_fault(u, a, QUIRE_WRITE, QUIRE_KIND_COW_REUSE, &f);
	assert_int_equal(pte_frame_of(f.pte), before);
	assert_int_equal(unit_load(u->mm, a), 42);
	unit_verify(u);
}

static void test_three_generations(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	struct quire_mm *mm[4] = {u->mm};

	unit_fill(u->mm, a, 4 * UPAGE, 0);
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(quire_mm_fork(mm[i - 1], NULL, &mm[i]), 0);
		unit_store(mm[i], a + i * UPAGE, i);
	}
	unit_verify(u);
	for (unsigned i = 0; i < 4; i++)
		for (unsigned page = 1; page < 4; page++)
			assert_int_equal(unit_load(mm[i], a + page * UPAGE),
					 page <= i ? page : unit_word(page, 0));
	for (unsigned i = 3; i > 0; i--)
		quire_mm_put(mm[i]);
	unit_verify(u);
}

/* ---- the order of a copy: seen from the flush -------------------------------- */

struct watcher {
	struct unit *u;
	uint64_t addr, old_frame;
	unsigned calls;
};

static struct watcher watch;

/* At the flush the copy is in place, but nobody can have written to it. */
static void watch_flush(void *ctx, struct quire_mm *mm, void *cookie,
			const struct quire_tlb_range *ranges, unsigned nranges)
{
	unit_flush(ctx, mm, cookie, ranges, nranges);
	if (!watch.addr || mm != watch.u->mm || !nranges)
		return;
	if (ranges[0].start > watch.addr || ranges[0].end <= watch.addr)
		return;
	watch.calls++;
	assert_int_not_equal(pte_frame_of(quire_pte(mm, watch.addr)), watch.old_frame);
	assert_false(quire_pte(mm, watch.addr) & QUIRE_PTE_WRITE);
}

static void test_copy_is_flushed_before_it_is_writable(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct quire_mm *child;
	uint64_t a;

	(void)state;
	unit_port(u);
	u->port.tlb_flush = watch_flush;
	unit_machine_mm(u, NULL, NULL);
	a = unit_map(u->mm, 0, UPAGE, URW, UANON);
	unit_store(u->mm, a, 1);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	watch = (struct watcher){u, a, pte_frame_of(quire_pte(u->mm, a)), 0};
	unit_store(u->mm, a, 2);
	assert_int_equal(watch.calls, 1);
	watch.addr = 0;
	assert_int_equal(unit_load(child, a), 1);
	quire_mm_put(child);
	unit_down(u);
	free(u);
}

/* The same without a flush callback: one step. */
static void test_copy_without_translations(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct quire_mm *child;
	uint64_t a;

	(void)state;
	unit_port(u);
	u->port.tlb_flush = NULL;
	unit_machine_mm(u, NULL, NULL);
	a = unit_map(u->mm, 0, 2 * UPAGE, URW, UANON);
	unit_store(u->mm, a, 1);
	assert_int_equal(unit_load(u->mm, a + UPAGE), 0);
	assert_int_equal(quire_mm_fork(u->mm, NULL, &child), 0);
	unit_fill(u->mm, a, 2 * UPAGE, 9);
	assert_int_equal(unit_load(child, a), 1);
	unit_verify(u);
	quire_mm_put(child);
	unit_down(u);
	free(u);
}

/* ---- no memory --------------------------------------------------------------- */

static struct {
	struct unit *u;
	uint64_t victim; /* mapping to free at the first call */
	unsigned calls;
} oom;

static bool oom_frees(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what)
{
	(void)ctx;
	(void)cookie;
	assert_int_equal(what, QUIRE_MEMORY_RAM);
	oom.calls++;
	if (!oom.victim)
		return false;
	quire_munmap(mm, oom.victim, 64 * UPAGE);
	oom.victim = 0;
	return true;
}

static void test_out_of_memory(void **state)
{
	struct unit *u = calloc(1, sizeof(*u));
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = 512 * UPAGE};
	struct quire_fault f = {.result = QUIRE_FAULT_OK};
	uint64_t a, pages;

	(void)state;
	unit_port(u);
	u->port.oom = oom_frees;
	unit_machine_mm(u, &opts, NULL);
	oom.u = u;
	oom.calls = 0;
	oom.victim = unit_map(u->mm, 0, 64 * UPAGE, URW, UANON);
	unit_fill(u->mm, oom.victim, 64 * UPAGE, 1);
	a = unit_map(u->mm, 0, 600 * UPAGE, URW, UANON | QMAP_NORESERVE);
	for (pages = 0; pages < 600; pages++)
		if (unit_fault(u->mm, a + pages * UPAGE, QUIRE_WRITE, &f) != QUIRE_FAULT_OK)
			break;
	assert_int_equal(f.result, QUIRE_FAULT_OOM);
	assert_int_equal(f.reason, QUIRE_REASON_NO_MEMORY);
	assert_int_equal(oom.calls, 2); /* once it helped, once it did not */
	assert_in_range(pages, 480, 511);
	unit_verify(u);
	unit_down(u);
	free(u);
}

/* ---- quire_read, quire_write: process_vm_readv's rules ----------------------- */

static void test_access_rights_as_on_the_host(void **state)
{
	struct unit *u = *state;

	for (int prot = 0; prot < 8; prot++) {
		char *p = mmap(NULL, UPAGE, prot, UANON, -1, 0);
		uint64_t a = unit_map(u->mm, 0, UPAGE, prot, UANON), word = 0;

		assert_int_equal(quire_read(u->mm, a, &word, 8), host_vm(p, false));
		assert_int_equal(quire_write(u->mm, a, &word, 8), host_vm(p, true));
		munmap(p, UPAGE);
	}
	unit_verify(u);
}

static void test_access_across_pages(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	unsigned char in[2 * UPAGE + 100], out[sizeof(in)];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + i / 256);
	assert_int_equal(quire_write(u->mm, a + 4000, in, sizeof(in)), sizeof(in));
	assert_int_equal(quire_read(u->mm, a + 4000, out, sizeof(in)), sizeof(in));
	assert_memory_equal(in, out, sizeof(in));
	/* The part before a hole is copied. */
	quire_munmap(u->mm, a + 2 * UPAGE, UPAGE);
	assert_int_equal(quire_read(u->mm, a + UPAGE, out, 2 * UPAGE), UPAGE);
	assert_int_equal(quire_read(u->mm, a + 2 * UPAGE, out, 8), -EFAULT);
	assert_int_equal(quire_write(u->mm, UINT64_MAX - 3, in, 16), -EFAULT);
	assert_int_equal(quire_read(u->mm, a, out, 0), 0);
	unit_verify(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(test_read_maps_the_zero_page),
	    unit_test(test_write_makes_a_page),
	    unit_test(test_counters),
	    unit_test(test_write_after_lazyfree),
	    unit_test(test_rights_as_on_the_host),
	    unit_test(test_reasons),
	    unit_test(test_rights_gained_by_mprotect),
	    unit_test(test_stack_grows),
	    unit_test(test_stack_grows_for_its_owner_alone),
	    unit_test(test_fork_copies_on_write),
	    unit_test(test_reuse_when_the_child_is_gone),
	    unit_test(test_three_generations),
	    cmocka_unit_test(test_copy_is_flushed_before_it_is_writable),
	    cmocka_unit_test(test_copy_without_translations),
	    cmocka_unit_test(test_out_of_memory),
	    unit_test(test_access_rights_as_on_the_host),
	    unit_test(test_access_across_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
