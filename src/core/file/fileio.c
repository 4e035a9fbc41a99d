/* SPDX-License-Identifier: MIT */
/*
 * fileio.c: read(2) and write(2) of files that live in the page cache.
 *
 *   1  The size grows after the bytes are in place, so nobody reads what is not there yet.
 *   2  A file whose size the embedder knows (ops.file_size) is not made longer by a write.
 *   3  A write that makes a file longer is refused where truncation to that length would be: what
 *      is charged by size may lie far beyond the bytes that are written.
 *   4  Zeros are read from a hole only if the file has lost no page since the size was looked at.
 *      Otherwise the missing page may lie beyond the end by now.
 *   5  Writes hold W, so that writes and truncation come one after the other.  The bytes of a page
 *      are changed under its lock (F). Reads take no lock, except to wait for a thread that takes a
 *      page away.  As on Linux, a read beside a write may see part of it.
 */
#include "core/file/file.h"
#include "core/frame/folio.h"
#include "core/frame/reclaim.h"

static uint64_t bytes_in_page(const struct quire_file *file, uint64_t off, uint64_t len)
{
	uint64_t size = file_page_size(file), room = size - (off & (size - 1));

	return len < room ? len : room;
}

/* A hole of a zero-filled file is not made into a page by reading it. */
static int read_page_part(struct quire_file *file, uint64_t off, void *buf, uint64_t n)
{
	const struct quire_port *port = &file->machine->port;
	uint64_t pgoff = file_page_at(file, off), seq = atomic_load(&file->mapping.seq);
	struct folio *folio;
	bool hole;
	int err;

	if (off + n > file_known_size(file))
		return -QEAGAIN; /* truncated since: the caller looks again */
	rcu_read_lock(port);
	hole = filecache_is_zero_fill(file) && !filecache_peek(file, pgoff);
	rcu_read_unlock(port);
	if (hole && RULE(hole_at_seq) && atomic_load(&file->mapping.seq) != seq)
		return -QEAGAIN; /* invariant 4 */
	if (hole) {
		STEP("reads a hole");
		memset(buf, 0, n);
		return 0;
	}
	err = filecache_read(file, pgoff, seq, &folio);
	if (err)
		return err;
	memcpy(buf, (char *)folio_addr(file->machine, folio) + (off - (pgoff << PAGE_SHIFT)), n);
	folio_put(file->machine, folio);
	return 0;
}

int64_t quire_file_read(struct quire_file *file, uint64_t off, void *buf, uint64_t len)
{
	struct reclaim r;
	uint64_t done = 0;
	int err = 0;

	if (!file->facts.cached || off > INT64_MAX)
		return -QEINVAL;
	reclaim_begin(file->machine, &r);
	while (done < len) {
		uint64_t size = file_ask_size(file), pos = off + done;
		uint64_t n = bytes_in_page(file, pos, len - done);

		err = 0;
		if (pos >= size)
			break;
		n = n < size - pos ? n : size - pos;
		err = read_page_part(file, pos, (char *)buf + done, n);
		if (err == -QEAGAIN || reclaim_retry(file->machine, &r, err))
			continue;
		if (err)
			break;
		done += n;
	}
	return done ? (int64_t)done : memory_errno(err);
}

/* ---- write ----------------------------------------------------------------- */

/* The page to write into, with a reference.  Beyond the end there is nothing to read in. */
static int page_for_write(struct quire_file *file, uint64_t off, struct folio **folio)
{
	uint64_t seq = atomic_load(&file->mapping.seq), pgoff = off >> PAGE_SHIFT;

	return pgoff < file_pages(file) ? filecache_read(file, pgoff, seq, folio)
					: filecache_find_or_zero(file, pgoff, seq, folio);
}

static int write_page_part(struct quire_file *file, uint64_t off, const void *buf, uint64_t n)
{
	struct quire_machine *m = file->machine;
	bool grows = !file->ops.file_size && off + n > atomic_load(&file->mapping.bytes); /* 2 */
	struct folio *folio;
	int err;

	if (grows && !mapping_may_resize(file, off + n)) /* invariant 3 */
		return -QENOMEM;
	err = page_for_write(file, off, &folio);
	if (err)
		return err;
	if (grows && !RULE(size_after_bytes))
		mapping_resize(file, off + n);
	folio_lock(m, folio);
	memcpy((char *)folio_addr(m, folio) + (off & ~PAGE_MASK), buf, n);
	folio_set(folio, FOLIO_DIRTY | FOLIO_UPTODATE);
	folio_unlock(m, folio);
	folio_put(m, folio);
	if (grows && RULE(size_after_bytes))
		mapping_resize(file, off + n);
	return 0;
}

/* W held. */
static int64_t write_locked(struct quire_file *file, uint64_t off, const void *buf, uint64_t len)
{
	uint64_t done = 0;
	int err = 0;

	file_forget_beyond_end(file, off);
	while (done < len) {
		uint64_t n = bytes_in_page(file, off + done, len - done);

		err = write_page_part(file, off + done, (const char *)buf + done, n);
		if (err)
			break;
		done += n;
	}
	return done ? (int64_t)done : err;
}

/* How much of a write the size allows: invariant 2.  W held. */
static int64_t writable_bytes(struct quire_file *file, uint64_t off, uint64_t len)
{
	uint64_t limit = file->ops.file_size ? file_known_size(file) : INT64_MAX;

	if (off >= limit)
		return -QEFBIG;
	return (int64_t)(len < limit - off ? len : limit - off);
}

static int64_t try_write(struct quire_file *file, uint64_t off, const void *buf, uint64_t len)
{
	const struct quire_port *port = &file->machine->port;
	int64_t n;

	file_ask_size(file); /* not with W held: it may wait for a truncation */
	if (RULE(writes_one_by_one))
		mutex_lock(port, &file->mapping.write_lock, RANK_FILE);
	n = writable_bytes(file, off, len);
	if (n > 0)
		n = write_locked(file, off, buf, (uint64_t)n);
	if (RULE(writes_one_by_one))
		mutex_unlock(port, &file->mapping.write_lock, RANK_FILE);
	return n;
}

int64_t quire_file_write(struct quire_file *file, uint64_t off, const void *buf, uint64_t len)
{
	struct reclaim r;
	int64_t n;

	if (!file->facts.cached || file->facts.unwritten || off > INT64_MAX)
		return -QEINVAL;
	if (!len)
		return 0;
	reclaim_begin(file->machine, &r);
	do
		n = try_write(file, off, buf, len);
	while (n < 0 && reclaim_retry(file->machine, &r, (int)n));
	return n < 0 ? memory_errno((int)n) : n;
}
