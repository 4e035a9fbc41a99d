/* SPDX-License-Identifier: MIT */
/*
 * world.h: what a scenario plays in: a machine, address spaces, files, CPUs with their TLBs, a
 * device, and the words in which a scenario is written.
 *
 * Whatever actors share beside Quire's own state lies in the world, so that it is restored with it.
 */
#ifndef CHECK_WORLD_H
#define CHECK_WORLD_H

#include "port/sched/sched.h"
#include "quire/abi.h"
#include "quire/quire.h"

#define PAGE QUIRE_PAGE_SIZE
#define BASE 0x10000000ull /* where scenarios map */
#define TLB_ENTRIES 8
#define DEVICE_PAGES 8 /* 4 of w->file, 4 of w->other */

#define PROT_R QPROT_READ
#define PROT_RW (QPROT_READ | QPROT_WRITE)
#define MAP_ANON_PRIVATE (QMAP_PRIVATE | QMAP_ANONYMOUS | QMAP_FIXED)

/* A translation that a CPU has cached. */
struct tlb_entry {
	struct quire_mm *mm; /* NULL: empty */
	uint64_t page;       /* its address */
	uint64_t pte;
};

/* A CPU's cache; the word stands for it in the order of events. */
struct cpu {
	uint32_t word;
	unsigned next; /* to be replaced */
	struct tlb_entry tlb[TLB_ENTRIES];
};

/* device.c; the word stands for it in the order of events. */
struct device {
	uint32_t word;
	struct quire_mm *mm; /* whose page is lent; NULL: none */
	uint64_t page;
	bool looked_up; /* .. and leads the host to: */
	uint64_t frame;
	bool left_alone; /* with memory that is nobody else's any more */
};

struct world {
	struct quire_machine *m;
	char *ram;
	struct quire_mm *mm;
	struct quire_mm *child;  /* where a scenario forks */
	struct quire_file *file; /* where it maps one */
	struct quire_file *other;
	uint64_t addr;       /* where it maps */
	uint64_t device_pfn; /* frame number of memory behind the RAM: external files' */
	/* world_file.c: what is on the disks of w->file and w->other, and how reads go. */
	uint64_t disk[4], other_disk[4];
	uint32_t io_gated;   /* reads and writes wait for io_allow() */
	uint32_t io_allowed; /* a word to sleep on */
	uint32_t io_error;   /* errno of each read */
	uint64_t v[16];      /* what its actors tell each other and check(); see note() */
	struct cpu cpus[SCHED_ALL + 1]; /* the last: outside of actors */
	struct device device;
	const struct scenario *scenario;
};

/* ---- world.c */

/* A broken promise: ends the run. */
#define expect(cond, ...)                                                                          \
	do {                                                                                       \
		if (!(cond))                                                                       \
			sched_fail(__VA_ARGS__);                                                   \
	} while (0)

/* 0, or the run ends: for calls that cannot fail here. */
void must(int err, const char *what);
/* Private anonymous memory of w->mm at addr. */
void map_anon(struct world *w, uint64_t addr, uint64_t pages, int prot);
/* Shared words of the actors: points like any other. */
void note(struct world *w, unsigned i, uint64_t value);
uint64_t noted(struct world *w, unsigned i);

/* The value at addr, where a page must be present; no CPU reads it.  For check(). */
uint64_t peek(struct world *w, struct quire_mm *mm, uint64_t addr);
/* Before the snapshot: `value` is written to memory of w->mm. */
void fill(struct world *w, uint64_t addr, uint64_t value);
/* Memory at addr that takes all frames but so many, and can grow no further. */
void fill_ram(struct world *w, uint64_t addr, uint64_t leave);
/* What is mapped at addr of w->mm; false: nothing.  For check(). */
bool mapped(struct world *w, uint64_t addr, struct quire_vma_info *out);
/* w->mm has so many page tables, the top one included.  For check(). */
void expect_tables(struct world *w, uint64_t n);

/* ---- world_file.c */

#define FILE_SIZE 15     /* note: pages of the file once its truncation has returned */
#define FILE_RELEASED 14 /* note: how often the file was released */

/*
 * w->file, of that many pages; page i holds i + 1 on the disk, unless it is shmem.  Pages of an
 * external file are the device's memory, where all is zero; private copies of them have what is on
 * the disk.
 */
void make_file(struct world *w, enum quire_file_kind kind, uint64_t pages);
/* w->other, which has i + 11. */
void make_other(struct world *w, enum quire_file_kind kind, uint64_t pages);
/* Page 0 of w->file at addr. flags: QMAP_SHARED or QMAP_PRIVATE. */
void map_file(struct world *w, uint64_t addr, uint64_t pages, int prot, int flags);
void map_other(struct world *w, uint64_t addr, uint64_t pages, int prot, int flags);
/* An actor: w->file gets shorter, to its first page. */
void truncate_to_one(struct world *w);
/* A check(): w->file, mapped at w->addr, has one page, and no other is mapped or cached. */
void check_one_page(struct world *w);
/* For check(): the last reference on the file is gone, and was put once. */
void expect_released(struct world *w);
/* From setup(): reads and writes sleep until io_allow(). */
void io_gate(struct world *w);
void io_allow(struct world *w);
/* For callbacks of a scenario's own: until io_allow(). */
void io_wait(struct world *w);

/* ---- cpu.c: an actor as a program: accesses through its CPU's TLB, faults as they come */

enum access_result { ACCESS_OK, ACCESS_SEGV, ACCESS_BUS, ACCESS_OOM };

/* One 64-bit load or store. */
enum access_result cpu_load(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t *value);
enum access_result cpu_store(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t value);
/* The same where it must succeed. */
uint64_t load(struct world *w, struct quire_mm *mm, uint64_t addr);
void store(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t value);

/* Before the snapshot: CPU i walks to addr and caches what it finds. */
void cpu_cache(struct world *w, unsigned i, struct quire_mm *mm, uint64_t addr);
/* The same for what is mapped and a CPU that makes no access any more. */
void cpu_cache_idle(struct world *w);
/* When all actors have ended: no CPU can reach by its TLB what it could not by the tables. */
void cpu_check(struct world *w);

/* The frame that a store to addr would go to; the two are set at that moment.  False: none. */
bool cpu_look_up(struct world *w, struct quire_mm *mm, uint64_t addr, uint64_t *frame, bool *done);

void cpu_init(struct world *w, struct quire_port *port);

/* ---- device.c: for scenarios with .device */

/* A system call is lent the page of addr and looks it up.  False: nothing is mapped there. */
bool device_begin(struct world *w, struct quire_mm *mm, uint64_t addr);
/* What it has looked up is stored to, and the call is over. */
void device_end(struct world *w, uint64_t value);
void device_frame_freed(struct world *w, uint64_t first, uint64_t count);
void device_init(struct quire_port *port);

#endif
