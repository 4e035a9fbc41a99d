/* SPDX-License-Identifier: MIT */
/*
 * file.c: files: made, named, referenced, let go.
 *
 * machine->files is guarded by L; everything else here is constant or atomic.
 *
 *   1  Who holds a reference may sleep; who found the file through a VMA under RCU need not take
 *      one (file.h, 1).
 *   2  The last put writes dirty pages back, drops the cache and calls release: at once, in the
 *      context of whoever puts, or in a VMA's RCU callback where that had the last reference.
 *      Either way without locks and outside RCU's read side.
 */
#include "core/file.h"
#include "core/folio.h"

#define NO_LIMIT (UINT64_MAX >> PAGE_SHIFT)

const struct vma_ops *file_vma_ops(struct quire_file *file)
{
	return file ? file->vma_ops : &anon_vma_ops;
}

uint64_t quire_file_size(struct quire_file *file)
{
	if (file->ops.file_size)
		return file->ops.file_size(file->priv);
	return file->kind == QUIRE_FILE_EXTERNAL ? UINT64_MAX : at_load(&file->mapping.bytes);
}

uint64_t file_pages(struct quire_file *file)
{
	uint64_t bytes = quire_file_size(file);

	return bytes > UINT64_MAX - PAGE_SIZE ? NO_LIMIT : PAGE_ALIGN(bytes) >> PAGE_SHIFT;
}

/* ---- making ---------------------------------------------------------------- */

static int check_options(const struct quire_file_options *opts)
{
	if (!opts || opts->size < sizeof(*opts) || (unsigned)opts->kind > QUIRE_FILE_SHMEM)
		return -QEINVAL;
	if (opts->kind == QUIRE_FILE_EXTERNAL && (!opts->ops || !opts->ops->frame))
		return -QEINVAL;
	return 0;
}

static int copy_name(struct quire_file *file, const char *name)
{
	size_t len = 0;

	while (name && name[len])
		len++;
	file->name = kmem_alloc(file->machine, len + 1);
	if (!file->name)
		return -QENOMEM;
	if (len)
		memcpy(file->name, name, len);
	file->name[len] = '\0';
	file->name_size = len + 1;
	return 0;
}

/* Shmem has no callbacks but release: its content is nowhere else. */
static void copy_ops(struct quire_file *file, const struct quire_file_options *opts)
{
	if (opts->ops)
		file->ops = *opts->ops;
	if (opts->kind == QUIRE_FILE_SHMEM)
		file->ops = (struct quire_file_ops){.release = file->ops.release};
	file->vma_ops = opts->kind == QUIRE_FILE_EXTERNAL ? &extfile_vma_ops : &filemap_vma_ops;
	file->folio_flags = opts->kind == QUIRE_FILE_SHMEM ? FOLIO_SHMEM : 0;
	if (opts->kind == QUIRE_FILE_SHMEM)
		file->charge = opts->noreserve ? CHARGE_PAGES : CHARGE_SIZE;
}

static void enlist(struct quire_file *file)
{
	struct quire_machine *m = file->machine;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_add_tail(&m->files, &file->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

int quire_file_create(struct quire_machine *m, const struct quire_file_options *opts,
		      struct quire_file **out)
{
	struct quire_file *file;
	int err = check_options(opts);

	if (err)
		return err;
	file = kmem_zalloc_line(m, sizeof(*file));
	if (!file)
		return -QENOMEM;
	file->machine = m;
	file->refs = 1;
	file->kind = opts->kind;
	file->priv = opts->priv;
	file->writable = opts->writable;
	file->noexec = opts->noexec;
	file->dev = opts->dev;
	file->ino = opts->ino;
	copy_ops(file, opts);
	if (!mapping_may_resize(file, opts->bytes) || copy_name(file, opts->name)) {
		kmem_free_line(m, file, sizeof(*file));
		return -QENOMEM;
	}
	mapping_init(&file->mapping, file, opts->bytes);
	enlist(file);
	*out = file;
	return 0;
}

/* ---- references ------------------------------------------------------------ */

void quire_file_get(struct quire_file *file)
{
	at_add_relaxed(&file->refs, 1);
}

static void file_free(struct quire_file *file)
{
	struct quire_machine *m = file->machine;

	mapping_writeback(file, 0, UINT64_MAX);
	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_del(&file->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
	mapping_destroy(&file->mapping);
	if (file->ops.release)
		file->ops.release(file->priv);
	kmem_free(m, file->name, file->name_size);
	kmem_free_line(m, file, sizeof(*file));
}

void quire_file_put(struct quire_file *file)
{
	if (at_sub(&file->refs, 1) == 0)
		file_free(file);
}

/* ---- questions ------------------------------------------------------------- */

void *quire_file_priv(struct quire_file *file)
{
	return file->priv;
}

const char *quire_file_name(struct quire_file *file)
{
	return file->name;
}

void quire_file_id(struct quire_file *file, uint64_t *dev, uint64_t *ino)
{
	*dev = file->dev;
	*ino = file->ino;
}
