/* SPDX-License-Identifier: MIT */
/*
 * test_host_fuzz.c: random calls on the host kernel and on Quire, compared.
 *
 * Two mixes: one that touches no memory, compared exactly (how mappings are
 * split and merged, VmFlags, addresses, errno), and one that reads, writes and
 * forks too, compared by content, faults and rights.  The failing seed is
 * printed; QUIRE_FUZZ_SEED and QUIRE_FUZZ_ROUNDS choose others.
 */
#include "both.h"

#define CALLS 300
#define PAGES 40 /* of the window */

static uint64_t rng;

static unsigned below(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 11) % n);
}

static int any_prot(void)
{
	static const int prots[] = {QPROT_NONE, QPROT_READ, URW, URW, URW, QPROT_READ | QPROT_EXEC};

	return prots[below(6)];
}

static struct call any_range(enum call_kind kind)
{
	struct call k = {.kind = kind, .addr = below(PAGES)};

	k.len = (1 + below(below(3) ? 4 : 16)) * UPAGE;
	return k;
}

static struct call any_map(bool touch)
{
	static const int flags[] = {0, 0, 0, QMAP_NORESERVE, QMAP_STACK, QMAP_POPULATE};
	struct call k = any_range(C_MMAP);

	k.x = any_prot();
	k.y = below(8) ? QMAP_FIXED : QMAP_FIXED_NOREPLACE;
	k.file = below(3) ? F_ANON : below(3) ? F_RW : below(2) ? F_RO : F_SEALED;
	if (k.file == F_ANON)
		k.y |= below(5) ? UANON : USHARED;
	else
		k.y |= below(2) ? QMAP_PRIVATE : QMAP_SHARED;
	k.y |= flags[below(touch ? 6 : 5)];
	k.c = k.file == F_ANON ? 0 : below(4) ? k.addr % 8 * UPAGE : below(12) * UPAGE;
	return k;
}

static struct call any_remap(void)
{
	struct call k = any_range(C_MREMAP);

	k.c = below(3) ? k.len : (1 + below(12)) * UPAGE;
	k.x = (int)below(8);
	k.d = below(PAGES);
	if (!below(16))
		k.len = 0;
	return k;
}

static struct call any_advice(bool touch)
{
	static const int advices[] = {
	    QMADV_NORMAL,     QMADV_RANDOM,          QMADV_SEQUENTIAL, QMADV_WILLNEED,
	    QMADV_DONTFORK,   QMADV_DOFORK,          QMADV_DONTDUMP,   QMADV_DODUMP,
	    QMADV_WIPEONFORK, QMADV_KEEPONFORK,      QMADV_HUGEPAGE,   QMADV_NOHUGEPAGE,
	    QMADV_DONTNEED,   QMADV_DONTNEED_LOCKED,
	};
	struct call k = any_range(C_MADVISE);

	/* huge pages would make the host merge and populate otherwise */
	k.x = advices[below(sizeof(advices) / sizeof(advices[0]))];
	if (touch && (k.x == QMADV_HUGEPAGE || k.x == QMADV_NOHUGEPAGE))
		k.x = QMADV_POPULATE_WRITE;
	return k;
}

static struct call any_lock(bool touch)
{
	struct call k = any_range(below(2) ? C_MLOCK : C_MUNLOCK);

	k.x = k.kind == C_MLOCK && (below(2) || !touch) ? QMLOCK_ONFAULT : 0;
	return k;
}

static struct call any_access(void)
{
	struct call k = any_range(below(3) ? C_STORE : C_LOAD);

	k.c = 1 + below(1u << 30);
	return k;
}

static struct call any_call(bool touch)
{
	unsigned n = below(touch ? 40 : 20);

	if (n < 6)
		return any_map(touch);
	if (n < 8)
		return any_range(C_MUNMAP);
	if (n < 12) {
		struct call k = any_range(C_MPROTECT);

		k.x = any_prot();
		return k;
	}
	if (n < 15)
		return any_remap();
	if (n < 18)
		return any_advice(touch);
	if (n < 20)
		return any_lock(touch);
	if (n < 21)
		return (struct call){.kind = below(2) ? C_FORK : C_FORK_PARENT};
	return any_access();
}

static void run_seed(uint64_t seed, bool touch)
{
	static struct call calls[CALLS];
	struct both *b = calloc(1, sizeof(*b));
	unsigned done;

	rng = seed * 0x9e3779b97f4a7c15ull + 1;
	for (unsigned i = 0; i < CALLS; i++)
		calls[i] = any_call(touch);
	both_up(b, false);
	done = both_compare(b, calls, CALLS);
	if (done != CALLS) {
		fprintf(stderr, "seed %llu differs at call %u\n", (unsigned long long)seed, done);
		for (unsigned i = done > 12 ? done - 12 : 0; i < done; i++)
			fprintf(
			    stderr,
			    "  %u: kind %d page %llu len %lld x %#x y %#x file %d c %llx d %llu\n",
			    i, (int)calls[i].kind, (unsigned long long)calls[i].addr,
			    (long long)(calls[i].len / UPAGE), (unsigned)calls[i].x,
			    (unsigned)calls[i].y, (int)calls[i].file,
			    (unsigned long long)calls[i].c, (unsigned long long)calls[i].d);
	}
	assert_int_equal(done, CALLS);
	both_down(b);
	free(b);
}

static void run_seeds(bool touch)
{
	const char *seed = getenv("QUIRE_FUZZ_SEED"), *rounds = getenv("QUIRE_FUZZ_ROUNDS");
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;
	uint64_t n = rounds ? strtoull(rounds, NULL, 0) : seed ? 1 : 20;

	both_need_host();
	for (uint64_t i = 0; i < n; i++)
		run_seed(first + i, touch);
}

static void layout(void **state)
{
	(void)state;
	run_seeds(false);
}

static void content(void **state)
{
	(void)state;
	run_seeds(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(layout),
	    cmocka_unit_test(content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
