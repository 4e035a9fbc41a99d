/* SPDX-License-Identifier: MIT */
/*
 * vdso_move.c: mremap of the vdso and of the data that it reads.
 *
 * The host's stay where the stub has put them, which programs that have looked up its functions do
 * not notice.  What appears at the new address is the core's: the code, copied, and zeros for the
 * data, which tell the code to make system calls.  From then on maps shows it there.
 */
#include "run/call/vdso_move.h"

#include "quire/quire.h"
#include "run/file/files_leave.h"
#include "run/guest/request.h"
#include "run/guest/space.h"
#include "run/wire/atomic.h"
#include "run/wire/page.h"
#include "run/wire/vdso_getcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* What maps shows as one line: the code, or its data. */
struct piece {
	uint64_t start, bytes;
	bool code;
};

/* By address; of one that has moved already there are 0 bytes. */
static void find_pieces(const struct space *s, struct piece p[2])
{
	struct piece code = {s->vdso, atomic_load(&s->vdso_bytes), true};
	struct piece data = {s->vvar, atomic_load(&s->vvar_bytes), false};
	bool code_first = s->vdso < s->vvar;

	p[code_first ? 0 : 1] = code;
	p[code_first ? 1 : 0] = data;
}

static bool overlaps(const struct piece *p, uint64_t start, uint64_t bytes)
{
	return p->start < start + bytes && start < p->start + p->bytes;
}

static bool has_address(const struct space *s, uint64_t addr)
{
	struct piece p[2];

	find_pieces(s, p);
	return overlaps(&p[0], addr, 1) || overlaps(&p[1], addr, 1);
}

bool vdso_named(const struct request *q)
{
	return q->a[2] && !(q->a[1] % PAGE) && !(q->a[2] % PAGE) && has_address(q->space, q->a[1]);
}

/* As the stub has made it (stub/life/vdso.c). */
static bool write_image(struct request *q, struct quire_file *file, uint64_t bytes)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	const struct run_info *info = q->run->info;
	uint8_t *copy = image ? malloc(bytes) : NULL;
	int64_t n = -1;

	if (copy) {
		memcpy(copy, image, bytes);
		if (info->nodes)
			vdso_getcpu_replace(copy, bytes, info->nodes, info->cpus);
		n = quire_file_write(file, 0, copy, bytes);
	}
	free(copy);
	return n == (int64_t)bytes;
}

static int make_file(struct request *q, const struct piece *p, struct quire_file **out)
{
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_SHMEM};
	int err;

	o.bytes = p->bytes;
	o.writable = true;
	o.name = p->code ? "[vdso]" : "[vvar]";
	err = quire_file_create(q->run->machine, &o, out);
	if (err || !p->code)
		return err;
	if (write_image(q, *out, p->bytes))
		return 0;
	quire_file_put(*out);
	return -ENOMEM;
}

/* Nothing of it is shown at its old place any more. */
static void forget(struct request *q, bool code)
{
	struct rlimit as = proc_limit(q->proc, QUIRE_RLIMIT_AS);

	if (code)
		atomic_store(&q->space->vdso_bytes, 0);
	else
		atomic_store(&q->space->vvar_bytes, 0);
	space_limit(q->space, QUIRE_RLIMIT_AS, &as);
}

static int move_piece(struct request *q, const struct piece *p, uint64_t to)
{
	int prot = PROT_READ | (p->code ? PROT_EXEC : 0), err;
	struct watch watch = {0};
	struct quire_file *file;
	uint64_t at;

	err = make_file(q, p, &file);
	if (err)
		return err;
	watch_range(q, to, p->bytes, &watch);
	err = quire_mmap(q->space->mm, to, p->bytes, prot, MAP_PRIVATE | MAP_FIXED, file, 0, &at);
	watch_end(q, &watch);
	quire_file_put(file);
	if (!err)
		forget(q, p->code);
	return err;
}

/* Each whole, or not at all; holes stay. */
static int64_t move_pieces(struct request *q, uint64_t from, uint64_t bytes, uint64_t to)
{
	struct piece p[2];

	find_pieces(q->space, p);
	for (unsigned i = 0; i < 2; i++) {
		int err;

		if (!overlaps(&p[i], from, bytes))
			continue;
		if (p[i].start < from || p[i].bytes > from + bytes - p[i].start)
			return -EINVAL;
		err = move_piece(q, &p[i], to + (p[i].start - from));
		if (err)
			return err;
	}
	return (int64_t)to;
}

/* The core has nothing there: EFAULT says that the arguments are right. */
static int64_t move(struct request *q)
{
	uint64_t had = PAGE_UP(q->a[2]), gets = PAGE_UP(q->a[3]), at;
	int err = quire_mremap(q->space->mm, q->a[1], q->a[2], q->a[3], wide_flags(q->a[4]),
			       q->a[5], &at);

	if (err != -EFAULT)
		return err;
	if (!had || gets < had || (q->a[4] & MREMAP_DONTUNMAP))
		return -EINVAL;
	if (gets > had)
		return -EFAULT;
	return q->a[4] & MREMAP_FIXED ? move_pieces(q, q->a[1], had, q->a[5]) : (int64_t)q->a[1];
}

bool vdso_move(struct request *q, int64_t *ret)
{
	bool ours = has_address(q->space, q->a[1]);

	if (ours)
		*ret = move(q);
	return ours;
}
