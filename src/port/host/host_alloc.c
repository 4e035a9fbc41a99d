/* SPDX-License-Identifier: MIT */
/*
 * host_alloc.c: metadata memory, on top of malloc, and the largest pieces by mmap.
 *
 * The core's objects are made by one thread and freed, after a grace period, by
 * another, which is what malloc is slowest at: each free would take the maker's
 * arena lock.  So small objects travel in magazines of 32: a thread has two per
 * size, and trades full against empty ones with a depot, one lock per magazine.
 *
 * Owns the magazines.  A thread's two are its own; a depot's are guarded by its
 * lock.  An object in a magazine is free and was allocated with the size of its
 * class, so any of them can go back to malloc at any time.
 *
 *   1  A thread's `spare` is either full, empty or NULL; `loaded` is anything.
 *   2  A depot keeps DEPOT_BYTES in full magazines at most.
 *
 * With a sanitizer this is malloc and free, so that it sees each object's end.
 */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define CLASS_BYTES 64
#define CLASSES 16
#define MAGAZINE 32
#define DEPOT_BYTES (4u << 20)
#define SPARSE_BYTES (64u << 20) /* from here on by mmap */

static void *malloc_line(size_t bytes)
{
	void *p;

	return posix_memalign(&p, HOST_CACHE_LINE, bytes) ? NULL : p;
}

#ifdef HOST_SANITIZED

void *host_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return bytes < CLASS_BYTES ? malloc(bytes) : malloc_line(bytes);
}

void host_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

void host_alloc_thread_exit(void)
{
}

#else

struct magazine {
	struct magazine *next; /* in a depot */
	unsigned count;
	void *obj[MAGAZINE];
};

struct cache {
	struct magazine *loaded, *spare;
};

struct depot {
	_Alignas(HOST_CACHE_LINE) pthread_mutex_t lock;
	struct magazine *full, *empty;
	unsigned nr_full;
};

static __thread struct cache caches[CLASSES] __attribute__((tls_model("initial-exec")));
static struct depot depots[CLASSES] = {
    [0 ... CLASSES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};

static unsigned class_of(size_t bytes)
{
	return bytes ? (unsigned)((bytes - 1) / CLASS_BYTES) : 0;
}

static void swap(struct cache *c)
{
	struct magazine *m = c->loaded;

	c->loaded = c->spare;
	c->spare = m;
}

/* ---- depots ------------------------------------------------------------------ */

static struct magazine *pop(struct magazine **list)
{
	struct magazine *m = *list;

	if (m)
		*list = m->next;
	return m;
}

static void push(struct magazine **list, struct magazine *m)
{
	m->next = *list;
	*list = m;
}

static void destroy(struct magazine *m)
{
	while (m->count)
		free(m->obj[--m->count]);
	free(m);
}

/* A full magazine for an empty one (or for NULL); the empty one back if there is none. */
static struct magazine *trade_for_full(struct depot *d, struct magazine *empty)
{
	struct magazine *full;

	pthread_mutex_lock(&d->lock);
	full = pop(&d->full);
	if (full) {
		d->nr_full--;
		if (empty)
			push(&d->empty, empty);
	}
	pthread_mutex_unlock(&d->lock);
	return full ? full : empty;
}

/* An empty magazine for a full one (or for NULL); NULL: no memory for one. */
static struct magazine *trade_for_empty(struct depot *d, unsigned class, struct magazine *full)
{
	struct magazine *empty;
	bool keep = false;

	pthread_mutex_lock(&d->lock);
	empty = pop(&d->empty);
	if (full && (size_t)d->nr_full * MAGAZINE * CLASS_BYTES * (class + 1) < DEPOT_BYTES) {
		push(&d->full, full);
		d->nr_full++;
		keep = true;
	}
	pthread_mutex_unlock(&d->lock);
	if (full && !keep)
		destroy(full);
	return empty ? empty : calloc(1, sizeof(*empty));
}

/* ---- allocation -------------------------------------------------------------- */

/*
 * The metadata of a large machine, and its RAM: most of it is never touched, so the host shall not
 * ask itself whether it could give all of it.
 */
static void *sparse_alloc(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *large_alloc(size_t bytes)
{
	return bytes < SPARSE_BYTES ? malloc_line(bytes) : sparse_alloc(bytes);
}

static void large_free(void *p, size_t bytes)
{
	if (bytes < SPARSE_BYTES)
		free(p);
	else if (p)
		munmap(p, bytes);
}

static __attribute__((noinline)) void *alloc_slow(unsigned class)
{
	struct cache *c = &caches[class];

	host_ensure_registered();
	swap(c);
	if (!c->loaded || !c->loaded->count)
		c->loaded = trade_for_full(&depots[class], c->loaded);
	if (c->loaded && c->loaded->count)
		return c->loaded->obj[--c->loaded->count];
	return malloc_line((class + 1) * CLASS_BYTES);
}

void *host_alloc(void *ctx, size_t bytes)
{
	unsigned class = class_of(bytes);
	struct magazine *m;

	(void)ctx;
	if (class >= CLASSES)
		return large_alloc(bytes);
	m = caches[class].loaded;
	if (__builtin_expect(m && m->count, 1))
		return m->obj[--m->count];
	return alloc_slow(class);
}

static __attribute__((noinline)) void free_slow(unsigned class, void *p)
{
	struct cache *c = &caches[class];

	host_ensure_registered();
	swap(c);
	if (!c->loaded || c->loaded->count)
		c->loaded = trade_for_empty(&depots[class], class, c->loaded);
	if (c->loaded)
		c->loaded->obj[c->loaded->count++] = p;
	else
		free(p);
}

void host_free(void *ctx, void *p, size_t bytes)
{
	unsigned class = class_of(bytes);
	struct magazine *m;

	(void)ctx;
	if (class >= CLASSES || !p) {
		large_free(p, bytes);
		return;
	}
	m = caches[class].loaded;
	if (__builtin_expect(m && m->count < MAGAZINE, 1))
		m->obj[m->count++] = p;
	else
		free_slow(class, p);
}

void host_alloc_thread_exit(void)
{
	for (unsigned class = 0; class < CLASSES; class ++) {
		struct cache *c = &caches[class];

		if (c->loaded)
			destroy(c->loaded);
		if (c->spare)
			destroy(c->spare);
		*c = (struct cache){NULL, NULL};
	}
}

#endif
