/* SPDX-License-Identifier: MIT */
/*
 * tenants.c: see tenants.h.
 */
#include "run/guest/tenants.h"

#include "run/base/run.h"
#include "run/guest/proc.h"
#include "run/guest/space.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static bool is_listed(const struct space *s, const struct tenant *v, unsigned n)
{
	while (n && v[n - 1].space != s)
		n--;
	return n;
}

unsigned tenants_list(struct run *run, struct tenant *v)
{
	unsigned n = 0;

	pthread_mutex_lock(&run->lock);
	for (struct proc *p = run->procs; p && n < MAX_TENANTS; p = p->next) {
		if (!p->space || is_listed(p->space, v, n))
			continue;
		v[n] = (struct tenant){proc_get(p), space_get(p->space), p->pid, ""};
		memcpy(v[n].comm, p->comm, sizeof(v[n].comm));
		n++;
	}
	pthread_mutex_unlock(&run->lock);
	return n;
}

void tenants_put(struct tenant *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		space_put(v[i].space);
		proc_put(v[i].proc);
	}
}
