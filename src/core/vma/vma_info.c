/* SPDX-License-Identifier: MIT */
/*
 * vma_info.c: what a VMA looks like from outside: quire_vma_next(), names of flags.
 *
 * Owns nothing.  quire_vma_next() takes R alone: the answer may be of a VMA that is being replaced,
 * and the range that mremap moves onto may seem free for a moment, as to a reader of
 * /proc/PID/maps on the host.  A file is handed out with a reference or not at all.
 */
#include "core/base/sized.h"
#include "core/file/file.h"
#include "core/vma/mm.h"
#include "core/vma/vma.h"

static void copy_name(char *out, size_t len, const char *name)
{
	size_t i = 0;

	for (; name[i] && i + 1 < len; i++)
		out[i] = name[i];
	out[i] = '\0';
}

static const char *name_of(const struct vma *vma)
{
	const struct quire_mm *mm = vma->mm;
	uint64_t stack;

	if (vma->file)
		return "";
	if (vma->start < atomic_load_relaxed(&mm->brk) &&
	    vma->end > atomic_load_relaxed(&mm->start_brk))
		return "[heap]";
	stack = atomic_load_relaxed(&mm->start_stack);
	if (stack && vma->start <= stack && vma->end >= stack)
		return "[stack]";
	return "";
}

void vma_fill_info(const struct vma *vma, struct quire_vma_info *out)
{
	memset(out, 0, sizeof(*out));
	out->start = vma->start;
	out->end = vma->end;
	out->offset = vma->file ? vma->pgoff << PAGE_SHIFT : 0;
	out->prot = (int)(vma->flags & VM_ACCESS);
	out->shared = (vma->flags & VM_MAYSHARE) != 0;
	out->growsdown = (vma->flags & VM_GROWSDOWN) != 0;
	out->vm_flags = vma->flags;
	out->policy = vma->policy;
	out->page_size = ops_page_size(vma->ops);
	copy_name(out->name, sizeof(out->name), name_of(vma));
	if (!vma->file)
		return;
	out->has_file = true;
	if (file_has_policies(vma->file))
		out->policy = file_policy(vma->file, vma->pgoff);
	out->dev = vma->file->dev;
	out->ino = vma->file->ino;
	copy_name(out->file_name, sizeof(out->file_name), vma->file->name);
}

int quire_vma_next_sized(struct quire_mm *mm, uint64_t addr, struct quire_vma_info *out,
			 size_t size)
{
	const struct quire_port *port = &mm->machine->port;
	struct quire_vma_info info;
	struct vma *vma;

	rcu_read_lock(port);
	vma = vma_next(mm, addr);
	if (vma)
		vma_fill_info(vma, &info);
	rcu_read_unlock(port);
	if (!vma)
		return -QENOENT;
	fill_sized(out, size, &info, sizeof(info));
	return 0;
}

/* A file that has ended was found by a VMA that is not in the tree any more. */
int quire_vma_next_file_sized(struct quire_mm *mm, uint64_t addr, struct quire_vma_info *out,
			      size_t size, struct quire_file **file)
{
	const struct quire_port *port = &mm->machine->port;
	struct quire_vma_info info;
	struct vma *vma;
	bool ended;

	do {
		rcu_read_lock(port);
		vma = vma_next(mm, addr);
		ended = vma && vma->file && !file_tryget(vma->file);
		*file = vma && !ended ? vma->file : NULL;
		if (vma && !ended)
			vma_fill_info(vma, &info);
		rcu_read_unlock(port);
	} while (ended);
	if (!vma)
		return -QENOENT;
	fill_sized(out, size, &info, sizeof(info));
	return 0;
}

/* proc(5), VmFlags; in the kernel's order, which is that of its bits. */
static const struct flag_name {
	uint64_t flag;
	char name[3];
} flag_names[] = {
    {VM_READ, "rd"},      {VM_WRITE, "wr"},      {VM_EXEC, "ex"},        {VM_SHARED, "sh"},
    {VM_MAYREAD, "mr"},   {VM_MAYWRITE, "mw"},   {VM_MAYEXEC, "me"},     {VM_MAYSHARE, "ms"},
    {VM_GROWSDOWN, "gd"}, {VM_LOCKED, "lo"},     {VM_SEQ_READ, "sr"},    {VM_RAND_READ, "rr"},
    {VM_DONTCOPY, "dc"},  {VM_DONTEXPAND, "de"}, {VM_LOCKONFAULT, "lf"}, {VM_ACCOUNT, "ac"},
    {VM_NORESERVE, "nr"}, {VM_HUGETLB, "ht"},    {VM_SYNC, "sf"},        {VM_WIPEONFORK, "wf"},
    {VM_DONTDUMP, "dd"},  {VM_SOFTDIRTY, "sd"},  {VM_HUGEPAGE, "hg"},    {VM_NOHUGEPAGE, "nh"},
    {VM_MERGEABLE, "mg"}, {VM_DROPPABLE, "dp"},
};

void quire_vm_flag_names(uint64_t vm_flags, char *buf, size_t len)
{
	size_t at = 0;

	if (!len)
		return;
	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if (!(vm_flags & flag_names[i].flag) || at + 4 > len)
			continue;
		if (at)
			buf[at++] = ' ';
		if (at + 3 > len)
			break;
		buf[at++] = flag_names[i].name[0];
		buf[at++] = flag_names[i].name[1];
	}
	buf[at] = '\0';
}
