/* SPDX-License-Identifier: MIT */
/*
 * sys_getcpu.c: which node the processor is on: with --nodes, ours.
 */
#include "run/stub/base/probe.h"
#include "run/stub/base/stub.h"
#include "run/stub/mem/call.h"
#include "run/stub/mem/special.h"
#include "run/wire/nodes.h"
#include "run/wire/sys.h"

int64_t sys_getcpu(struct call *c)
{
	uint32_t nodes = INFO->nodes, cpu, node;
	int64_t err = nodes ? sys(__NR_getcpu, &cpu, NULL) : 0;

	if (!nodes)
		return call_native(c);
	if (err)
		return err;
	node = node_of_cpu(nodes, INFO->cpus, cpu);
	if (c->a[0])
		err = guest_write(c->a[0], &cpu, sizeof(cpu));
	if (c->a[1] && guest_write(c->a[1], &node, sizeof(node)))
		err = -EFAULT;
	return err;
}
