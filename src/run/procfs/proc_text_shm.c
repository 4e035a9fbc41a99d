/* SPDX-License-Identifier: MIT */
/*
 * proc_text_shm.c: /proc/sysvipc/shm: the segments of the run.
 */
#include "quire/quire.h"
#include "run/base/run.h"
#include "run/call/shm.h"
#include "run/procfs/proc_text.h"

static void print_segment(struct text *t, struct run *run, const struct segment *g)
{
	text_printf(t, "%10d %10d  %4o %21lu %5d %5d  %5u ", g->key, shm_id(g), shm_mode(g),
		    (unsigned long)g->bytes, (int)g->cpid, (int)g->lpid, shm_attached(run, g));
	text_printf(t, "%5u %5u %5u %5u ", g->uid, g->gid, g->cuid, g->cgid);
	text_printf(t, "%10ld %10ld %10ld ", (long)g->atime, (long)g->dtime, (long)g->ctime);
	text_printf(t, "%21lu %21u\n", (unsigned long)quire_file_resident(g->file), 0u);
}

void proc_text_shm(struct text *t, struct run *run)
{
	struct segments *s = run->segments;

	text_str(t,
		 "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
		 "  cuid  cgid      atime      dtime      ctime                   rss"
		 "                  swap\n");
	shm_sweep(run);
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->top; i++) {
		if (s->v[i].file)
			print_segment(t, run, &s->v[i]);
	}
	pthread_mutex_unlock(&s->lock);
}
