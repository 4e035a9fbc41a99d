/* SPDX-License-Identifier: MIT */
/*
 * process_vm.c: process_vm_readv and process_vm_writev between guests.
 *
 * Both address spaces are the core's, so it is two copies through a buffer.  What is copied before
 * the first bad address counts, as on the host.  The caller's own side may grow its stack, as a
 * buffer of read(2) may; the other side may not, also when it is the caller's again.
 */
#include "quire/quire.h"
#include "run/call/memsys.h"
#include "run/file/guest_mem.h"
#include "run/guest/creds.h"
#include "run/guest/proc.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/uio.h>

#define BUF_BYTES 65536u

/* A list of ranges in a guest's memory, walked. */
struct walk {
	struct iovec *iov;
	uint64_t n, i, off;
};

static int64_t read_iov(struct request *q, uint64_t addr, uint64_t n, struct walk *out)
{
	uint64_t bytes = n * sizeof(struct iovec), total = 0;

	*out = (struct walk){.n = n};
	if (n > IOV_MAX)
		return -EINVAL;
	if (!n)
		return 0;
	out->iov = malloc(bytes);
	if (!out->iov)
		return -ENOMEM;
	if (guest_read(q->space, addr, out->iov, bytes) != (int64_t)bytes)
		return -EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		total += out->iov[i].iov_len;
		if (out->iov[i].iov_len > INT64_MAX || total > INT64_MAX)
			return -EINVAL;
	}
	return 0;
}

/* The next piece: its address, and in *len at most *len bytes.  False: the end. */
static bool piece(struct walk *w, uint64_t *addr, uint64_t *len)
{
	while (w->i < w->n && w->off == w->iov[w->i].iov_len) {
		w->i++;
		w->off = 0;
	}
	if (w->i == w->n)
		return false;
	*addr = (uint64_t)w->iov[w->i].iov_base + w->off;
	if (*len > w->iov[w->i].iov_len - w->off)
		*len = w->iov[w->i].iov_len - w->off;
	return true;
}

/* The two sides of a transfer. */
struct sides {
	struct space *mine, *other;
	pid_t pid; /* of the other; 0: me again */
	bool write;
};

static int64_t get_bytes(const struct sides *w, uint64_t addr, void *buf, uint64_t n)
{
	return w->write ? guest_read(w->mine, addr, buf, n)
			: guest_remote_read(w->other, w->pid, addr, buf, n);
}

static int64_t put_bytes(const struct sides *w, uint64_t addr, const void *buf, uint64_t n)
{
	return w->write ? guest_remote_write(w->other, w->pid, addr, buf, n)
			: guest_write(w->mine, addr, buf, n);
}

static int64_t copy(const struct sides *w, struct walk *src, struct walk *dst)
{
	char *buf = malloc(BUF_BYTES);
	int64_t done = 0;
	uint64_t s, d, n;

	if (!buf)
		return -ENOMEM;
	for (;;) {
		int64_t got, put;

		n = BUF_BYTES;
		if (!piece(src, &s, &n) || !piece(dst, &d, &n))
			break;
		got = get_bytes(w, s, buf, n);
		put = got > 0 ? put_bytes(w, d, buf, (uint64_t)got) : -EFAULT;
		if (put > 0) {
			done += put;
			src->off += (uint64_t)put;
			dst->off += (uint64_t)put;
		}
		if (put != (int64_t)n) {
			done = done ? done : -EFAULT;
			break;
		}
	}
	free(buf);
	return done;
}

static int64_t transfer(struct request *q, struct space *other, pid_t pid, bool write)
{
	struct sides w = {q->space, other, other == q->space ? 0 : pid, write};
	struct walk local, remote;
	int64_t err = read_iov(q, q->a[2], q->a[3], &local), err2;

	err2 = read_iov(q, q->a[4], q->a[5], &remote);
	if (!err)
		err = err2;
	if (!err && write)
		err = copy(&w, &local, &remote);
	else if (!err)
		err = copy(&w, &remote, &local);
	free(local.iov);
	free(remote.iov);
	return err;
}

static int64_t process_vm(struct request *q, bool write)
{
	struct space *other;
	struct proc *p;
	int64_t ret;

	if (q->a[6])
		return -EINVAL;
	ret = caller_find(q, (pid_t)q->a[1], &p, &other);
	if (ret)
		return ret;
	ret = transfer(q, other, p->pid, write);
	proc_put(p);
	space_put(other);
	return ret;
}

int64_t sys_process_vm_readv(struct request *q)
{
	return process_vm(q, false);
}

int64_t sys_process_vm_writev(struct request *q)
{
	return process_vm(q, true);
}
