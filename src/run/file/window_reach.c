/* SPDX-License-Identifier: MIT */
/*
 * window_reach.c: the content of a window, read and written through a guest that has it.
 *
 * The host's process_vm_readv and process_vm_writev do it at once, where they may: a load or a
 * store as the guest's own, that fails beyond the end of the file, and makes no file longer.  Where
 * the host forbids that (a guest that is not dumpable, an orphan under yama, a container), and
 * where a window has no such right, the stub does it, if the guest is the one that has asked and
 * waits.  Another guest than that is only reached where the host allows it.
 *
 * Owns `remote`, each thread its own.
 */
#include "run/file/window_reach.h"

#include "quire/quire.h"
#include "run/file/window.h"
#include "run/guest/proc.h"
#include "run/link/channel.h"
#include "run/wire/addresses.h"
#include "run/wire/page.h"
#include "run/wire/proto.h"
#include "run/wire/requests.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

/* The process through which windows are reached; 0: that of the slot, whose stub waits. */
static __thread pid_t remote;

void window_reach(pid_t pid)
{
	remote = pid;
}

static pid_t reached(void)
{
	if (remote)
		return remote;
	return current_slot ? current_slot->proc->pid : 0;
}

typedef ssize_t (*transfer_fn)(pid_t pid, const struct iovec *local, unsigned long nlocal,
			       const struct iovec *other, unsigned long nother,
			       unsigned long flags);

/* 0, -EFAULT (no such page, or no right), -EPERM: not this way. */
static int transfer(transfer_fn fn, void *mem, uint64_t addr, uint64_t n)
{
	struct iovec local = {mem, n}, other = {(void *)addr, n};
	pid_t pid = addr < WINDOWS_END ? reached() : 0;
	ssize_t r = pid ? fn(pid, &local, 1, &other, 1, 0) : -1;

	if (r == (ssize_t)n)
		return 0;
	return pid && errno == EFAULT ? -EFAULT : -EPERM;
}

/* By the stub: it knows how to get at what lies far from the window. */
static int ask(const struct window *w, enum window_op op, uint64_t off, void *mem, uint64_t n)
{
	uint64_t addr = window_addr(w, off / PAGE);
	bool far = addr >= WINDOWS_END;
	uint64_t where[4] = {(far ? w->addr : addr) + off % PAGE, n, far, off / PAGE - w->first};

	if (remote || !current_slot)
		return -EIO;
	return channel_window(current_slot, op, where, mem, n);
}

int window_load(const struct window *w, uint64_t pgoff, void *mem)
{
	uint64_t addr = window_addr(w, pgoff);
	int err = addr ? transfer(process_vm_readv, mem, addr, PAGE) : -EFAULT;

	return err == -EPERM ? ask(w, WINDOW_LOAD, pgoff * PAGE, mem, PAGE) : err;
}

bool window_has(const struct window *w, uint64_t pgoff)
{
	uint64_t addr = window_addr(w, pgoff);
	char page[PAGE];
	int err = addr ? transfer(process_vm_readv, page, addr, 1) : -EFAULT;

	return !(err == -EPERM ? ask(w, WINDOW_LOAD, pgoff * PAGE, page, PAGE) : err);
}

int window_store(const struct window *w, uint64_t off, const void *mem, uint64_t n)
{
	uint64_t addr = window_addr(w, off / PAGE) + off % PAGE;
	void *from = (void *)(uintptr_t)mem; /* only read */
	int err;

	if (addr < PAGE)
		return -EFAULT;
	err = transfer(process_vm_writev, from, addr, n);
	return err && !remote ? ask(w, WINDOW_STORE, off, from, n) : err;
}

/* What can be had by one request from `off` on: all of the window's own, or a piece of the rest. */
static uint64_t piece(const struct window *w, uint64_t off, uint64_t n)
{
	uint64_t addr = window_addr(w, off / PAGE);
	uint64_t most = addr < WINDOWS_END ? w->addr + w->bytes - addr : FAR_PIECE;

	if (!addr)
		return 0;
	return n < most ? n : most;
}

int window_command(const struct window *w, enum window_op op, uint64_t off, uint64_t n)
{
	int err = 0;

	while (n && !err) {
		uint64_t k = piece(w, off, n);

		err = k ? ask(w, op, off, NULL, k) : -EINVAL;
		off += k;
		n -= k;
	}
	return err;
}
