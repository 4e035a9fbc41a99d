/* SPDX-License-Identifier: MIT */
/*
 * port.c: struct quire_port for actors.
 *
 * An actor's CPU is its own number; RCU callbacks run on one more.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static void *port_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return sched_alloc(bytes);
}

static void port_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	sched_free(p, bytes);
}

static unsigned port_cpu(void *ctx)
{
	(void)ctx;
	return S.cur ? self_index() : 0;
}

static void port_wait(void *ctx, const uint32_t *addr, uint32_t val)
{
	(void)ctx;
	sched_at(SCHED_LOAD, addr, 4);
	if (*addr == val)
		actor_block(BLOCK_WAIT, addr, RANK_NONE);
}

static unsigned waiters(const uint32_t *addr, struct sched_actor **v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SCHED_ALL; i++) {
		struct sched_actor *a = &S.actors[i];

		if (a->state == ACTOR_BLOCKED && a->why == BLOCK_WAIT && a->block_addr == addr)
			v[n++] = a;
	}
	return n;
}

/* Whom it wakes if there are more is a choice. */
static void port_wake(void *ctx, const uint32_t *addr, int count)
{
	struct sched_actor *v[SCHED_ALL];

	(void)ctx;
	sched_at(SCHED_STORE, addr, 4);
	for (unsigned n; count > 0 && (n = waiters(addr, v)); count--)
		actor_ready(v[(unsigned)count < n ? sched_choice(n) : 0]);
}

static void port_yield(void *ctx)
{
	(void)ctx;
	if (scheduling())
		actor_yield();
}

static void port_log(void *ctx, enum quire_log_level level, const char *line)
{
	(void)ctx;
	if (level == QUIRE_LOG_BUG)
		sched_fail("%s", line);
	STEP("logs: %s", line);
}

static _Noreturn void port_panic(void *ctx, const char *what)
{
	(void)ctx;
	sched_fail("broken invariant: %s", what);
}

void sched_port(struct quire_port *out)
{
	*out = (struct quire_port){
	    .size = sizeof(*out),
	    .alloc = port_alloc,
	    .free = port_free,
	    .rcu_read_lock = sched_rcu_read_lock,
	    .rcu_read_unlock = sched_rcu_read_unlock,
	    .call_rcu = sched_call_rcu,
	    .synchronize_rcu = sched_synchronize_rcu,
	    .rcu_barrier = sched_rcu_barrier,
	    .cpu = port_cpu,
	    .ncpus = SCHED_ALL,
	    .wait = port_wait,
	    .wake = port_wake,
	    .yield = port_yield,
	    .log = port_log,
	    .panic = port_panic,
	};
}

void sched_port_polled(struct quire_port *out)
{
	sched_port(out);
	out->rcu_now = sched_rcu_now;
	out->rcu_over = sched_rcu_over;
}

/* ---- telling ------------------------------------------------------------------- */

bool sched_telling;

void sched_tell(void (*line)(void *ctx, unsigned actor, const char *text), void *ctx, bool raw)
{
	S.tell = line;
	S.tell_ctx = ctx;
	S.tell_raw = line && raw;
	sched_telling = line != NULL;
}

/* A run that is told is the same run: the hooks pass over what the words are made of. */
void sched_aside(void)
{
	S.aside = S.cur;
	S.cur = NULL;
}

void sched_say(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (S.aside)
		S.cur = S.aside;
	S.aside = NULL;
	if (!S.tell || !S.cur)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	S.tell(S.tell_ctx, self_index(), text);
}

void tell_access(enum sched_op op, const volatile void *p)
{
	static const char *const verbs[] = {"reads", "writes", "changes"};

	if (in_arena(p))
		sched_say("%s +%#x%s (step %u)", verbs[op], arena_offset(p),
			  S.hot[arena_offset(p) >> 2] ? " *" : "", S.cur->points);
}
