/* SPDX-License-Identifier: MIT */
/*
 * store.h: files under test: arrays in this process behind the callbacks of quire.h.
 */
#ifndef UNIT_STORE_H
#define UNIT_STORE_H

#include "unit.h"

#include <errno.h>
#include <pthread.h>

#define STORE_PAGES 32

/* What an embedder keeps of a file. */
struct store {
	unsigned char bytes[STORE_PAGES * UPAGE];
	uint64_t size;
	unsigned reads, writes, frames, copies, punches, releases;
	pthread_t writer, releaser; /* who called last */
	uint64_t last_written;      /* page */
	int read_err, write_err;
};

static inline int store_read(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->reads++;
	if (s->read_err)
		return s->read_err;
	memcpy(mem, s->bytes + pgoff * UPAGE, UPAGE);
	return 0;
}

static inline int store_write(void *priv, uint64_t pgoff, const void *mem)
{
	struct store *s = priv;

	s->writes++;
	s->writer = pthread_self();
	s->last_written = pgoff;
	if (s->write_err)
		return s->write_err;
	memcpy(s->bytes + pgoff * UPAGE, mem, UPAGE);
	return 0;
}

static inline int store_frame(void *priv, uint64_t pgoff, uint64_t *frame)
{
	struct store *s = priv;

	s->frames++;
	*frame = 0x100000 + pgoff;
	return pgoff < STORE_PAGES ? s->read_err : -ENXIO;
}

static inline int store_copy(void *priv, uint64_t pgoff, void *mem)
{
	struct store *s = priv;

	s->copies++;
	memcpy(mem, s->bytes + pgoff * UPAGE, UPAGE);
	return 0;
}

static inline int store_punch(void *priv, uint64_t off, uint64_t len)
{
	struct store *s = priv;

	s->punches++;
	if (s->write_err)
		return s->write_err;
	memset(s->bytes + off, 0, len);
	return 0;
}

static inline uint64_t store_size(void *priv)
{
	return ((struct store *)priv)->size;
}

static inline void store_release(void *priv)
{
	struct store *s = priv;

	s->releases++;
	s->releaser = pthread_self();
}

static const struct quire_file_ops cache_ops = {.read_page = store_read,
						.write_page = store_write,
						.release = store_release,
						.punch_hole = store_punch};
static const struct quire_file_ops ext_ops = {.frame = store_frame,
					      .copy_page = store_copy,
					      .file_size = store_size,
					      .release = store_release,
					      .punch_hole = store_punch};

static inline struct store *new_store(void)
{
	struct store *s = calloc(1, sizeof(*s));

	s->size = sizeof(s->bytes);
	for (uint64_t i = 0; i < STORE_PAGES; i++)
		memcpy(s->bytes + i * UPAGE, &(uint64_t){unit_word(i, 77)}, 8);
	return s;
}

static inline struct quire_file *new_file(struct unit *u, enum quire_file_kind kind,
					  struct store *s)
{
	struct quire_file_options opts = {
	    .size = sizeof(opts),
	    .kind = kind,
	    .ops = kind == QUIRE_FILE_EXTERNAL ? &ext_ops
		   : kind == QUIRE_FILE_SHMEM  ? NULL
					       : &cache_ops,
	    .priv = s,
	    .bytes = STORE_PAGES * UPAGE,
	    .writable = true,
	    .name = "/a/file",
	    .dev = 8,
	    .ino = 4711,
	};
	struct quire_file *file;

	assert_int_equal(quire_file_create(u->m, &opts, &file), 0);
	return file;
}

static inline struct quire_fault expect(struct unit *u, uint64_t addr, enum quire_access access,
					enum quire_fault_result result, int kind)
{
	struct quire_fault f;

	assert_int_equal(unit_fault(u->mm, addr, access, &f), result);
	if (kind >= 0)
		assert_int_equal((int)f.kind, kind);
	return f;
}

static inline void expect_bus(struct unit *u, uint64_t addr, enum quire_access access,
			      enum quire_fault_reason reason)
{
	struct quire_fault f = expect(u, addr, access, QUIRE_FAULT_BUS, -1);

	assert_int_equal(f.si_code, QBUS_ADRERR);
	assert_int_equal(f.reason, reason);
	assert_true(f.has_vma);
}

static inline uint64_t map_all(struct unit *u, struct quire_file *file, int flags)
{
	return unit_map_file(u->mm, 0, STORE_PAGES * UPAGE, URW, flags, file, 0);
}

/* Drops the test's reference and what is mapped; the file must be gone then. */
static inline void finish(struct unit *u, struct quire_file *file, struct store *s, uint64_t a)
{
	unit_verify(u);
	if (a)
		assert_int_equal(quire_munmap(u->mm, a, STORE_PAGES * UPAGE), 0);
	u->port.rcu_barrier(u->port.ctx);
	unit_verify(u);
	quire_file_put(file);
	if (s)
		assert_int_equal(s->releases, 1);
	free(s);
	unit_verify(u);
}

#endif
