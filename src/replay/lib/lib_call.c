/* SPDX-License-Identifier: MIT */
/*
 * lib_call.c: the steps, as calls of the library.
 */
#include "replay/lib/lib.h"

#include <errno.h>
#include <quire/abi.h>
#include <signal.h>
#include <string.h>

static int64_t address(int err, uint64_t addr)
{
	return err ? err : (int64_t)addr;
}

static int64_t call_map(struct lib *l)
{
	struct quire_file *file = l->step->target < 0 ? NULL : l->files[l->step->target].file;
	int flags = (int)l->step->words[1] | (l->step->target < 0 ? QMAP_ANONYMOUS : 0);
	uint64_t at = 0;
	int err;

	/* It could not be made. */
	if (l->step->target >= 0 && !file)
		return -EBADF;
	/* A file offset in bytes is the system call's, which knows no half pages. */
	if (l->a[2] % REPLAY_PAGE)
		return -EINVAL;
	err =
	    quire_mmap(l->mm, l->a[0], l->a[1], (int)l->step->words[0], flags, file, l->a[2], &at);
	return address(err, at);
}

static int64_t call_remap(struct lib *l)
{
	uint64_t at = 0;
	int err =
	    quire_mremap(l->mm, l->a[0], l->a[1], l->a[2], (int)l->step->words[0], l->a[3], &at);

	return address(err, at);
}

static int64_t call_mincore(struct lib *l)
{
	static uint8_t vec[HUGE_PAGES * (REPLAY_HUGE / REPLAY_PAGE) + 1];
	int64_t err;

	if (l->a[1] / REPLAY_PAGE >= sizeof(vec) && l->a[1] < 1ull << 46)
		return -E2BIG;
	err = quire_mincore(l->mm, l->a[0], l->a[1], vec);
	for (uint64_t i = 0; !err && i < (l->a[1] + REPLAY_PAGE - 1) / REPLAY_PAGE; i++)
		result_byte(l->result, vec[i] & 1);
	return err;
}

/* ---- accesses ---------------------------------------------------------------- */

static bool refused(struct lib *l, const struct quire_fault *f)
{
	if (f->result == QUIRE_FAULT_OK)
		return false;
	l->result->outcome = OUTCOME_SIGNAL;
	l->result->signal = f->result == QUIRE_FAULT_BUS ? SIGBUS : SIGSEGV;
	l->result->code = (uint16_t)f->si_code;
	l->result->addr = f->addr;
	return true;
}

/* A piece of at most a page.  False: the access is refused. */
static bool access_piece(struct lib *l, uint64_t addr, uint64_t n, bool store)
{
	struct quire_fault f;
	uint8_t *mem = lib_translate(l, addr, store ? QUIRE_WRITE : QUIRE_READ, &f);

	if (refused(l, &f))
		return false;
	if (store)
		memset(mem, (int)l->a[2], n);
	for (uint64_t i = 0; !store && i < n; i++)
		result_byte(l->result, mem[i]);
	return true;
}

/* One byte of each page. */
static int64_t fill_pages(struct lib *l)
{
	uint64_t done = 0;

	while (done < l->a[1] && access_piece(l, l->a[0] + done, 1, true))
		done += REPLAY_PAGE;
	return (int64_t)done;
}

static int64_t access_memory(struct lib *l, bool store)
{
	uint64_t done = 0;

	while (done < l->a[1]) {
		uint64_t addr = l->a[0] + done, n = REPLAY_PAGE - addr % REPLAY_PAGE;

		if (n > l->a[1] - done)
			n = l->a[1] - done;
		if (!access_piece(l, addr, n, store))
			break;
		done += n;
	}
	return (int64_t)done;
}

static uint16_t page_sum(struct lib *l, uint64_t addr)
{
	struct quire_fault f;
	const uint8_t *mem = lib_translate(l, addr, QUIRE_READ, &f);
	uint64_t sum = 0;

	if (!mem)
		return f.result == QUIRE_FAULT_BUS ? CONTENT_BUS : CONTENT_SEGV;
	for (unsigned i = 0; i < REPLAY_PAGE; i++)
		sum = sum_byte(sum, mem[i]);
	return content_of_sum(sum);
}

/* Of a huge page the last small one. */
static int64_t call_contents(struct lib *l)
{
	struct quire_vma_info v = {0};

	for (unsigned cell = 0; cell < NR_CELLS; cell++) {
		uint64_t addr = cell_address(cell);

		if (addr >= v.end && quire_vma_next(l->mm, addr, &v))
			break;
		if (addr >= v.start)
			l->result->contents[cell] = page_sum(l, cell_last_page(cell));
	}
	return 0;
}

/* ---- processes --------------------------------------------------------------- */

static bool hold_page(struct lib *l, struct quire_mm *there, uint64_t addr, bool store)
{
	struct quire_pin pin = {0};

	if (quire_pin(there, addr, store ? QUIRE_WRITE : QUIRE_READ, &pin))
		return false;
	quire_unpin(l->machine, &pin);
	return true;
}

/*
 * The other's pages are held first, all that can be, and then it is copied until a page of the
 * caller's is refused: so a page there may have been faulted in for nothing.
 */
static uint64_t hold_there(struct lib *l, bool store)
{
	struct quire_mm *there = l->mms[l->step->target];
	uint64_t done = 0, len = l->a[2];

	while (done < len && hold_page(l, there, l->a[0] + done, store))
		done += REPLAY_PAGE - (l->a[0] + done) % REPLAY_PAGE;
	return done < len ? done : len;
}

/* The caller's own memory is reached as a processor does, the other's by its mappings' rights. */
static bool copy_piece(struct lib *l, uint64_t far, uint64_t near, uint64_t n, bool store)
{
	struct quire_mm *there = l->mms[l->step->target];
	struct quire_fault f;
	uint8_t *mem = lib_translate(l, near, store ? QUIRE_READ : QUIRE_WRITE, &f);

	if (!mem)
		return false;
	if (store)
		return quire_remote_write(there, far, mem, n) == (int64_t)n;
	return quire_remote_read(there, far, mem, n) == (int64_t)n;
}

static int64_t copy_across(struct lib *l, bool store)
{
	uint64_t done = 0, len = hold_there(l, store);

	while (done < len) {
		uint64_t far = l->a[0] + done, near = l->a[1] + done;
		uint64_t n = REPLAY_PAGE - far % REPLAY_PAGE, m = REPLAY_PAGE - near % REPLAY_PAGE;

		n = n < m ? n : m;
		n = n < len - done ? n : len - done;
		if (!copy_piece(l, far, near, n, store))
			break;
		done += n;
	}
	if (done && done == len && len < l->a[2]) /* what was refused is tried once more */
		hold_page(l, l->mms[l->step->target], l->a[0] + done, store);
	return done || !l->a[2] ? (int64_t)done : -EFAULT;
}

static int64_t call_limit(struct lib *l)
{
	static const enum quire_rlimit which[NR_LIMITS] = {
	    [LIMIT_AS] = QUIRE_RLIMIT_AS,
	    [LIMIT_DATA] = QUIRE_RLIMIT_DATA,
	    [LIMIT_MEMLOCK] = QUIRE_RLIMIT_MEMLOCK,
	    [LIMIT_STACK] = QUIRE_RLIMIT_STACK,
	};

	quire_mm_set_rlimit(l->mm, which[l->step->words[0] % NR_LIMITS], l->a[0]);
	return 0;
}

static int64_t call_status(struct lib *l)
{
	int64_t kb[NR_STATUS];

	lib_status(l->mm, kb);
	return kb[l->step->words[0] % NR_STATUS];
}

static int64_t call_usage(struct lib *l)
{
	struct view v;

	lib_view(l, l->mm, &v);
	return view_usage(&v, l->a[0], l->step->words[0]);
}

/* What the program itself has read or written by the kernel. */
static int64_t copy_own(struct lib *l, bool store)
{
	static uint8_t buf[MAX_COPY];
	int64_t n;

	if (l->a[1] > sizeof(buf))
		return -E2BIG;
	memset(buf, (int)l->a[2], l->a[1]);
	n = store ? quire_write(l->mm, l->a[0], buf, l->a[1])
		  : quire_read(l->mm, l->a[0], buf, l->a[1]);
	for (int64_t i = 0; !store && i < n; i++)
		result_byte(l->result, buf[i]);
	return n;
}

/* Stores by /proc/self/mem are others' where they need no force. */
static int64_t call_poke(struct lib *l)
{
	static uint8_t buf[MAX_COPY];
	int64_t n;

	if (l->a[1] > sizeof(buf))
		return -E2BIG;
	memset(buf, (int)l->a[2], l->a[1]);
	n = quire_remote_write(l->mm, l->a[0], buf, l->a[1]);
	for (int64_t done = 0; done < n; done += (int64_t)REPLAY_PAGE)
		hold_page(l, l->mm, l->a[0] + (uint64_t)done, true);
	return n == -EFAULT ? -EIO : n;
}

static bool needs_force(struct lib *l)
{
	uint64_t end = l->a[0] + l->a[1];
	struct quire_vma_info v;

	for (uint64_t at = l->a[0]; at < end && !quire_vma_next(l->mm, at, &v) && v.start < end;
	     at = v.end)
		if (!(v.prot & QPROT_WRITE))
			return true;
	return false;
}

/* Of nodes, and of files. */
static int64_t call_other(struct lib *l)
{
	switch (l->step->verb) {
	case VERB_MBIND:
		return lib_mbind(l);
	case VERB_SET_MEMPOLICY:
		return lib_set_mempolicy(l);
	case VERB_GET_MEMPOLICY:
		return lib_get_mempolicy(l);
	case VERB_HOME_NODE:
		return lib_home_node(l);
	case VERB_MOVE_PAGES:
		return lib_move_pages(l);
	case VERB_MIGRATE_PAGES:
		return lib_migrate_pages(l);
	case VERB_POOL:
	case VERB_OVERCOMMIT:
	case VERB_DEMOTE:
	case VERB_COUNTERS:
		return lib_pool_call(l);
	case VERB_MOUNT:
		return lib_mount(l);
	case VERB_GET:
		return copy_own(l, false);
	case VERB_PUT:
		return copy_own(l, true);
	case VERB_POKE:
		return call_poke(l);
	default:
		return lib_file_call(l);
	}
}

/* What is no part of the library. */
static bool is_absent(struct lib *l)
{
	switch (l->step->verb) {
	case VERB_SHM:
	case VERB_ATTACH:
	case VERB_DETACH:
	case VERB_REMOVE:
	case VERB_SEAL:
	case VERB_POOL_TEXT:
		return true;
	case VERB_POKE:
		return needs_force(l);
	case VERB_FALLOCATE:
	case VERB_STATFS:
		return !lib_is_huge_file(l);
	default:
		return false;
	}
}

int64_t lib_call(struct lib *l)
{
	struct quire_mm *mm = l->mm;
	const uint64_t *a = l->a;
	int word = (int)l->step->words[0];

	if (is_absent(l)) {
		l->result->outcome = OUTCOME_ABSENT;
		return -ENOSYS;
	}
	switch (l->step->verb) {
	case VERB_MAP:
		return call_map(l);
	case VERB_UNMAP:
		return quire_munmap(mm, a[0], a[1]);
	case VERB_PROTECT:
		return quire_mprotect(mm, a[0], a[1], word);
	case VERB_ADVISE:
		return quire_madvise(mm, a[0], a[1], word);
	case VERB_REMAP:
		return call_remap(l);
	case VERB_LOCK:
		return quire_mlock(mm, a[0], a[1], word);
	case VERB_UNLOCK:
		return quire_munlock(mm, a[0], a[1]);
	case VERB_LOCKALL:
		return quire_mlockall(mm, word);
	case VERB_UNLOCKALL:
		return quire_munlockall(mm);
	case VERB_BRK:
		return (int64_t)quire_brk(mm, a[0]);
	case VERB_MINCORE:
		return call_mincore(l);
	case VERB_MSYNC:
		return quire_msync(mm, a[0], a[1], word);
	case VERB_READ:
		return access_memory(l, false);
	case VERB_WRITE:
		return access_memory(l, true);
	case VERB_FILL:
		return fill_pages(l);
	case VERB_FILE:
		return lib_file_create(l);
	case VERB_VMREAD:
		return copy_across(l, false);
	case VERB_VMWRITE:
		return copy_across(l, true);
	case VERB_LIMIT:
		return call_limit(l);
	case VERB_STATUS:
		return call_status(l);
	case VERB_USAGE:
		return call_usage(l);
	case VERB_CONTENTS:
		return call_contents(l);
	default:
		return call_other(l);
	}
}
