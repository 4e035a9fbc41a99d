/* SPDX-License-Identifier: MIT */
/*
 * node_tree.h: the directory that tells of the machine's nodes in the place of /sys (node_tree.c).
 */
#ifndef RUN_NODE_TREE_H
#define RUN_NODE_TREE_H

#include "run/base/run.h"
#include "run/wire/requests.h"

#include <stdio.h>

/* With --nodes, once there is a machine.  0 or -errno. */
int node_tree_create(struct run *run);
void node_tree_destroy(struct run *run);
/* What the file tells is put there as it is now.  0 or -errno. */
int node_tree_tell(struct run *run, unsigned node, enum run_node_file which);
/* node_text.c: the text itself. */
void node_text(FILE *f, struct run *run, unsigned node, enum run_node_file which);
/* Of weighted interleaving; 0: it is about to be opened for writing.  0, -EINVAL. */
int node_tree_set_weight(struct run *run, unsigned node, uint64_t weight);

#endif
