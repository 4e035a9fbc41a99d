/* SPDX-License-Identifier: MIT */
/*
 * file_types.h: a file as memory sees it, and its mapping: its page cache and who maps it
 * (file/file.h has the invariants).
 */
#ifndef CORE_BASE_FILE_TYPES_H
#define CORE_BASE_FILE_TYPES_H

#include "core/base/mm_types.h"
#include "ds/index.h"

struct file_policies;
struct huge_file;

/* What of a file counts as committed memory: only content that is nowhere but in RAM. */
enum file_charge {
	CHARGE_NOTHING,
	CHARGE_SIZE,  /* all that it may hold */
	CHARGE_PAGES, /* what it holds: MAP_NORESERVE */
};

/*
 * What the core asks of a file beside its mappings' ops.  Its kind says it once, when the file is
 * made; nothing else asks what kind of file it is.
 */
struct file_facts {
	const struct vma_ops *vma_ops; /* of its mappings */
	uint32_t folio_flags;          /* of each folio in the cache */
	enum file_charge charge;
	int refused_flags; /* MAP_*: with one of them mmap(2) is EOPNOTSUPP */
	bool cached;       /* its content passes through the page cache: read and written there */
	bool ram_only;     /* its content is nowhere else: a page that is dropped reads as zeros */
	bool endless;      /* neither the core nor the embedder knows an end */
	bool unwritten;    /* write(2) is refused: EINVAL */
	bool holes_take_copies; /* as truncation does */
	/* A page that has left the cache is free at once: who finds one under R relies on nothing
	 * but seq (file.h, 3). */
	bool freed_at_once;
	/* It ends at `bytes` now, and what lay beyond has gone.  W.  NULL. */
	void (*truncated)(struct quire_file *file, uint64_t bytes);
	/* The last reference has gone, before its pages go.  No lock; not in RCU.  NULL. */
	void (*end)(struct quire_file *file);
};

/* A kind of file: in machine->kinds, by its number. */
struct file_kind {
	const struct vma_ops *vma_ops; /* of its mappings */
	/*
	 * Sets the other facts of a new file, and drops the callbacks that its kind does not use;
	 * all else is set.  `o`: what the embedder asked for.  0, or -errno: there is no such file.
	 * Nothing that could fail comes after it but overcommit's look at `charge`, which a kind
	 * with `end` has not.  No lock.  NULL: they stay 0, and the callbacks as they are.
	 */
	int (*create)(struct quire_file *file, const struct quire_file_options *o);
};

struct mapping {
	/* Read by every fault of the file. */
	struct index pages;         /* R, writers X: pgoff -> folio; holds a reference on each */
	uint64_t seq;               /* A: invariant 3 */
	uint64_t bytes;             /* A, writers X': i_size, as the core knows it (file.c, 4) */
	uint64_t nr_sizes;          /* A, writers X': how often bytes was written */
	struct index_env index_env; /* C */
	struct quire_file *file;    /* C */

	struct mutex write_lock __attribute__((aligned(64))); /* W: write(2), truncation */
	struct mutex i_lock;                                  /* I: vmas; held over each zap */
	struct itree vmas;                                    /* I */
	struct spinlock index_lock;                           /* X: writers of pages, holes */
	struct spinlock size_lock;                            /* X': writers of bytes */
	struct dlist holes;                                   /* X: of struct file_hole */
	uint64_t nr_pages;                                    /* A */
	struct file_policies *policies; /* R, writers X: of shared memory; NULL: none */
};

struct quire_file {
	struct quire_machine *machine; /* C */
	struct quire_file_ops ops;     /* C: a copy; all NULL where none were given */
	void *priv;                    /* C */
	struct file_facts facts;       /* C */
	bool writable, noexec;         /* C */
	bool moves_alone;              /* C */
	struct huge_file *huge;        /* C: of huge pages: who was promised them; else NULL */
	bool anon;     /* C: shared anonymous memory made by mmap: /dev/zero in maps */
	uint32_t refs; /* A: invariant 1 */
	union {
		struct quire_file *next;   /* M: of mm->gone_files */
		struct quire_rcu_head rcu; /* once it has ended */
	};
	char *name; /* C */
	size_t name_size;
	uint64_t dev, ino; /* C */
	struct mapping mapping;
	struct dlist node; /* L: machine->files */
};

#endif
