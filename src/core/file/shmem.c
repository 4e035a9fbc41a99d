/* SPDX-License-Identifier: MIT */
/*
 * shmem.c: shared anonymous memory as a file.
 *
 * A shmem file is a page-cache file without read_page and write_page: new pages are zeroes, and
 * the cache is the content.
 */
#include "core/file/file.h"

int file_create_shared_anon(struct quire_machine *m, uint64_t bytes, bool noreserve,
			    struct quire_file **out)
{
	struct quire_file_options opts = {
	    .size = sizeof(opts),
	    .kind = QUIRE_FILE_SHMEM,
	    .bytes = bytes,
	    .writable = true,
	    .noreserve = noreserve,
	    .dev = UNNAMED_DEV,
	    .ino = file_next_ino(m),
	    .name = "/dev/zero (deleted)", /* what /proc/PID/maps shows for it */
	};
	int err = quire_file_create(m, &opts, out);

	if (!err)
		(*out)->anon = true;
	return err;
}
