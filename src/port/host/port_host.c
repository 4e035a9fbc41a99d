/* SPDX-License-Identifier: MIT */
/*
 * port_host.c: the port for real threads of an ordinary Linux process.
 *
 * Owns the registration of each thread and its slot, which is its "CPU": a number
 * that does not change while the thread lives, so guarantee C of port.h costs
 * nothing.  slot_lock guards slot_users; the rest is thread-local or constant
 * after once.
 */
#include "host.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIN_SLOTS 4

__thread struct host_thread host_self __attribute__((tls_model("initial-exec")));

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static unsigned nslots;
static pthread_mutex_t slot_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned slot_users[HOST_MAX_SLOTS];

/* The slot with the fewest threads, the lowest of them. */
static unsigned take_slot(void)
{
	unsigned best = 0;

	pthread_mutex_lock(&slot_lock);
	for (unsigned i = 1; i < nslots; i++) {
		if (slot_users[i] < slot_users[best])
			best = i;
	}
	slot_users[best]++;
	pthread_mutex_unlock(&slot_lock);
	return best;
}

/*
 * Runs as the thread ends.  A later destructor of the same thread may use the
 * port once more: that registers the thread again, and pthreads comes back here.
 */
static void thread_exit(void *arg)
{
	struct host_thread *t = arg;

	host_alloc_thread_exit();
	host_reader_exit(t);
	pthread_mutex_lock(&slot_lock);
	slot_users[t->slot]--;
	pthread_mutex_unlock(&slot_lock);
	t->registered = false;
}

static void init_process(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	long slots = online > 0 ? 2 * online : MIN_SLOTS;

	if (slots < MIN_SLOTS)
		slots = MIN_SLOTS;
	nslots = slots > HOST_MAX_SLOTS ? HOST_MAX_SLOTS : (unsigned)slots;
	if (pthread_key_create(&exit_key, thread_exit))
		host_panic(NULL, "no pthread key left");
	host_readers_init();
}

__attribute__((noinline)) void host_register_thread(void)
{
	pthread_once(&once, init_process);
	host_self.slot = take_slot();
	if (pthread_setspecific(exit_key, &host_self))
		host_panic(NULL, "no memory to register a thread");
	host_self.registered = true;
}

static unsigned host_cpu(void *ctx)
{
	(void)ctx;
	host_ensure_registered();
	return host_self.slot;
}

void host_wait(void *ctx, const uint32_t *addr, uint32_t val)
{
	(void)ctx;
	syscall(SYS_futex, addr, FUTEX_WAIT_PRIVATE, val, NULL, NULL, 0);
}

void host_wake(void *ctx, const uint32_t *addr, int count)
{
	(void)ctx;
	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static void host_yield(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void host_log(void *ctx, enum quire_log_level level, const char *line)
{
	static const char *const names[] = {"debug", "info", "warning", "BUG"};

	(void)ctx;
	fprintf(stderr, "quire: %s: %s\n", names[(unsigned)level & 3], line);
}

_Noreturn void host_panic(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "quire: panic: %s\n", what);
	abort();
}

void quire_port_host(struct quire_port *out)
{
	pthread_once(&once, init_process);
	*out = (struct quire_port){
	    .size = sizeof(*out),
	    .alloc = host_alloc,
	    .free = host_free,
	    .rcu_read_lock = host_rcu_read_lock,
	    .rcu_read_unlock = host_rcu_read_unlock,
	    .call_rcu = host_call_rcu,
	    .synchronize_rcu = host_synchronize_rcu,
	    .rcu_barrier = host_rcu_barrier,
	    .cpu = host_cpu,
	    .ncpus = nslots,
	    .wait = host_wait,
	    .wake = host_wake,
	    .yield = host_yield,
	    .log = host_log,
	    .panic = host_panic,
	    .rcu_now = host_rcu_now,
	    .rcu_over = host_rcu_over,
	};
}
