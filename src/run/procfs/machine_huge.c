/* SPDX-License-Identifier: MIT */
/*
 * machine_huge.c: files that tell of pools of huge pages, and by which root changes them.
 *
 *     hugepages/hugepages-2048kB/               of the machine
 *     node/nodeN/hugepages/hugepages-2048kB/    of a node
 *     vm/nr_hugepages, ..                       of the machine, of 2 MiB
 *
 *   1  In /sys nr_hugepages tells of all pages, in /proc/sys/vm of those that are no surplus.
 */
#include "quire/quire.h"
#include "run/file/huge_file.h"
#include "run/procfs/machine_number.h"
#include "run/procfs/machine_tree.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>

enum what { NR, NR_OF_POLICY, OVERCOMMIT, FREE, RESERVED, SURPLUS, DEMOTE, DEMOTE_SIZE, NR_WHAT };

/* ---- telling ------------------------------------------------------------------- */

static uint64_t value(const struct quire_hugetlb_info *i, unsigned what, bool sysctl)
{
	switch (what) {
	case OVERCOMMIT:
		return i->overcommit;
	case FREE:
		return i->free;
	case RESERVED:
		return i->reserved;
	case SURPLUS:
		return i->surplus;
	default: /* invariant 1 */
		return sysctl ? i->total - i->surplus : i->total;
	}
}

static void tell(FILE *f, struct run *run, const struct machine_file *file, bool sysctl)
{
	struct quire_hugetlb_info info = {0};

	huge_files_look(run);
	quire_hugetlb_info(run->machine, file->size, file->node, &info);
	fprintf(f, "%llu\n", (unsigned long long)value(&info, file->what, sysctl));
}

static void tell_sysfs(FILE *f, struct run *run, const struct machine_file *file)
{
	tell(f, run, file, false);
}

static void tell_sysctl(FILE *f, struct run *run, const struct machine_file *file)
{
	tell(f, run, file, true);
}

/* There is one smaller size. */
static void tell_demote_size(FILE *f, struct run *run, const struct machine_file *file)
{
	(void)run;
	(void)file;
	fprintf(f, "%llukB\n", (unsigned long long)(quire_huge_bytes(QUIRE_HUGE_2M) >> 10));
}

/* ---- what is written ------------------------------------------------------------- */

/* Of the one that writes: nr_hugepages_mempolicy means those. */
static uint64_t policy_nodes(struct request *q)
{
	uint64_t policy = q->slot->task.policy, all = quire_machine_node_set(q->run->machine);
	uint64_t nodes = policy ? quire_policy_nodes(q->run->machine, policy) & all : all;

	if (nodes)
		return nodes;
	/* The node that it is on. */
	nodes = 1ull << q->slot->task.node;
	return nodes & all ? nodes : all;
}

static int set(struct request *q, const struct machine_file *file, uint64_t n)
{
	struct quire_machine *m = q->run->machine;

	if (file->what == OVERCOMMIT)
		return quire_hugetlb_set_overcommit(m, file->size, n);
	if (file->what == DEMOTE)
		return quire_hugetlb_demote(m, file->size, file->node, n);
	if (file->node != QUIRE_ALL_NODES)
		return quire_hugetlb_resize_node(m, file->size, file->node, n);
	return quire_hugetlb_resize(
	    m, file->size, file->what == NR_OF_POLICY ? policy_nodes(q) : quire_machine_node_set(m),
	    n);
}

/* Pages of 1 GiB are not made on demand: whatever the text says. */
static bool is_fixed(const struct machine_file *file)
{
	return file->what == OVERCOMMIT && file->size == QUIRE_HUGE_1G;
}

static int64_t take_sysfs(struct request *q, const struct machine_file *file,
			  const struct machine_write *w)
{
	uint64_t n;
	int err = is_fixed(file) ? -EINVAL : machine_number(w, 10, &n);

	if (!err)
		err = set(q, file, n);
	return err ? err : (int64_t)w->n;
}

/* Not at the beginning of the file nothing is meant. */
static int64_t take_sysctl(struct request *q, const struct machine_file *file,
			   const struct machine_write *w)
{
	uint64_t n;
	int64_t taken = w->at ? (int64_t)w->all : machine_sysctl_number(w, &n);
	int err = w->at || taken < 0 ? 0 : set(q, file, n);

	return err ? err : taken;
}

static int64_t take_demote_size(struct request *q, const struct machine_file *file,
				const struct machine_write *w)
{
	(void)q;
	(void)file;
	return machine_size(w) == quire_huge_bytes(QUIRE_HUGE_2M) ? (int64_t)w->n : -EINVAL;
}

/* ---- making them ------------------------------------------------------------------- */

static const struct {
	const char *name;
	mode_t mode;
	bool of_node, of_large;
} kinds[NR_WHAT] = {
    [NR] = {"nr_hugepages", 0644, true, false},
    [NR_OF_POLICY] = {"nr_hugepages_mempolicy", 0644, false, false},
    [OVERCOMMIT] = {"nr_overcommit_hugepages", 0644, false, false},
    [FREE] = {"free_hugepages", 0444, true, false},
    [RESERVED] = {"resv_hugepages", 0444, false, false},
    [SURPLUS] = {"surplus_hugepages", 0444, true, false},
    [DEMOTE] = {"demote", 0200, true, true},
    [DEMOTE_SIZE] = {"demote_size", 0644, true, true},
};

static struct machine_file file_of(enum quire_huge size, unsigned node, unsigned what)
{
	struct machine_file file = {.tell = tell_sysfs,
				    .take = kinds[what].mode & 0200 ? take_sysfs : NULL,
				    .mode = kinds[what].mode,
				    .node = node,
				    .size = size,
				    .what = what};

	if (what == DEMOTE)
		file.tell = NULL;
	if (what == DEMOTE_SIZE) {
		file.tell = tell_demote_size;
		file.take = take_demote_size;
	}
	return file;
}

/* Of the machine, or of a node. */
static int make_size(struct run *run, const char *dir, unsigned node, enum quire_huge size)
{
	unsigned long long kb = quire_huge_bytes(size) >> 10;
	int err = machine_mkdir(run, "%s/hugepages-%llukB", dir, kb);

	for (unsigned i = 0; i < NR_WHAT && !err; i++) {
		struct machine_file file = file_of(size, node, i);

		if ((node == QUIRE_ALL_NODES || kinds[i].of_node) &&
		    (size == QUIRE_HUGE_1G || !kinds[i].of_large))
			err = machine_file(run, &file, "%s/hugepages-%llukB/%s", dir, kb,
					   kinds[i].name);
	}
	return err;
}

static int make_sizes(struct run *run, const char *dir, unsigned node)
{
	int err = machine_mkdir(run, "%s", dir);

	for (unsigned size = 0; size < QUIRE_NR_HUGE && !err; size++)
		err = make_size(run, dir, node, (enum quire_huge)size);
	return err;
}

static int make_node(struct run *run, unsigned node)
{
	char dir[64];
	int err = machine_mkdir(run, "node/node%u", node);

	snprintf(dir, sizeof(dir), "node/node%u/hugepages", node);
	return err ? err : make_sizes(run, dir, node);
}

static int make_sysctls(struct run *run)
{
	int err = machine_mkdir(run, "vm");

	for (unsigned i = NR; i <= OVERCOMMIT && !err; i++) {
		const struct machine_file file = {.tell = tell_sysctl,
						  .take = take_sysctl,
						  .mode = 0644,
						  .node = QUIRE_ALL_NODES,
						  .size = QUIRE_HUGE_2M,
						  .what = i};

		err = machine_file(run, &file, "vm/%s", kinds[i].name);
	}
	return err;
}

int machine_huge_make(struct run *run)
{
	int err = make_sizes(run, "hugepages", QUIRE_ALL_NODES);

	if (!err)
		err = machine_mkdir(run, "node");
	for (unsigned i = 0; i < quire_machine_nodes(run->machine) && !err; i++)
		err = make_node(run, i);
	return err ? err : make_sysctls(run);
}
