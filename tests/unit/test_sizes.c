/* SPDX-License-Identifier: MIT */
/*
 * test_sizes.c: an embedder that was compiled with an older header, or a newer one, than this
 * library's: structs that are filled in end where his end, and what is unknown reads as zero.
 */
#include "unit.h"

#define CANARY 0xa5

/* Room for a struct that has grown by 64 bytes, full of canaries. */
#define ROOM(type) (sizeof(type) + 64)

/* The first `size` bytes were filled in as `whole` says; nothing behind them was touched. */
static void expect_sized(const uint8_t *got, size_t size, const void *whole, size_t known)
{
	size_t common = size < known ? size : known;

	assert_memory_equal(got, whole, common);
	for (size_t i = common; i < size; i++)
		assert_int_equal(got[i], 0);
	for (size_t i = size; i < known + 64; i++)
		assert_int_equal(got[i], CANARY);
}

/* call(out, size) of older, the present and newer sizes. */
#define EACH_SIZE(type, call)                                                                      \
	do {                                                                                       \
		uint8_t got[ROOM(type)] __attribute__((aligned(16)));                              \
		type whole;                                                                        \
		void *out = &whole;                                                                \
		size_t size = sizeof(type);                                                        \
                                                                                                   \
		memset(&whole, CANARY, sizeof(whole));                                             \
		call;                                                                              \
		out = got;                                                                         \
		for (size = 8; size <= ROOM(type); size += 8) {                                    \
			memset(got, CANARY, sizeof(got));                                          \
			call;                                                                      \
			expect_sized(got, size, &whole, sizeof(type));                             \
		}                                                                                  \
	} while (0)

static void what_is_filled_in(void **state)
{
	struct unit *u = *state;
	uint64_t a = unit_map(u->mm, 0, 4 * UPAGE, URW, UANON);
	struct quire_file *file;

	unit_fill(u->mm, a, 2 * UPAGE, 1);
	EACH_SIZE(struct quire_machine_stats, quire_machine_stats_sized(u->m, out, size));
	EACH_SIZE(struct quire_mm_stats, quire_mm_stats_sized(u->mm, out, size));
	EACH_SIZE(struct quire_usage, quire_range_usage_sized(u->mm, a, a + UPAGE, out, size));
	EACH_SIZE(struct quire_vma_info,
		  assert_int_equal(quire_vma_next_sized(u->mm, a, out, size), 0));
	EACH_SIZE(struct quire_vma_info,
		  assert_int_equal(quire_vma_next_file_sized(u->mm, a, out, size, &file), 0));
	assert_null(file);
	EACH_SIZE(
	    struct quire_fault,
	    assert_int_equal(quire_fault_sized(u->mm, a, QUIRE_READ, out, size), QUIRE_FAULT_OK));
	EACH_SIZE(
	    struct quire_fault,
	    assert_int_equal(quire_fault_sized(u->mm, 0, QUIRE_READ, out, size), QUIRE_FAULT_SEGV));
}

static int frame_of(void *priv, uint64_t pgoff, uint64_t *frame)
{
	(void)priv;
	*frame = 0x1000 + pgoff;
	return 0;
}

/* What this library does not know may be there, unset. */
struct newer_options {
	struct quire_file_options known;
	uint64_t more;
};

struct newer_ops {
	struct quire_file_ops known;
	void (*more)(void);
};

static void what_is_given(void **state)
{
	struct unit *u = *state;
	struct newer_ops ops = {.known = {.frame = frame_of}};
	struct newer_options o = {.known = {.size = sizeof(o), .kind = QUIRE_FILE_EXTERNAL}};
	struct quire_mm_options mo = {.size = 4};
	struct quire_file *file;
	struct quire_mm *mm;

	o.known.ops = &ops.known;
	assert_int_equal(quire_file_create_sized(u->m, &o.known, sizeof(ops), &file), 0);
	quire_file_put(file);
	o.known.size = offsetof(struct quire_file_options, writable); /* an older one */
	assert_int_equal(quire_file_create_sized(u->m, &o.known,
						 offsetof(struct quire_file_ops, copy_page), &file),
			 0);
	assert_string_equal(quire_file_name(file), "");
	quire_file_put(file);
	o.known.size = sizeof(o);
	o.more = 1;
	assert_int_equal(quire_file_create_sized(u->m, &o.known, sizeof(ops), &file), -QEINVAL);
	o.more = 0;
	ops.more = (void (*)(void))frame_of;
	assert_int_equal(quire_file_create_sized(u->m, &o.known, sizeof(ops), &file), -QEINVAL);
	assert_int_equal(quire_mm_create(u->m, &mo, &mm), -QEINVAL);
	mo.size = sizeof(mo.size);
	assert_int_equal(quire_mm_create(u->m, &mo, &mm), 0);
	quire_mm_put(mm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    unit_test(what_is_filled_in),
	    unit_test(what_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
