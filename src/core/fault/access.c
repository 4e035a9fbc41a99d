/* SPDX-License-Identifier: MIT */
/*
 * access.c: the embedder reads and writes guest memory, for the program or as process_vm_readv(2).
 *
 * Bytes of a page are copied under the PTL of its entry.  So while the copy runs the entry cannot
 * be taken away, nor can a fork make it read-only.
 *
 *   1  Rights are exactly the VMA's.  Reading needs PROT_READ, although the processor would read
 *      with any right (as process_vm_readv does on the host). An access that is the program's own,
 *      such as a system call's argument or result, grows the stack as its loads and stores do;
 *      another program's access does not.
 *   2  The content of an external file is read through ops.copy_page, outside RCU, with a reference
 *      on the file that was taken under the PTL. So it is the file that was mapped there, whatever
 *      is mapped there by now.  A failure counts only if that file's page is still mapped.  A
 *      shared page of an external file cannot be written here.
 *   3  Another program's read leaves behind what the host's leaves, which pins the page: one that a
 *      fork has shared is the mm's own afterwards (pin.c, 2).
 */
#include "core/fault/populate.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"
#include "core/table/entry.h"
#include "core/table/pagetable.h"
#include "core/vma/mm.h"

struct access {
	struct quire_mm *mm;
	char *buf; /* the embedder's; only read if write */
	bool write;
	bool remote; /* another program's: grows no stack */
	/* ACCESS_EXTERNAL: which page, with a reference. */
	struct quire_file *file;
	uint64_t pgoff;
};

/* What became of one page. */
enum access_step { ACCESS_DONE, ACCESS_FAULT, ACCESS_EXTERNAL, ACCESS_REFUSED };

static bool entry_allows(const struct access *a, pte_t entry)
{
	uint64_t need = PTE_PRESENT | PTE_USER | (a->write ? PTE_WRITE : 0);

	return (entry & need) == need;
}

/* PTL held. */
static void copy_bytes(const struct access *a, pte_t entry, uint64_t addr, uint64_t n)
{
	char *mem = (char *)pfn_addr(a->mm->machine, pte_frame(entry)) + (addr & ~PAGE_MASK);

	if (a->write)
		memcpy(mem, a->buf, n);
	else
		memcpy(a->buf, mem, n);
}

/* Invariant 3.  PTL held. */
static bool must_unshare(const struct access *a, pte_t entry)
{
	return a->remote && !a->write && entry_is_forked(a->mm->machine, entry);
}

/* PTL held: of the living VMA, so that the file has a reference (file.h, 1). */
static enum access_step try_entry(struct access *a, struct vma *vma, pte_t entry, uint64_t addr,
				  uint64_t n)
{
	if (vma_is_dead(vma) || !entry_allows(a, entry))
		return ACCESS_FAULT;
	if (entry_kind(a->mm->machine, entry) == ENTRY_EXTERNAL) {
		a->file = vma->file;
		a->pgoff = vma_pgoff(vma, addr);
		quire_file_get(a->file);
		return ACCESS_EXTERNAL;
	}
	if ((a->write && !(entry & PTE_DIRTY)) || must_unshare(a, entry))
		return ACCESS_FAULT;
	copy_bytes(a, entry, addr, n);
	return ACCESS_DONE;
}

/* RCU held. */
static enum access_step try_copy(struct access *a, uint64_t addr, uint64_t n)
{
	struct vma *vma = vma_find(a->mm, addr);
	enum access_step step;
	struct pt_ref ref;
	pte_t entry;

	if (!vma || vma_is_dead(vma))
		return ACCESS_FAULT; /* a fault knows how to make sure */
	if (!(vma->flags & (a->write ? VM_WRITE : VM_READ)))
		return ACCESS_REFUSED;
	if (!pt_lock_page(a->mm, addr, &ref, &entry))
		return ACCESS_FAULT;
	step = try_entry(a, vma, entry, addr, n);
	pt_unlock(&ref);
	return step;
}

static enum access_step try_access(struct access *a, uint64_t addr, uint64_t n)
{
	const struct quire_port *port = &a->mm->machine->port;
	enum access_step step;

	rcu_read_lock(port);
	step = try_copy(a, addr, n);
	rcu_read_unlock(port);
	return step;
}

static struct folio *alloc_page(struct quire_mm *mm)
{
	struct reclaim r;
	struct folio *page;

	reclaim_begin(mm->machine, &r);
	do
		page = folio_alloc(mm->machine, 0, 0);
	while (!page && reclaim_for(mm, &r, -ENOPAGE, false));
	return page;
}

static bool read_page_of(const struct access *a, uint64_t addr, uint64_t n)
{
	const struct quire_file *file = a->file;
	struct quire_machine *m = a->mm->machine;
	struct folio *page = file->ops.copy_page ? alloc_page(a->mm) : NULL;
	bool ok = page && !file->ops.copy_page(file->priv, a->pgoff, folio_addr(m, page));

	if (ok)
		memcpy(a->buf, (char *)folio_addr(m, page) + (addr & ~PAGE_MASK), n);
	if (page)
		folio_put(m, page);
	return ok;
}

/* Invariant 2: what comes of a page that could not be read. */
static enum access_step retry_external(struct access *a, uint64_t addr, uint64_t n)
{
	struct quire_file *file = a->file;
	uint64_t pgoff = a->pgoff;
	enum access_step step = try_access(a, addr, n);

	if (step == ACCESS_EXTERNAL) {
		step = a->file == file && a->pgoff == pgoff ? ACCESS_REFUSED : ACCESS_FAULT;
		quire_file_put(a->file);
	}
	return step;
}

static enum access_step access_external(struct access *a, uint64_t addr, uint64_t n)
{
	struct quire_file *file = a->file;
	enum access_step step = ACCESS_DONE;

	if (a->write)
		step = ACCESS_REFUSED;
	else if (!read_page_of(a, addr, n))
		step = retry_external(a, addr, n);
	quire_file_put(file);
	return step;
}

static bool fault_in(const struct access *a, uint64_t addr)
{
	enum quire_access kind = a->write ? QUIRE_WRITE : QUIRE_READ;

	return (a->remote ? mm_fault_in_to_pin(a->mm, addr, kind)
			  : quire_fault(a->mm, addr, kind, NULL)) == QUIRE_FAULT_OK;
}

static bool access_page(struct access *a, uint64_t addr, uint64_t n)
{
	enum access_step step;

	for (;;) {
		step = try_access(a, addr, n);
		if (step == ACCESS_EXTERNAL)
			step = access_external(a, addr, n);
		if (step != ACCESS_FAULT)
			return step == ACCESS_DONE;
		if (!fault_in(a, addr))
			return false;
	}
}

static int64_t access_range(struct access *a, uint64_t addr, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		uint64_t room = PAGE_SIZE - ((addr + done) & ~PAGE_MASK);
		uint64_t n = len - done < room ? len - done : room;

		if (addr + done < addr || !access_page(a, addr + done, n))
			break;
		a->buf += n;
		done += n;
	}
	return done || !len ? (int64_t)done : -QEFAULT;
}

int64_t quire_read(struct quire_mm *mm, uint64_t addr, void *buf, uint64_t len)
{
	struct access a = {.mm = mm, .buf = buf};

	return access_range(&a, addr, len);
}

int64_t quire_remote_read(struct quire_mm *mm, uint64_t addr, void *buf, uint64_t len)
{
	struct access a = {.mm = mm, .buf = buf, .remote = true};

	return access_range(&a, addr, len);
}

/* The casts away from const are safe: copy_bytes() only reads it. */
int64_t quire_write(struct quire_mm *mm, uint64_t addr, const void *buf, uint64_t len)
{
	struct access a = {.mm = mm, .buf = (char *)(uintptr_t)buf, .write = true};

	return access_range(&a, addr, len);
}

int64_t quire_remote_write(struct quire_mm *mm, uint64_t addr, const void *buf, uint64_t len)
{
	struct access a = {.mm = mm, .buf = (char *)(uintptr_t)buf, .write = true, .remote = true};

	return access_range(&a, addr, len);
}
