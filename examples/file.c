/* SPDX-License-Identifier: MIT */
/*
 * file.c: guests map a file of the embedder's.
 *
 *	cc file.c $(pkg-config --cflags --libs quire) -o file && ./file
 *
 * Quire keeps the file's pages in RAM and asks for what it does not have (read_page) and hands back
 * what was changed (write_page): at msync, and when the last reference to the file goes.  The disk
 * is an array here; it could be a file of the host's, an image, or something made up.
 */
#include <quire/abi.h>
#include <quire/port_host.h>
#include <quire/quire.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE QUIRE_PAGE_SIZE
#define DISK_PAGES 4

struct disk {
	char bytes[DISK_PAGES * PAGE];
	unsigned reads, writes;
};

/* Both may sleep, and may be called by any thread that faults, syncs, or puts the file. */
static int disk_read(void *priv, uint64_t pgoff, void *mem)
{
	struct disk *disk = priv;

	memcpy(mem, disk->bytes + pgoff * PAGE, PAGE);
	disk->reads++;
	return 0; /* -QEIO would be the guest's SIGBUS */
}

static int disk_write(void *priv, uint64_t pgoff, const void *mem)
{
	struct disk *disk = priv;

	memcpy(disk->bytes + pgoff * PAGE, mem, PAGE);
	disk->writes++;
	return 0;
}

static const struct quire_file_ops disk_ops = {.read_page = disk_read, .write_page = disk_write};

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

static struct quire_machine *make_machine(void)
{
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = 16 << 20};
	struct quire_machine *machine;
	struct quire_port port;

	quire_port_host(&port); /* no executor here, so nothing to flush */
	must(quire_machine_create(&port, &opts, &machine), "machine");
	return machine;
}

static struct quire_file *open_disk(struct quire_machine *machine, struct disk *disk)
{
	struct quire_file_options opts = {
	    .size = sizeof(opts),
	    .kind = QUIRE_FILE_PAGECACHE,
	    .ops = &disk_ops,
	    .priv = disk,
	    .bytes = sizeof(disk->bytes),
	    .writable = true,
	    .name = "/disk",
	};
	struct quire_file *file;

	must(quire_file_create(machine, &opts, &file), "file");
	return file;
}

static uint64_t map(struct quire_mm *mm, struct quire_file *file, int flags)
{
	uint64_t addr;

	must(quire_mmap(mm, 0, sizeof(((struct disk *)0)->bytes), QPROT_READ | QPROT_WRITE, flags,
			file, 0, &addr),
	     "mmap");
	return addr;
}

static void show(const char *what, struct quire_mm *mm, uint64_t addr, const struct disk *disk)
{
	char text[8] = "";

	quire_read(mm, addr, text, sizeof(text) - 1);
	printf("%-8s sees \"%s\", on disk \"%.7s\" (%u reads, %u writes)\n", what, text,
	       disk->bytes, disk->reads, disk->writes);
}

int main(void)
{
	static struct disk disk = {.bytes = "old"};
	struct quire_machine *machine = make_machine();
	struct quire_file *file = open_disk(machine, &disk);
	uint64_t shared, private;
	struct quire_fault f;
	struct quire_mm *mm;
	unsigned wrong;

	must(quire_mm_create(machine, NULL, &mm), "mm");
	shared = map(mm, file, QMAP_SHARED);
	private = map(mm, file, QMAP_PRIVATE);
	show("shared", mm, shared, &disk);
	show("private", mm, private, &disk); /* the same page: no second read */

	quire_write(mm, private, "mine", 5); /* a copy that the file never sees */
	quire_write(mm, shared, "new", 4);
	show("shared", mm, shared, &disk);
	must(quire_msync(mm, shared, PAGE, QMS_SYNC), "msync");
	show("shared", mm, shared, &disk);
	show("private", mm, private, &disk);

	quire_file_write(file, 0, "newer", 6); /* the guest's write(2) */
	show("shared", mm, shared, &disk);

	must(quire_file_truncate(file, PAGE), "truncate");
	if (quire_fault(mm, shared + PAGE, QUIRE_READ, &f) == QUIRE_FAULT_BUS)
		printf("SIGBUS: %s\n", quire_fault_reason_name(f.reason));

	quire_file_put(file); /* ours; the mappings have references of their own */
	quire_mm_put(mm);
	wrong = quire_verify(machine, NULL, NULL);
	quire_machine_destroy(machine); /* waits until the file has been let go */
	printf("at the end on disk \"%s\" (%u reads, %u writes)\n", disk.bytes, disk.reads,
	       disk.writes);
	return wrong ? 1 : 0;
}
