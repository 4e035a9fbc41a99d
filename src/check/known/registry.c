/* SPDX-License-Identifier: MIT */
/*
 * registry.c: scenarios and rules by name.
 */
#include <string.h>

#include "check/known/known.h"

extern const struct scenario access_mremap;
extern const struct scenario charge_mprotect;
extern const struct scenario cow_both;
extern const struct scenario cow_dontneed;
extern const struct scenario cow_fork;
extern const struct scenario cow_free;
extern const struct scenario cow_mprotect;
extern const struct scenario cow_munmap;
extern const struct scenario cow_reuse_fork;
extern const struct scenario cow_threads;
extern const struct scenario cow_zero_page;
extern const struct scenario fault_brk;
extern const struct scenario fault_dontneed;
extern const struct scenario fault_dontneed_twice;
extern const struct scenario fault_exit;
extern const struct scenario fault_fault;
extern const struct scenario fault_free;
extern const struct scenario fault_mprotect;
extern const struct scenario fault_mprotect_write;
extern const struct scenario fault_munmap;
extern const struct scenario fault_munmap_mmap;
extern const struct scenario fault_policy;
extern const struct scenario fault_replace;
extern const struct scenario fault_split;
extern const struct scenario file_add;
extern const struct scenario file_around;
extern const struct scenario file_copy;
extern const struct scenario file_cow;
extern const struct scenario file_dontneed;
extern const struct scenario file_dontneed_after;
extern const struct scenario file_exit_after;
extern const struct scenario file_map;
extern const struct scenario file_munmap;
extern const struct scenario file_munmap_after;
extern const struct scenario file_punch;
extern const struct scenario file_punch_copy;
extern const struct scenario file_punch_load;
extern const struct scenario file_punch_private;
extern const struct scenario file_punch_read;
extern const struct scenario file_replace;
extern const struct scenario file_truncate;
extern const struct scenario fork_exit;
extern const struct scenario fork_munmap;
extern const struct scenario fork_nomem;
extern const struct scenario fork_order;
extern const struct scenario fork_order_copy;
extern const struct scenario fork_order_pin;
extern const struct scenario fork_order_threads;
extern const struct scenario fork_pin;
extern const struct scenario fork_store;
extern const struct scenario fork_truncate;
extern const struct scenario fork_two;
extern const struct scenario fork_write;
extern const struct scenario io_close;
extern const struct scenario io_copy;
extern const struct scenario io_copy_offset;
extern const struct scenario io_copy_other;
extern const struct scenario io_frame_offset;
extern const struct scenario io_copy_truncate;
extern const struct scenario io_error;
extern const struct scenario io_frame_truncate;
extern const struct scenario io_munmap;
extern const struct scenario io_pin;
extern const struct scenario io_remove_store;
extern const struct scenario io_replace;
extern const struct scenario io_sync_munmap;
extern const struct scenario io_sync_sync;
extern const struct scenario io_truncate;
extern const struct scenario io_twice;
extern const struct scenario io_twice_truncate;
extern const struct scenario io_write;
extern const struct scenario io_write_munmap;
extern const struct scenario io_write_munmap_new;
extern const struct scenario io_write_punch;
extern const struct scenario io_write_remove;
extern const struct scenario io_write_truncate;
extern const struct scenario lent_cow;
extern const struct scenario lent_dontneed;
extern const struct scenario lent_exit;
extern const struct scenario lent_fork;
extern const struct scenario lent_move;
extern const struct scenario lent_move_table;
extern const struct scenario lent_munmap;
extern const struct scenario lent_punch;
extern const struct scenario lent_replace;
extern const struct scenario lent_sync;
extern const struct scenario lent_sync_munmap;
extern const struct scenario lent_sync_sync;
extern const struct scenario lent_truncate;
extern const struct scenario limited_replace;
extern const struct scenario load_none;
extern const struct scenario load_replace;
extern const struct scenario maps_file;
extern const struct scenario maps_munmap;
extern const struct scenario memory_exit;
extern const struct scenario memory_last;
extern const struct scenario memory_munmap;
extern const struct scenario memory_table;
extern const struct scenario memory_truncate;
extern const struct scenario memory_same;
extern const struct scenario memory_same_file;
extern const struct scenario memory_same_table;
extern const struct scenario read_same;
extern const struct scenario memory_copy;
extern const struct scenario memory_two;
extern const struct scenario mincore_munmap;
extern const struct scenario mlock_munmap;
extern const struct scenario move_cross;
extern const struct scenario move_fault;
extern const struct scenario move_fork;
extern const struct scenario move_merge;
extern const struct scenario move_new_page;
extern const struct scenario move_nomem;
extern const struct scenario move_old;
extern const struct scenario move_over;
extern const struct scenario move_over_full;
extern const struct scenario move_short_fault;
extern const struct scenario move_short_two;
extern const struct scenario move_table;
extern const struct scenario move_truncate;
extern const struct scenario over_sync_new_cached;
extern const struct scenario over_sync_new_external;
extern const struct scenario over_sync_old_external;
extern const struct scenario over_truncate_new_anon;
extern const struct scenario over_truncate_new_cached;
extern const struct scenario over_truncate_new_external;
extern const struct scenario over_truncate_old_anon;
extern const struct scenario over_truncate_old_cached;
extern const struct scenario over_truncate_old_external;
extern const struct scenario populate_mremap;
extern const struct scenario populate_munmap;
extern const struct scenario populate_replace;
extern const struct scenario read_grow;
extern const struct scenario read_truncate;
extern const struct scenario read_truncate_hole;
extern const struct scenario size_grow;
extern const struct scenario size_grow_write;
extern const struct scenario size_lock;
extern const struct scenario size_lock_write;
extern const struct scenario size_truncate;
extern const struct scenario smaps_munmap;
extern const struct scenario stack_lookup;
extern const struct scenario stack_munmap;
extern const struct scenario stack_neighbour;
extern const struct scenario stack_stack;
extern const struct scenario store_mprotect;
extern const struct scenario store_munmap;
extern const struct scenario sync_after_store;
extern const struct scenario sync_dontneed;
extern const struct scenario sync_exit;
extern const struct scenario sync_fork;
extern const struct scenario sync_mprotect;
extern const struct scenario sync_mremap;
extern const struct scenario sync_error;
extern const struct scenario sync_sync_store;
extern const struct scenario table_freed;
extern const struct scenario table_munmap;
extern const struct scenario table_nomem;
extern const struct scenario table_three;
extern const struct scenario table_two_munmaps;
extern const struct scenario touch_mprotect;
extern const struct scenario truncate_mprotect;
extern const struct scenario walk_munmap;
extern const struct scenario write_fault;
extern const struct scenario write_sync;
extern const struct scenario grow_sync;
extern const struct scenario write_truncate;
extern const struct scenario write_write;

/* clang-format off */
const struct scenario *const scenarios[] = {
	&access_mremap,
	&charge_mprotect,
	&cow_both,
	&cow_dontneed,
	&cow_fork,
	&cow_free,
	&cow_mprotect,
	&cow_munmap,
	&cow_reuse_fork,
	&cow_threads,
	&cow_zero_page,
	&fault_brk,
	&fault_dontneed,
	&fault_dontneed_twice,
	&fault_exit,
	&fault_fault,
	&fault_free,
	&fault_mprotect,
	&fault_mprotect_write,
	&fault_munmap,
	&fault_munmap_mmap,
	&fault_policy,
	&fault_replace,
	&fault_split,
	&file_add,
	&file_around,
	&file_copy,
	&file_cow,
	&file_dontneed,
	&file_dontneed_after,
	&file_exit_after,
	&file_map,
	&file_munmap,
	&file_munmap_after,
	&file_punch,
	&file_punch_copy,
	&file_punch_load,
	&file_punch_private,
	&file_punch_read,
	&file_replace,
	&file_truncate,
	&fork_exit,
	&fork_munmap,
	&fork_nomem,
	&fork_order,
	&fork_order_copy,
	&fork_order_pin,
	&fork_order_threads,
	&fork_pin,
	&fork_store,
	&fork_truncate,
	&fork_two,
	&fork_write,
	&io_close,
	&io_copy,
	&io_copy_offset,
	&io_copy_other,
	&io_frame_offset,
	&io_copy_truncate,
	&io_error,
	&io_frame_truncate,
	&io_munmap,
	&io_pin,
	&io_remove_store,
	&io_replace,
	&io_sync_munmap,
	&io_sync_sync,
	&io_truncate,
	&io_twice,
	&io_twice_truncate,
	&io_write,
	&io_write_munmap,
	&io_write_munmap_new,
	&io_write_punch,
	&io_write_remove,
	&io_write_truncate,
	&lent_cow,
	&lent_dontneed,
	&lent_exit,
	&lent_fork,
	&lent_move,
	&lent_move_table,
	&lent_munmap,
	&lent_punch,
	&lent_replace,
	&lent_sync,
	&lent_sync_munmap,
	&lent_sync_sync,
	&lent_truncate,
	&limited_replace,
	&load_none,
	&load_replace,
	&maps_file,
	&maps_munmap,
	&memory_exit,
	&memory_last,
	&memory_munmap,
	&memory_table,
	&memory_truncate,
	&memory_same,
	&memory_same_file,
	&memory_same_table,
	&read_same,
	&memory_copy,
	&memory_two,
	&mincore_munmap,
	&mlock_munmap,
	&move_cross,
	&move_fault,
	&move_fork,
	&move_merge,
	&move_new_page,
	&move_nomem,
	&move_old,
	&move_over,
	&move_over_full,
	&move_short_fault,
	&move_short_two,
	&move_table,
	&move_truncate,
	&over_sync_new_cached,
	&over_sync_new_external,
	&over_sync_old_external,
	&over_truncate_new_anon,
	&over_truncate_new_cached,
	&over_truncate_new_external,
	&over_truncate_old_anon,
	&over_truncate_old_cached,
	&over_truncate_old_external,
	&populate_mremap,
	&populate_munmap,
	&populate_replace,
	&read_grow,
	&read_truncate,
	&read_truncate_hole,
	&size_grow,
	&size_grow_write,
	&size_lock,
	&size_lock_write,
	&size_truncate,
	&smaps_munmap,
	&stack_lookup,
	&stack_munmap,
	&stack_neighbour,
	&stack_stack,
	&store_mprotect,
	&store_munmap,
	&sync_after_store,
	&sync_dontneed,
	&sync_exit,
	&sync_fork,
	&sync_mprotect,
	&sync_mremap,
	&sync_error,
	&sync_sync_store,
	&table_freed,
	&table_munmap,
	&table_nomem,
	&table_three,
	&table_two_munmaps,
	&touch_mprotect,
	&truncate_mprotect,
	&walk_munmap,
	&write_fault,
	&write_sync,
	&grow_sync,
	&write_truncate,
	&write_write,
	NULL,
};
/* clang-format on */

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; scenarios[i]; i++)
		if (!strcmp(scenarios[i]->name, name))
			return scenarios[i];
	return NULL;
}

static const struct {
	const char *name, *text, *source;
} rules[NR_RULES] = {
#define X(name, text, source) [RULE_##name] = {#name, text, source},
    QUIRE_RULES(X)
#undef X
};

const char *rule_name(enum quire_rule rule)
{
	static char names[NR_RULES][64];
	char *p = names[rule];

	if (*p)
		return p;
	strncpy(p, rules[rule].name, sizeof(names[0]) - 1);
	for (; *p; p++)
		if (*p == '_')
			*p = '-';
	return names[rule];
}

int rule_find(const char *name)
{
	for (int i = 0; i < NR_RULES; i++)
		if (!strcmp(rule_name((enum quire_rule)i), name))
			return i;
	return -1;
}

const char *rule_text(enum quire_rule rule)
{
	return rules[rule].text;
}

const char *rule_source(enum quire_rule rule)
{
	return rules[rule].source;
}
