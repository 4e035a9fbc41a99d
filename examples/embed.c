/* SPDX-License-Identifier: MIT */
/*
 * embed.c: the memory of an emulator on Quire.
 *
 *	cc embed.c $(pkg-config --cflags --libs quire) -o embed && ./embed
 *
 * RAM is ours; Quire decides which frame of it stands behind which guest address.  An emulated CPU
 * does as hardware does: it looks into its TLB, has a miss resolved (quire_fault), keeps the entry,
 * and drops what Quire says has changed (tlb_flush).
 *
 * There is one CPU per address space here.  Where several run in one, tlb_flush visits each.
 */
#include <quire/abi.h>
#include <quire/port_host.h>
#include <quire/quire.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE QUIRE_PAGE_SIZE
#define RAM_BYTES (16u << 20)
#define TLB_SIZE 64

static char *ram; /* frame n is at ram + n * PAGE */

struct cpu {
	const char *name;
	struct quire_mm *mm;
	pthread_mutex_t lock; /* guards all below: tlb_flush comes from any thread */
	struct tlb_entry {
		uint64_t page, pte;
	} tlb[TLB_SIZE];
	unsigned flushes; /* by which a fill sees that it comes too late */
	unsigned misses;
};

static bool pte_permits(uint64_t pte, enum quire_access access)
{
	uint64_t need = QUIRE_PTE_PRESENT | QUIRE_PTE_USER;

	/* Whoever writes must have had the entry marked: without DIRTY it is a fault, too. */
	if (access == QUIRE_WRITE)
		need |= QUIRE_PTE_WRITE | QUIRE_PTE_DIRTY;
	if (access == QUIRE_EXEC && (pte & QUIRE_PTE_NX))
		return false;
	return (pte & need) == need;
}

static struct tlb_entry *tlb_slot(struct cpu *cpu, uint64_t addr)
{
	return &cpu->tlb[addr / PAGE % TLB_SIZE];
}

/* The access itself, if the TLB knows the page.  cpu->lock held: no flush may come in between. */
static bool tlb_hit(struct cpu *cpu, uint64_t addr, enum quire_access access, char *byte)
{
	const struct tlb_entry *e = tlb_slot(cpu, addr);
	char *mem = ram + (e->pte & QUIRE_PTE_FRAME_MASK) + addr % PAGE;

	if (e->page != addr / PAGE || !pte_permits(e->pte, access))
		return false;
	if (access == QUIRE_WRITE)
		*mem = *byte;
	else
		*byte = *mem;
	return true;
}

/* Resolves a miss.  False: the guest gets a signal. */
static bool tlb_fill(struct cpu *cpu, uint64_t addr, enum quire_access access, unsigned flushes)
{
	struct quire_fault f;

	if (quire_fault(cpu->mm, addr, access, &f) != QUIRE_FAULT_OK) {
		printf("%s: %s: %s\n", cpu->name,
		       f.result == QUIRE_FAULT_SEGV ? "SIGSEGV" : "killed",
		       quire_fault_reason_name(f.reason));
		return false;
	}
	pthread_mutex_lock(&cpu->lock);
	/* Was there a flush since we missed?  f.pte may be from before it: look once more. */
	if (cpu->flushes == flushes)
		*tlb_slot(cpu, addr) = (struct tlb_entry){addr / PAGE, f.pte};
	cpu->misses++;
	pthread_mutex_unlock(&cpu->lock);
	return true;
}

static bool cpu_access(struct cpu *cpu, uint64_t addr, enum quire_access access, char *byte)
{
	unsigned flushes;
	bool hit;

	do {
		pthread_mutex_lock(&cpu->lock);
		hit = tlb_hit(cpu, addr, access, byte);
		flushes = cpu->flushes;
		pthread_mutex_unlock(&cpu->lock);
	} while (!hit && tlb_fill(cpu, addr, access, flushes));
	return hit;
}

/* No range means all of them. */
static bool in_ranges(uint64_t addr, const struct quire_tlb_range *ranges, unsigned nranges)
{
	for (unsigned i = 0; i < nranges; i++)
		if (addr >= ranges[i].start && addr < ranges[i].end)
			return true;
	return nranges == 0;
}

/* Quire's call to us.  When it returns, nobody uses what was in the TLB for these addresses. */
static void tlb_flush(void *ctx, struct quire_mm *mm, void *cookie,
		      const struct quire_tlb_range *ranges, unsigned nranges)
{
	struct cpu *cpu = cookie;

	(void)ctx;
	(void)mm;
	pthread_mutex_lock(&cpu->lock);
	for (struct tlb_entry *e = cpu->tlb; e < cpu->tlb + TLB_SIZE; e++)
		if (in_ranges(e->page * PAGE, ranges, nranges))
			e->pte = 0;
	cpu->flushes++;
	pthread_mutex_unlock(&cpu->lock);
}

/* ---- a guest, by hand --------------------------------------------------------- */

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

static struct quire_machine *make_machine(void)
{
	struct quire_machine_options opts = {.size = sizeof(opts), .ram_bytes = RAM_BYTES};
	struct quire_machine *machine;
	struct quire_port port;

	ram = aligned_alloc(PAGE, RAM_BYTES);
	opts.ram = ram;
	must(ram ? 0 : -QENOMEM, "ram");
	quire_port_host(&port);
	port.tlb_flush = tlb_flush;
	must(quire_machine_create(&port, &opts, &machine), "machine");
	return machine;
}

/* The guest prints a string, byte by byte. */
static void guest_puts(struct cpu *cpu, uint64_t addr)
{
	char text[64] = "";

	for (unsigned i = 0; i < sizeof(text) - 1; i++)
		if (!cpu_access(cpu, addr + i, QUIRE_READ, &text[i]) || !text[i])
			break;
	printf("%s: \"%s\"\n", cpu->name, text);
}

static void guest_poke(struct cpu *cpu, uint64_t addr, char byte)
{
	cpu_access(cpu, addr, QUIRE_WRITE, &byte);
}

int main(void)
{
	struct cpu parent = {.name = "parent", .lock = PTHREAD_MUTEX_INITIALIZER};
	struct cpu child = {.name = "child", .lock = PTHREAD_MUTEX_INITIALIZER};
	struct quire_mm_options opts = {.size = sizeof(opts), .cookie = &parent};
	struct quire_machine *machine = make_machine();
	uint64_t addr, len = 1 << 20;
	char text[6] = "";
	unsigned wrong;

	must(quire_mm_create(machine, &opts, &parent.mm), "mm");
	must(quire_mmap(parent.mm, 0, len, QPROT_READ | QPROT_WRITE, QMAP_PRIVATE | QMAP_ANONYMOUS,
			NULL, 0, &addr),
	     "mmap");
	quire_write(parent.mm, addr, "hello", 6); /* as a loader or a system call would */
	guest_puts(&parent, addr);

	must(quire_mm_fork(parent.mm, &child, &child.mm), "fork");
	guest_poke(&parent, addr, 'J'); /* copies the page: the child keeps its own */
	guest_puts(&parent, addr);
	guest_puts(&child, addr);
	quire_read(child.mm, addr, text, 6);
	printf("read from the child: \"%s\"\n", text);

	must(quire_mprotect(child.mm, addr, len, QPROT_READ), "mprotect");
	guest_poke(&child, addr, 'C');
	must(quire_munmap(child.mm, addr, len), "munmap");
	guest_puts(&child, addr);

	quire_mm_put(child.mm); /* exit: all of it is unmapped */
	quire_mm_put(parent.mm);
	printf("misses: parent %u, child %u\n", parent.misses, child.misses);
	wrong = quire_verify(machine, NULL, NULL);
	printf("verify: %u violations\n", wrong);
	quire_machine_destroy(machine);
	free(ram);
	return wrong ? 1 : 0;
}
