/* SPDX-License-Identifier: MIT */
/*
 * bare.c: a port of one's own, for one thread and no operating system: a unikernel, a simulator.
 *
 *	cc bare.c $(pkg-config --cflags --libs-only-L quire) -l:libquire.a -o bare && ./bare
 *
 * Nothing is asked of libc here but text for the demonstration; Quire itself wants memcpy, memset,
 * memmove and memcmp.  Linked statically, nothing of the host port comes along.
 */
#include <quire/abi.h>
#include <quire/quire.h>

#include <stdio.h>

#define HEAP_BYTES (4u << 20)
#define ORDERS 32

struct world {
	_Alignas(64) char heap[HEAP_BYTES];
	size_t used;
	void *freed[ORDERS]; /* blocks of 1 << order bytes; the first word leads to the next */
	struct quire_rcu_head *queue, **queue_end;
};

/* ---- metadata: powers of two, from lists of freed ones or the end of the heap --- */

static unsigned order_of(size_t bytes)
{
	unsigned order = 4; /* 16 bytes: guarantee A */

	while (((size_t)1 << order) < bytes)
		order++;
	return order;
}

static void *bare_alloc(void *ctx, size_t bytes)
{
	struct world *w = ctx;
	unsigned order = order_of(bytes);
	void **p = w->freed[order];

	if (p) {
		w->freed[order] = *p;
		return p;
	}
	if (HEAP_BYTES - w->used < (size_t)1 << order)
		return NULL;
	w->used += (size_t)1 << order;
	return w->heap + w->used - ((size_t)1 << order);
}

static void bare_free(void *ctx, void *p, size_t bytes)
{
	struct world *w = ctx;
	unsigned order = order_of(bytes);

	*(void **)p = w->freed[order];
	w->freed[order] = p;
}

/* ---- RCU: readers are calls in progress, so between two calls there are none ---- */

static void bare_nothing(void *ctx)
{
	(void)ctx;
}

static void bare_call_rcu(void *ctx, struct quire_rcu_head *head,
			  void (*func)(struct quire_rcu_head *head))
{
	struct world *w = ctx;

	head->func = func;
	head->next = NULL;
	*w->queue_end = head;
	w->queue_end = &head->next;
}

/* Also to be called now and then, between two calls of Quire: it frees memory. */
static void bare_rcu_barrier(void *ctx)
{
	struct world *w = ctx;

	while (w->queue) {
		struct quire_rcu_head *head = w->queue;

		w->queue = head->next;
		if (!w->queue)
			w->queue_end = &w->queue;
		head->func(head);
	}
}

/* ---- nobody else is there: no lock is ever held, nothing to wait for ------------ */

static unsigned bare_cpu(void *ctx)
{
	(void)ctx;
	return 0;
}

static void bare_wait(void *ctx, const uint32_t *addr, uint32_t val)
{
	(void)ctx;
	(void)addr;
	(void)val;
	__builtin_trap();
}

static void bare_wake(void *ctx, const uint32_t *addr, int count)
{
	(void)ctx;
	(void)addr;
	(void)count;
}

static struct quire_port bare_port(struct world *w)
{
	w->queue_end = &w->queue;
	return (struct quire_port){
	    .size = sizeof(struct quire_port),
	    .ctx = w,
	    .alloc = bare_alloc,
	    .free = bare_free,
	    .rcu_read_lock = bare_nothing,
	    .rcu_read_unlock = bare_nothing,
	    .call_rcu = bare_call_rcu,
	    .synchronize_rcu = bare_nothing,
	    .rcu_barrier = bare_rcu_barrier,
	    .cpu = bare_cpu,
	    .ncpus = 1,
	    .wait = bare_wait,
	    .wake = bare_wake,
	    .yield = bare_nothing,
	};
}

int main(void)
{
	static _Alignas(4096) char ram[1 << 20];
	static struct world world;
	struct quire_port port = bare_port(&world);
	struct quire_machine_options opts = {
	    .size = sizeof(opts), .ram_bytes = sizeof(ram), .ram = ram, .ram_is_zero = true};
	struct quire_machine *machine;
	struct quire_mm *mm, *child;
	uint64_t addr;
	char text[6] = "";
	unsigned wrong;

	if (quire_machine_create(&port, &opts, &machine) || quire_mm_create(machine, NULL, &mm))
		return 1;
	if (quire_mmap(mm, 0, 1 << 16, QPROT_READ | QPROT_WRITE, QMAP_PRIVATE | QMAP_ANONYMOUS,
		       NULL, 0, &addr))
		return 1;
	quire_write(mm, addr, "hello", 6);
	if (quire_mm_fork(mm, NULL, &child))
		return 1;
	quire_write(mm, addr, "HELLO", 6);
	quire_read(child, addr, text, 6);
	printf("the child reads \"%s\"\n", text);

	quire_mm_put(child);
	quire_mm_put(mm);
	wrong = quire_verify(machine, NULL, NULL);
	quire_machine_destroy(machine);
	printf("verify: %u violations\n", wrong);
	return wrong ? 1 : 0;
}
