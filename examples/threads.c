/* SPDX-License-Identifier: MIT */
/*
 * threads.c: a port of one's own, for threads: POSIX threads and the atomics of C11.
 *
 *	cc threads.c $(pkg-config --cflags --libs-only-L quire) -l:libquire.a -pthread -o threads
 *	./threads
 *
 * It is the least that does.  Two counters for RCU and one lock for all that sleep are easy to
 * believe, and slow where many threads meet: quire_port_host() is the fast one.
 *
 * Four threads add to numbers of their own in pages that they share: anonymous ones, and those of a
 * file, which each thread maps anew every time.  Meanwhile main forks the address space, again and
 * again.  No addition is lost.
 */
#include <quire/abi.h>
#include <quire/quire.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define ROUNDS 1000
#define PAGES 8
#define BYTES (PAGES * QUIRE_PAGE_SIZE)

/*
 * Readers count themselves in one of two counters.  A thread that waits for readers makes the other
 * one current, and waits until the old one is zero.  It does so twice, to have seen both at zero.
 */
static atomic_uint readers[2], current;
static pthread_mutex_t waits_for_readers = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local unsigned depth, counted_in;

static void own_rcu_read_lock(void *ctx)
{
	(void)ctx;
	if (depth++)
		return;
	counted_in = atomic_load(&current) & 1;
	atomic_fetch_add(&readers[counted_in], 1);
	atomic_thread_fence(memory_order_seq_cst); /* counted first, then the reader reads */
}

static void own_rcu_read_unlock(void *ctx)
{
	(void)ctx;
	if (!--depth)
		atomic_fetch_sub(&readers[counted_in], 1);
}

static void own_synchronize_rcu(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&waits_for_readers);
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < 2; i++) {
		unsigned old = atomic_fetch_xor(&current, 1) & 1;

		while (atomic_load(&readers[old]))
			sched_yield();
	}
	pthread_mutex_unlock(&waits_for_readers);
}

/* What waits for readers.  `running` is held while it is run: rcu_barrier waits for others' too. */
static _Atomic(struct quire_rcu_head *) queue;
static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER;

static void own_call_rcu(void *ctx, struct quire_rcu_head *head,
			 void (*func)(struct quire_rcu_head *head))
{
	struct quire_rcu_head *next = atomic_load(&queue);

	(void)ctx;
	head->func = func;
	do
		head->next = next;
	while (!atomic_compare_exchange_weak(&queue, &next, head));
}

/* Also to be called now and then, outside of calls of Quire: it frees memory. */
static void own_rcu_barrier(void *ctx)
{
	struct quire_rcu_head *head, *next;

	pthread_mutex_lock(&running);
	while ((head = atomic_exchange(&queue, NULL))) {
		own_synchronize_rcu(ctx);
		for (; head; head = next) {
			next = head->next;
			head->func(head);
		}
	}
	pthread_mutex_unlock(&running);
}

/* ---- sleeping: a thread that is woken looks whether the wake was meant for it ------ */

static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t awake = PTHREAD_COND_INITIALIZER;

static void own_wait(void *ctx, const uint32_t *addr, uint32_t val)
{
	(void)ctx;
	pthread_mutex_lock(&sleep_lock);
	if (__atomic_load_n(addr, __ATOMIC_SEQ_CST) == val)
		pthread_cond_wait(&awake, &sleep_lock);
	pthread_mutex_unlock(&sleep_lock);
}

static void own_wake(void *ctx, const uint32_t *addr, int count)
{
	(void)ctx;
	(void)addr;
	(void)count;
	pthread_mutex_lock(&sleep_lock);
	pthread_cond_broadcast(&awake);
	pthread_mutex_unlock(&sleep_lock);
}

/* ---- the rest --------------------------------------------------------------------- */

static _Thread_local unsigned self; /* threads 1 to THREADS; main has 0 */

static unsigned own_cpu(void *ctx)
{
	(void)ctx;
	return self;
}

static void *own_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return malloc(bytes);
}

static void own_free(void *ctx, void *p, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(p);
}

static void own_yield(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static const struct quire_port own_port = {
    .size = sizeof(struct quire_port),
    .alloc = own_alloc,
    .free = own_free,
    .rcu_read_lock = own_rcu_read_lock,
    .rcu_read_unlock = own_rcu_read_unlock,
    .call_rcu = own_call_rcu,
    .synchronize_rcu = own_synchronize_rcu,
    .rcu_barrier = own_rcu_barrier,
    .cpu = own_cpu,
    .ncpus = THREADS + 1,
    .wait = own_wait,
    .wake = own_wake,
    .yield = own_yield,
};

/* ---- what it is for ---------------------------------------------------------------- */

static struct quire_mm *mm;
static struct quire_file *file; /* of PAGES pages, in memory */
static uint64_t own;            /* address of as many anonymous pages */
static atomic_uint at_work;     /* threads */

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: error %d\n", what, -err);
	exit(1);
}

static uint64_t map(int flags, struct quire_file *f)
{
	uint64_t addr;

	must(quire_mmap(mm, 0, BYTES, QPROT_READ | QPROT_WRITE, flags, f, 0, &addr), "mmap");
	return addr;
}

/* Thread n has the nth number of each page. */
static uint64_t number_at(uint64_t area, unsigned page, unsigned thread)
{
	return area + page * QUIRE_PAGE_SIZE + thread * sizeof(uint64_t);
}

static uint64_t get(uint64_t addr)
{
	uint64_t n = 0;

	if (quire_read(mm, addr, &n, sizeof(n)) != sizeof(n))
		must(-1, "read");
	return n;
}

static void add_one(uint64_t addr)
{
	uint64_t n = get(addr) + 1;

	if (quire_write(mm, addr, &n, sizeof(n)) != sizeof(n))
		must(-1, "write");
}

static void add_to_all(uint64_t area)
{
	for (unsigned page = 0; page < PAGES; page++)
		add_one(number_at(area, page, self));
}

static void *thread(void *arg)
{
	self = (unsigned)(uintptr_t)arg;
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t area = map(QMAP_SHARED, file);

		add_to_all(own);
		add_to_all(area);
		must(quire_munmap(mm, area, BYTES), "munmap");
	}
	atomic_fetch_sub(&at_work, 1);
	return NULL;
}

static void fork_and_exit(void)
{
	struct quire_mm *child;

	must(quire_mm_fork(mm, NULL, &child), "fork");
	quire_mm_put(child);
	own_rcu_barrier(NULL);
}

/* Threads add, while this one forks. */
static void run_threads(void)
{
	pthread_t threads[THREADS];

	atomic_store(&at_work, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		must(-pthread_create(&threads[i], NULL, thread, (void *)(i + 1)), "thread");
	do
		fork_and_exit();
	while (atomic_load(&at_work));
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* How many numbers are not what was added. */
static unsigned count_wrong(uint64_t area)
{
	unsigned wrong = 0;

	for (unsigned page = 0; page < PAGES; page++)
		for (unsigned i = 1; i <= THREADS; i++)
			wrong += get(number_at(area, page, i)) != ROUNDS;
	return wrong;
}

int main(void)
{
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = 8 << 20};
	struct quire_file_options in_memory = {
	    .size = sizeof(in_memory), .kind = QUIRE_FILE_SHMEM, .bytes = BYTES, .writable = true};
	struct quire_machine *machine;
	unsigned lost, wrong;

	must(quire_machine_create(&own_port, &opts, &machine), "machine");
	must(quire_mm_create(machine, NULL, &mm), "mm");
	must(quire_file_create(machine, &in_memory, &file), "file");
	own = map(QMAP_PRIVATE | QMAP_ANONYMOUS, NULL);

	run_threads();
	lost = count_wrong(own) + count_wrong(map(QMAP_SHARED, file));
	printf("%u threads, %u rounds: %u numbers are wrong\n", THREADS, ROUNDS, lost);

	quire_mm_put(mm);
	quire_file_put(file);
	wrong = quire_verify(machine, NULL, NULL);
	quire_machine_destroy(machine);
	printf("verify: %u violations\n", wrong);
	return lost || wrong ? 1 : 0;
}
