/* SPDX-License-Identifier: MIT */
/*
 * file.c: files: made, named, referenced, let go.
 *
 * machine->files is guarded by L; everything else here is constant or atomic.
 *
 *   1  Callbacks are called with a reference, outside RCU, and without a lock but those that the
 *      callback's comment in quire.h names.
 *   2  The file ends with its last reference, at once, in the thread that drops it, without locks
 *      and outside RCU's read side: dirty pages are written back, and release is called.  Where a
 *      VMA had the reference, this happens when M is let go (mm_unlock).
 *   3  An ended file takes no page.  A thread that adds one looks at refs under X. So does
 *      mapping_retire(), after the last reference has gone.
 *   4  A size may be the embedder's (ops.file_size). It is asked for when a page beyond the known
 *      size is wanted, and whenever a callback is going to be called anyway.  The answer is noted
 *      only if no size was noted or set since the question: a later size is truer.  Otherwise the
 *      question is asked again.  A refusal goes by the answer that the refusing thread got, not by
 *      what is noted.
 *   5  Noting takes X' alone.  It takes no lock that is held over a callback, because the size may
 *      be asked for inside one.  Nor does it take a lock that an embedder's callback might hold up.
 */
#include "core/base/kmem.h"
#include "core/base/sized.h"
#include "core/file/file.h"

#define NO_LIMIT (UINT64_MAX >> PAGE_SHIFT)

/* ---- size ------------------------------------------------------------------ */

uint64_t file_known_size(const struct quire_file *file)
{
	return file->facts.endless ? UINT64_MAX : atomic_load(&file->mapping.bytes);
}

static uint64_t pages_of(uint64_t bytes)
{
	return bytes > UINT64_MAX - PAGE_SIZE ? NO_LIMIT : PAGE_ALIGN(bytes) >> PAGE_SHIFT;
}

uint64_t file_pages(const struct quire_file *file)
{
	return pages_of(file_known_size(file));
}

/* Invariant 4.  False: another size was noted or set since nr_sizes was read. */
static bool note_size(struct quire_file *file, uint64_t nr_sizes, uint64_t bytes)
{
	const struct quire_port *port = &file->machine->port;
	struct mapping *mapping = &file->mapping;
	bool current;

	if (atomic_load(&mapping->bytes) == bytes)
		return true;
	spin_lock(port, &mapping->size_lock, RANK_INDEX);
	current = atomic_load(&mapping->nr_sizes) == nr_sizes || !RULE(size_of_no_other_time);
	if (current) {
		atomic_store(&mapping->bytes, bytes);
		atomic_add(&mapping->nr_sizes, 1);
	}
	STEP(current ? "notes that the file is %lu bytes long" : "was told %lu bytes too early",
	     bytes);
	spin_unlock(&mapping->size_lock, RANK_INDEX);
	return current;
}

uint64_t file_ask_size(struct quire_file *file)
{
	uint64_t nr_sizes, bytes;

	if (!file->ops.file_size)
		return file_known_size(file);
	do {
		nr_sizes = atomic_load(&file->mapping.nr_sizes);
		bytes = file->ops.file_size(file->priv);
	} while (!note_size(file, nr_sizes, bytes));
	return bytes;
}

uint64_t file_ask_pages(struct quire_file *file)
{
	return pages_of(file_ask_size(file));
}

uint64_t quire_file_size(struct quire_file *file)
{
	return file_ask_size(file);
}

/* ---- making ---------------------------------------------------------------- */

/* o, ops: what the embedder gave, as we know it. */
static int read_options(const struct quire_file_options *opts, size_t ops_size,
			struct quire_file_options *o, struct quire_file_ops *ops)
{
	memset(ops, 0, sizeof(*ops));
	if (!opts ||
	    !copy_sized(o, sizeof(*o), offsetof(struct quire_file_options, ops), opts, opts->size))
		return -QEINVAL;
	if (o->ops && !copy_sized(ops, sizeof(*ops), 0, o->ops, ops_size))
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

/* `file` is zeroed. */
static int set_up(struct quire_file *file, struct quire_machine *m,
		  const struct quire_file_options *o, const struct quire_file_ops *ops)
{
	const struct file_kind *kind = m->kinds[o->kind];
	int err;

	file->machine = m;
	file->refs = 1;
	file->ops = *ops;
	file->priv = o->priv;
	file->writable = o->writable;
	file->moves_alone = o->moves_alone;
	file->noexec = o->noexec;
	file->dev = o->dev;
	file->ino = o->ino;
	file->facts.vma_ops = kind->vma_ops;
	err = copy_name(file, o->name);
	if (!err && kind->create)
		err = kind->create(file, o);
	if (err)
		return err;
	if (kind->vma_ops->charge || kind->vma_ops->cut)
		atomic_store_relaxed(&m->own_charges, true);
	if (file->facts.charge == CHARGE_NOTHING)
		return 0;
	Q_ASSERT(m, !file->facts.end); /* nothing is kept that a refusal would have to end */
	return mapping_may_resize(file, o->bytes) ? 0 : -QENOMEM;
}

static void enlist(struct quire_file *file)
{
	struct quire_machine *m = file->machine;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_add_tail(&m->files, &file->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

int quire_file_create_sized(struct quire_machine *m, const struct quire_file_options *opts,
			    size_t ops_size, struct quire_file **out)
{
	struct quire_file_options o;
	struct quire_file_ops ops;
	struct quire_file *file;
	int err = read_options(opts, ops_size, &o, &ops);

	if (err)
		return err;
	if ((unsigned)o.kind >= m->nr_kinds)
		return -QEINVAL;
	file = kmem_zalloc_line(m, sizeof(*file));
	if (!file)
		return -QENOMEM;
	err = set_up(file, m, &o, &ops);
	if (err) {
		if (file->name)
			kmem_free(m, file->name, file->name_size);
		kmem_free_line(m, file, sizeof(*file));
		return err;
	}
	/* What the embedder knows is asked for when it is wanted. */
	mapping_init(&file->mapping, file, file->ops.file_size ? 0 : o.bytes);
	enlist(file);
	*out = file;
	return 0;
}

/* ---- references ------------------------------------------------------------ */

void quire_file_get(struct quire_file *file)
{
	atomic_add_relaxed(&file->refs, 1);
}

bool file_tryget(struct quire_file *file)
{
	uint32_t refs = atomic_load_relaxed(&file->refs);

	do {
		if (!refs && RULE(ended_file_is_left))
			return false;
	} while (!atomic_cas(&file->refs, &refs, refs + 1));
	return true;
}

/* Nobody is left to whom an error could be reported. */
static void last_writeback(struct quire_file *file)
{
	struct quire_machine *m = file->machine;
	uint64_t failed = 0;
	int err = mapping_writeback(file, 0, UINT64_MAX, &failed);

	if (!failed)
		return;
	atomic_add(&m->lost_pages, failed);
	q_log(m, QUIRE_LOG_WARN, "%s: %lu dirty pages could not be written (error %d) and are lost",
	      file->name[0] ? file->name : "a file", failed, -err);
}

static void delist(struct quire_file *file)
{
	struct quire_machine *m = file->machine;

	spin_lock(&m->port, &m->mm_lock, RANK_MMLIST);
	dlist_del(&file->node);
	spin_unlock(&m->mm_lock, RANK_MMLIST);
}

static void free_after_readers(struct quire_rcu_head *head)
{
	struct quire_file *file = container_of(head, struct quire_file, rcu);
	struct quire_machine *m = file->machine;

	STEP("frees the file and its pages");
	mapping_destroy(&file->mapping);
	file_policies_end(file);
	kmem_free(m, file->name, file->name_size);
	kmem_free_line(m, file, sizeof(*file));
}

/* Invariant 2. */
static void file_end(struct quire_file *file)
{
	const struct quire_port *port = &file->machine->port;

	STEP("has the last reference on the file");
	last_writeback(file);
	if (file->facts.end)
		file->facts.end(file);
	delist(file);
	if (file->ops.release)
		file->ops.release(file->priv);
	mapping_retire(&file->mapping); /* queued next: defer.c, 1 */
	port->call_rcu(port->ctx, &file->rcu, free_after_readers);
}

void quire_file_put(struct quire_file *file)
{
	if (atomic_sub(&file->refs, 1) == 0)
		file_end(file);
}

void file_let_go(struct quire_mm *mm, struct quire_file *file)
{
	if (atomic_sub(&file->refs, 1))
		return;
	file->next = mm->gone_files;
	mm->gone_files = file;
}

void files_end(struct quire_file *gone)
{
	while (gone) {
		struct quire_file *next = gone->next;

		file_end(gone);
		gone = next;
	}
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

uint64_t quire_file_resident(struct quire_file *file)
{
	return atomic_load_relaxed(&file->mapping.nr_pages) * file_page_size(file);
}

void quire_file_id(struct quire_file *file, uint64_t *dev, uint64_t *ino)
{
	*dev = file->dev;
	*ino = file->ino;
}
