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

static bool is_vdso(const struct request *q)
{
	return q->a[1] == q->space->vdso && q->a[2] == q->space->vdso_bytes;
}

/* One piece of it, or all. */
static bool is_data(const struct request *q)
{
	uint64_t from = q->a[1] - q->space->vvar;

	return q->a[2] && q->a[1] >= q->space->vvar && from < q->space->vvar_bytes &&
	       q->a[2] <= q->space->vvar_bytes - from;
}

/* As the stub has made it (stub/life/vdso.c). */
static bool write_image(struct request *q, struct quire_file *file, const uint8_t *image)
{
	const struct run_info *info = q->run->info;
	uint8_t *copy = malloc(q->a[2]);
	int64_t n = -1;

	if (copy) {
		memcpy(copy, image, q->a[2]);
		if (info->nodes)
			vdso_getcpu_replace(copy, q->a[2], info->nodes, info->cpus);
		n = quire_file_write(file, 0, copy, q->a[2]);
	}
	free(copy);
	return n == (int64_t)q->a[2];
}

static int make_file(struct request *q, bool code, struct quire_file **out)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	struct quire_file_options o = {.size = sizeof(o), .kind = QUIRE_FILE_SHMEM};
	int err;

	o.bytes = q->a[2];
	o.writable = true;
	o.name = code ? "[vdso]" : "[vvar]";
	err = quire_file_create(q->run->machine, &o, out);
	if (err || !code)
		return err;
	if (image && write_image(q, *out, image))
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

bool vdso_named(const struct request *q)
{
	return q->a[2] && !(q->a[1] % PAGE) && !(q->a[2] % PAGE) && (is_vdso(q) || is_data(q));
}

int64_t vdso_move(struct request *q)
{
	bool code = is_vdso(q);
	struct watch watch = {0};
	struct quire_file *file;
	uint64_t at = 0;
	int err;

	if (q->a[3] != q->a[2])
		return -EFAULT;
	if (!(q->a[4] & MREMAP_FIXED))
		return (int64_t)q->a[1];
	if (q->a[4] != (MREMAP_FIXED | MREMAP_MAYMOVE) || q->a[5] % PAGE)
		return -EINVAL;
	err = make_file(q, code, &file);
	if (err)
		return err;
	watch_range(q, q->a[5], q->a[2], &watch);
	err = quire_mmap(q->space->mm, q->a[5], q->a[2], PROT_READ | (code ? PROT_EXEC : 0),
			 MAP_PRIVATE | MAP_FIXED, file, 0, &at);
	watch_end(q, &watch);
	quire_file_put(file);
	if (err)
		return err;
	forget(q, code);
	return (int64_t)at;
}
