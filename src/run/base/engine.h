/* SPDX-License-Identifier: MIT */
/*
 * engine.h: the supervisor's own functions, by file.  Locks: see supervisor.h.
 */
#ifndef RUN_ENGINE_H
#define RUN_ENGINE_H

#include "run/base/supervisor.h"

#include <signal.h>
#include <stddef.h>

#define PAGE 4096ull
#define PAGE_DOWN(x) ((x) & ~(PAGE - 1))
#define PAGE_UP(x) (((x) + PAGE - 1) & ~(PAGE - 1))

#define at_load(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define at_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define at_store(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define at_add(p, v) __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define at_count(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)

/* A request, copied out of the channel: what the guest writes there later does not matter. */
struct request {
	struct run *run;
	struct slot *slot;
	struct proc *proc;
	struct space *space;
	uint32_t op;
	uint64_t a[8];
	int64_t ret;
	uint64_t v[8];
	/* A frame that was just handed out, plus 1: for ram_expect(), once the guest runs again. */
	uint64_t fresh;
};

/* ---- say.c */
/* As run_say, but not with --quiet. */
void run_note(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* At the end: of what kind there were more lines than were written. */
void say_rest(void);

/* ---- util.c */
void futex_wait(uint32_t *addr, uint32_t val, unsigned ms);
void futex_wake(uint32_t *addr, int n);
/* Reads a whole small file of /proc into buf (NUL-terminated): length or -errno. */
long read_text(const char *path, char *buf, size_t len);
/* A number that such a file holds, as it is now. */
uint64_t host_number(const char *path, uint64_t otherwise);

/* ---- ram.c: the memory objects */
int ram_create(struct run *run);
/* Bytes of RAM where nobody names them, at least; of the largest file that then is made. */
uint64_t ram_least(void);
uint64_t ram_least_file(void);
/* The frame is about to be touched: has the host allocate it together with its neighbours. */
void ram_expect(struct run *run, uint64_t frame);
bool ram_discard(void *ctx, uint64_t first, uint64_t count);

/* ---- peak.c */
/* After a request, with no lock held. */
void peak_look(struct run *run);
/* Before the memory of a dead process goes.  G held. */
void peak_look_at_death_locked(struct run *run);

/* ---- port_run.c: the core's way out */
void port_run(struct run *run);
/* As quire_fault(), for the slot's thread, which maps the page anew before it runs on if that is
 * OK.
 */
enum quire_fault_result fault_and_fill(struct slot *slot, uint64_t addr, enum quire_access access,
				       struct quire_fault *f);

/* ---- oom.c: quire_port.oom */
bool oom_kill(void *ctx, struct quire_mm *mm, void *cookie, enum quire_memory what);
/* ---- oom_tell.c */
/* The record in words: which process was killed, and how much each one held. */
void oom_describe(const struct oom_record *r, char *buf, size_t len);
const char *oom_memory_name(enum quire_memory what);
/* ---- oom_wait.c */
/* The worker begins with another request: how long it waits for memory is counted anew. */
void oom_new_request(void);

/* ---- space.c */
/* One of its limits, as enum quire_rlimit. */
void space_limit(struct space *s, int i, const struct rlimit *r);
int space_create(struct run *run, const struct rlimit *rlim, struct space **out);
int space_fork(struct space *parent, struct space **out);
/* One more or one less process executes in it (G held).  Leaving returns true for the last. */
void space_enter_locked(struct space *s);
bool space_leave_locked(struct space *s);

/* ---- slot.c */
int slots_create(struct run *run);
/* A free slot for a thread of p, or NULL.  G held. */
struct slot *slot_alloc_locked(struct run *run, struct proc *p, struct space *space);
/* Nobody executes in the space any more, and maps channels there.  G held. */
void slots_unmapped_locked(struct space *space);
/* The thread is gone, or never came: free once no worker is attached.  G held. */
void slot_retire_locked(struct slot *s);
/* The attached worker leaves a retired slot.  Takes G. */
void slot_reap(struct slot *s);
void slot_set_space(struct slot *s, struct space *space);
void slot_set_leader(struct slot *s);
/* The threads of a space: of p, or of the processes after it; NULL: no more.  G held. */
struct slot *slot_first_locked(const struct space *space, struct proc *p);
struct slot *slot_next_locked(const struct slot *s, const struct space *space);
/* The host's number of its thread: until it has kicked, its process's. */
pid_t slot_tid(const struct slot *s);

/* ---- proc.c */
struct proc *proc_create_locked(struct run *run, struct proc *parent);
/*
 * It has spoken.  life: our end of its life pipe, or -1.  The caller closes what is returned, if it
 * is not -1: it has one, taken when its parent died, or is dead already.
 */
int proc_start_locked(struct proc *p, pid_t pid, int life);
void proc_start(struct proc *p, pid_t pid, int life);
/* The number by which the host knows it; from then on its death is noticed in any case.  False:
 * there is no such process any more.  G held. */
bool proc_set_pid(struct proc *p, pid_t pid);
/* exec: the process leaves its space for a new one; all slots but `keep` are retired. */
void proc_replace_space(struct proc *p, struct slot *keep, struct space *space);
void proc_set_names(struct proc *p, const char *exe, const char *comm);
void procs_fold_locked(struct run *run);
void procs_destroy(struct run *run);

/* ---- rlimit.c: one of memory's limits (enum quire_rlimit) */
struct rlimit proc_limit(struct proc *p, int i);

/* ---- death.c */
/* The process does not exist any more: everything of it but its record goes.  Idempotent. */
void proc_died(struct proc *p);
/* Dead, though the main thread may not have come to noticing it. */
bool proc_is_gone(const struct proc *p);
/* Claims of the dead that are too old end. */
void claims_expire(struct run *run);
/* What a guest sent as its life pipe is one. */
bool life_is_pipe(int life);
/* No process holds the read end any more. */
bool life_hung_up(int life);

/* ---- reaper.c */
int reaper_start(struct run *run);
/* What the mm counted becomes p's; then all of it is unmapped.  Nobody is in the space any more. */
void space_absorb(struct proc *p, struct space *space);
void reaper_stop(struct run *run);
/* The dead process's space (its reference goes along); last: nobody is in it any more.  G held. */
void reaper_push_locked(struct proc *p, struct space *space, bool last);

/* ---- account.c */
void stats_add(struct proc_stats *to, const struct proc_stats *from);
void stats_add_mm(struct proc_stats *to, const struct quire_mm_stats *mm);
void proc_count_slot(struct proc *p, struct slot *s);
void proc_note_refusal(struct proc *p, uint64_t addr, uint64_t ip, enum quire_access access,
		       const struct quire_fault *f);

/* ---- fds.c: descriptors kept back */
/* n more will come, or false. */
bool fds_promise(struct run *run, unsigned n);
/* n of those have come, or never will. */
void fds_settle(struct run *run, unsigned n);
/*
 * One may come now, without waiting.  Afterwards: `came` of those that were promised have; false:
 * there is no room left but for what is promised.
 */
void fds_lend(void);
bool fds_take_back(struct run *run, unsigned came);

/* ---- own_limits.c: the limits that we were started with */
/* Ours are as high as they can be from here on; threads that are made get small stacks. */
void own_limits_take(struct run *run);
/* In the child that becomes the first process. */
void own_limits_give_back(const struct run *run);
/* Bytes of RAM for which what is left of limits has room. */
uint64_t own_limits_most_ram(void);
/* Ours, as it is now. */
rlim_t own_limits_hard(__rlimit_resource_t resource);

/* ---- start_failed.c: "cannot do what: .." */
void start_failed(const struct run *run, const char *what, int err);

/* ---- fd_block.c: the numbers that are ours in guests */
/* Chooses them, before anything else is opened, and raises our own limit.  0, or -errno after
 * saying what is wrong. */
int fd_block_place(struct run *run);
/* The first process has them. */
void fd_block_leave(void);
/* In the first process: its descriptors there, and its limit.  0 or -errno. */
int fd_block_fill(const struct run *run, const int fds[RUN_NR_FDS]);

/* ---- probe_types.c: what stub/call/sys_perf.c refuses */
void probe_types_find(struct run_info *info);

/* ---- closer.c: the last close of a guest's descriptor, which may take long */
int closer_start(void);
void close_later(int fd);

/* ---- ctl.c: descriptors that guests send */
int ctl_create(struct run *run, int *guest_end);
/* Descriptor that slot's thread sent under this token, now the caller's; or -EBADF. */
int ctl_take(struct run *run, struct slot *slot, uint64_t token);
/* Any descriptor that this slot has sent (a forked child's life pipe), or -1. */
int ctl_take_any(struct run *run, struct slot *slot);
/* Closes what the slot's thread has sent, which sends nothing more. */
void ctl_forget(struct run *run, struct slot *slot);
/* Without a listener: waits for the next kick.  Slot number, or -1. */
int ctl_wait_kick(struct run *run);
/* Empties the socket into the table. */
void ctl_drain(struct run *run);

/* ---- channel.c: the turn */
/* The worker's slot: what the core's flushes go through. */
extern __thread struct slot *current_slot;
void channel_give_turn(struct slot *s);
/* Before a request is answered, with no lock held: the turn is ours, or the thread is dead. */
void channel_settle(struct slot *s);
/* False: the thread died or was stopped before it had done it all.  *lent: set if chan->lent. */
bool channel_flush(struct slot *s, const struct quire_tlb_range *ranges, unsigned n, bool *lent);
/* Has the stub do that with its window: 0 or -errno.  mem: n bytes that go there, or come. */
int channel_window(struct slot *s, enum window_op op, const uint64_t where[4], void *mem,
		   uint64_t n);
void channel_answer_notif(struct run *run, uint64_t id);

/* ---- fork_lent.c: space_fork() of the requester's, which names what other threads' calls work
 * with
 */
int fork_space(struct request *q, struct space **out);

/* ---- flush.c: flushes of address spaces other than the requester's */
/* *lent: set as struct chan says (service_lent). */
void flush_remote(struct space *space, const struct quire_tlb_range *ranges, unsigned n,
		  bool *lent);

/* ---- stopped.c */
/* Whatever it does next, it first takes a signal that is pending now; also if it is dead. */
bool thread_stopped(pid_t pid, pid_t tid);
/* Its first thread is, by a signal. */
bool process_stopped(pid_t pid);
/* It sleeps in the host's clone, with CLONE_VFORK. */
bool thread_in_vfork(pid_t pid, pid_t tid);

/* ---- kick.c */
struct kick {
	uint32_t index; /* slot; UINT32_MAX: none */
	uint32_t turn;  /* of the kicker's request; without a listener unknown */
	pid_t tid;      /* 0: without a listener */
	uint64_t notif; /* 0: without a listener */
};
/* Waits for one.  False: there will be none any more. */
bool kick_receive(struct run *run, struct kick *k);
/* False: not to be acted upon. */
bool kick_check(struct run *run, struct slot *s, const struct kick *k);
/* The host's word: tid is a thread of process pid. */
bool task_is_of(pid_t pid, pid_t tid);
/* And: there is such a process, and it cannot be a child that `parent` has made. */
bool task_is_stranger(pid_t pid, pid_t parent);

/* ---- worker.c */
int workers_start(struct run *run);
void workers_stop(struct run *run);

/* ---- request.c: reads, dispatches and answers what is in the slot */
void request_serve(struct run *run, struct slot *s);

/* ---- the operations, by file */
void op_fault(struct request *q);
void op_touch(struct request *q);
void op_bus(struct request *q);
void op_syscall(struct request *q);
void op_mmap_file(struct request *q);
void op_mmap_zero(struct request *q);
void op_file(struct request *q);
void op_far(struct request *q);
void op_file_cut(struct request *q);
void op_windows_gone(struct request *q);
void op_fork(struct request *q);
void op_fork_done(struct request *q);
void op_child_start(struct request *q);
void op_thread(struct request *q);
void op_thread_done(struct request *q);
void op_thread_start(struct request *q);
void op_thread_exit(struct request *q);
void op_exit(struct request *q);
void op_exec_prepare(struct request *q);
void op_exec_abort(struct request *q);
void op_exec_files(struct request *q);
void op_exec_load(struct request *q);
void op_proc_open(struct request *q);
void op_note(struct request *q);
void op_is_guest(struct request *q);

/* ---- window.c */
struct window *file_window(struct quire_file *file); /* NULL: not one of ours */
/* 0 or -errno. */
int window_create(struct run *run, const struct run_window *r, const char *name,
		  struct quire_file **out);
/* Its frame number * 4096: where it stands in the guests that have the window, or, from FAR_FIRST
 * on, what they know how to get at; 0: neither. */
uint64_t window_addr(const struct window *w, uint64_t pgoff);
/* The host says that this page does not exist. */
void window_shrunk(struct window *w, uint64_t pgoff);
/* True: it exists after all, which was not known: a thread that was refused it may try again. */
bool window_find_page(struct window *w, uint64_t pgoff);
/* The same for all pages up to `last`. */
void window_find_end(struct window *w, uint64_t last);
/* From now on pages of the file up to `end` can be mapped: 0 or -errno. */
int window_reserve(struct window *w, uint64_t end);

/* ---- far.c: frame numbers for pages that a window does not show */
/* Pages [first, first + pages) of the file have numbers from now on. */
int far_extend(struct window *w, uint64_t pages);
/* The number of the page that many behind the window's first; 0: none. */
uint64_t far_frame(const struct window *w, uint64_t distance);
void far_release(struct window *w);

/* ---- inode.c: which windows there are of a file, by whichever open file and in whichever space */
void inodes_create(struct run *run);
/* One space more, or less, has the window in its table: so long is its file referenced. */
void inode_enter(struct window *w);
void inode_leave(struct window *w);

/* ---- window_reach.c: 0; -EFAULT: there is no such page; or another -errno */
/* This thread's next accesses are of that process's windows; 0: of the slot's again. */
void window_reach(pid_t pid);
int window_load(const struct window *w, uint64_t pgoff, void *page);
bool window_has(const struct window *w, uint64_t pgoff);
/* Inside one page. */
int window_store(const struct window *w, uint64_t off, const void *mem, uint64_t n);
/* WINDOW_SYNC, WINDOW_REMOVE; whole pages. */
int window_command(const struct window *w, enum window_op op, uint64_t off, uint64_t n);

/* ---- files.c */
/* The window's file by id, referenced and kept in the table; or NULL. */
struct quire_file *window_file(struct space *s, uint64_t id);
void window_file_done(struct space *s, struct quire_file *file);
void windows_destroy(struct space *s);
int windows_copy(struct space *to, struct space *from);
/* It is in a table no more: with the table's reference. */
void window_let_go(struct quire_file *file);

/* ---- files_leave.c */
/*
 * Around whatever may unmap a file: which files have mappings in the range; and then those that
 * have none left in the space are let go, and the answer says so.
 */
struct watch {
	struct quire_file **files; /* referenced */
	unsigned n, cap;
	bool all; /* there was no memory to note which */
};
void watch_file(struct watch *w, struct quire_file *file);
void watch_range(struct request *q, uint64_t start, uint64_t len, struct watch *w);
void watch_end(struct request *q, struct watch *w);
/* Those that were left behind by fork (MADV_DONTFORK). */
void windows_forget_unmapped(struct request *q);

/* ---- guest_mem.c: as the core's functions, and in files mapped shared as well */
int64_t guest_read(struct space *s, uint64_t addr, void *buf, uint64_t len);
int64_t guest_write(struct space *s, uint64_t addr, const void *buf, uint64_t len);
/* pid: a process in the space; 0: the requester itself. */
int64_t guest_remote_read(struct space *s, pid_t pid, uint64_t addr, void *buf, uint64_t len);
int64_t guest_remote_write(struct space *s, pid_t pid, uint64_t addr, const void *buf,
			   uint64_t len);
/* The file of the host that is mapped at addr, referenced, and where; or NULL. */
struct quire_file *file_at(struct space *s, uint64_t addr, struct quire_vma_info *v);
/* Before pages are to be there, or told of: as much of the files as there is by now. */
void look_for_ends(struct request *q, uint64_t start, uint64_t len);
/* True: the page lies in what a file has grown by since: try again. */
bool file_has_grown(struct space *s, uint64_t addr);

/* ---- elf.c: what an ELF file says, checked */
#define ELF_MAX_SEGMENTS 128
struct elf_segment {
	uint64_t vaddr, filesz, memsz, offset;
	int prot;
};
struct elf_image {
	bool pie;
	bool exec_stack;
	uint64_t entry, phoff, phdr_vaddr; /* phdr_vaddr: 0 if in no segment */
	uint16_t phnum;
	uint64_t low, high; /* page-aligned extent of the segments */
	uint64_t align;     /* of the first segment */
	bool has_interp;
	int bad; /* 0, or what is wrong with the segments: noticed too late for execve to fail */
	unsigned nr;
	struct elf_segment seg[ELF_MAX_SEGMENTS];
};
/* 0, or the errno that execve gives.  `interp`: the file is an interpreter. */
int elf_read(int fd, bool interp, struct elf_image *out);

/* ---- syscalls of memory: each gets the request, whose a[1..6] are the arguments */
typedef int64_t (*memsys_fn)(struct request *q);
int64_t sys_shmget(struct request *q);
int64_t sys_shmat(struct request *q);
int64_t sys_shmdt(struct request *q);
int64_t sys_shmctl(struct request *q);
int64_t sys_mincore(struct request *q);
int64_t sys_sysinfo(struct request *q);
int64_t sys_msync(struct request *q);
int64_t sys_madvise(struct request *q);
int64_t sys_process_vm_readv(struct request *q);
int64_t sys_process_vm_writev(struct request *q);
int64_t sys_getrlimit(struct request *q);
int64_t sys_setrlimit(struct request *q);
int64_t sys_prlimit(struct request *q);
int64_t sys_mbind(struct request *q);
int64_t sys_get_mempolicy(struct request *q);
int64_t sys_set_mempolicy(struct request *q);
int64_t sys_move_pages(struct request *q);
int64_t sys_migrate_pages(struct request *q);

/* ---- vdso_move.c: an mremap of the vdso or its data, and what it gives */
bool vdso_named(const struct request *q);
int64_t vdso_move(struct request *q);

/* ---- shm.c */
/* Somebody has detached by dying: segments that are marked for removal may go. */
void shm_sweep(struct run *run);
int shm_create(void);
void shm_destroy(void);

/* ---- note.c */
/* One line for each (number, detail) that a guest asked for and Quire does not have. */
void note_unsupported(struct run *run, struct proc *p, long nr, uint64_t detail);

/* ---- launch.c: the first process.  0, or an exit status after saying what is wrong. */
int launch(struct run *run, int guest_ctl, const sigset_t *mask);
struct pending_exec {
	char *path;
	char comm[16];
};
struct pending_exec *pending_create(const char *path, const char *comm);
void pending_free(struct pending_exec *p);

/* ---- ending.c */
_Noreturn void end_by_signal(int sig);
/* Nobody works for dead guests any more.  False: somebody waits, and will not end. */
bool all_taken_apart(struct run *run);

/* ---- life.c: the main thread's loop: signals, deaths, the live line */
int life_create(struct run *run);
int life_watch(struct run *run, struct proc *p, int fd, uint32_t events);
void life_loop(struct run *run);
/* SIGTERM and SIGHUP are not passed on any more, and end us. */
void life_let_go(void);
void life_destroy(struct run *run);

/* ---- waker.c */
/* Stops us, as the signal stopped the first process, until either is continued. */
void stop_with(pid_t first, int sig);

#endif
