/* SPDX-License-Identifier: MIT */
/*
 * report_names.c: what things are called in the report.
 */
#include "quire/quire.h"
#include "run/report/parts.h"
#include "run/wire/requests.h"

#include <string.h>

const struct report_name report_kinds[QUIRE_NR_KINDS] = {
    [QUIRE_KIND_SPURIOUS] = {"already good", "spurious"},
    [QUIRE_KIND_ZERO] = {"zero page", "zero"},
    [QUIRE_KIND_ANON] = {"anonymous", "anonymous"},
    [QUIRE_KIND_FILE_MINOR] = {"file minor", "file_minor"},
    [QUIRE_KIND_FILE_MAJOR] = {"file major", "file_major"},
    [QUIRE_KIND_COW_COPY] = {"COW copied", "cow_copied"},
    [QUIRE_KIND_COW_REUSE] = {"COW reused", "cow_reused"},
    [QUIRE_KIND_WRITE_NOTIFY] = {"write-notify", "write_notify"},
};

const struct report_name report_ops[RUN_NR_OPS] = {
    [OP_NONE] = {"invalid", "invalid"},
    [OP_FAULT] = {"fault", "fault"},
    [OP_TOUCH] = {"buffer touch", "touch"},
    [OP_BUS] = {"bus error", "bus"},
    [OP_SYSCALL] = {"system call", "syscall"},
    [OP_MMAP_FILE] = {"mmap of file", "mmap_file"},
    [OP_MMAP_ZERO] = {"mmap of zeros", "mmap_zero"},
    [OP_FILE] = {"file of exec", "file"},
    [OP_FAR] = {"far part of a file", "far"},
    [OP_FILE_CUT] = {"truncated file", "file_cut"},
    [OP_WINDOWS_GONE] = {"files let go", "windows_gone"},
    [OP_FORK] = {"fork", "fork"},
    [OP_FORK_DONE] = {"fork done", "fork_done"},
    [OP_CHILD_START] = {"child start", "child_start"},
    [OP_THREAD] = {"thread", "thread"},
    [OP_THREAD_DONE] = {"thread done", "thread_done"},
    [OP_THREAD_START] = {"thread start", "thread_start"},
    [OP_THREAD_EXIT] = {"thread exit", "thread_exit"},
    [OP_EXIT] = {"exit", "exit"},
    [OP_EXEC_PREPARE] = {"exec", "exec_prepare"},
    [OP_EXEC_ABORT] = {"exec failed", "exec_abort"},
    [OP_EXEC_LOAD] = {"exec load", "exec_load"},
    [OP_EXEC_FILES] = {"exec files", "exec_files"},
    [OP_PROC_OPEN] = {"/proc file", "proc_open"},
    [OP_NOTE] = {"note", "note"},
    [OP_IS_GUEST] = {"is guest", "is_guest"},
    [OP_MACHINE_FILE] = {"machine file", "machine_file"},
    [OP_COMPACT] = {"compaction", "compact"},
    [OP_MMAP_HUGE] = {"mmap of huge file", "mmap_huge"},
    [OP_HUGE_FILE] = {"huge file", "huge_file"},
};

static const char *const report_reasons[QUIRE_NR_REASONS] = {
    [QUIRE_REASON_NONE] = "none",
    [QUIRE_REASON_NO_VMA] = "no_mapping",
    [QUIRE_REASON_PROT_NONE] = "prot_none",
    [QUIRE_REASON_PROT_READ] = "prot_read",
    [QUIRE_REASON_PROT_WRITE] = "prot_write",
    [QUIRE_REASON_PROT_EXEC] = "prot_exec",
    [QUIRE_REASON_STACK_LIMIT] = "stack_limit",
    [QUIRE_REASON_STACK_GAP] = "stack_gap",
    [QUIRE_REASON_BEYOND_EOF] = "beyond_end_of_file",
    [QUIRE_REASON_IO] = "io",
    [QUIRE_REASON_NO_MEMORY] = "no_memory",
    [QUIRE_REASON_GUARD] = "guard",
    [QUIRE_REASON_POISON] = "poison",
    [QUIRE_REASON_HUGE_POOL] = "huge_pool",
    [QUIRE_REASON_HUGE_NODE] = "huge_node",
    [QUIRE_REASON_HUGE_SIZE] = "huge_size",
    [QUIRE_REASON_HUGE_LIMIT] = "huge_limit",
    [QUIRE_REASON_HUGE_RSVD] = "huge_rsvd",
    [QUIRE_REASON_HUGE_LOST] = "huge_lost",
};

const char *report_reason(enum quire_fault_reason r)
{
	return (unsigned)r < QUIRE_NR_REASONS && report_reasons[r] ? report_reasons[r] : "other";
}

const char *report_signal_name(int sig)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {
	    {1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},    {4, "SIGILL"},   {5, "SIGTRAP"},
	    {6, "SIGABRT"},  {7, "SIGBUS"},   {8, "SIGFPE"},     {9, "SIGKILL"},  {10, "SIGUSR1"},
	    {11, "SIGSEGV"}, {12, "SIGUSR2"}, {13, "SIGPIPE"},   {14, "SIGALRM"}, {15, "SIGTERM"},
	    {24, "SIGXCPU"}, {25, "SIGXFSZ"}, {26, "SIGVTALRM"}, {27, "SIGPROF"}, {31, "SIGSYS"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].sig == sig)
			return names[i].name;
	return "a signal";
}

const char *report_clean(const char *s, report_buf buf)
{
	size_t i;

	for (i = 0; s[i] && i < sizeof(report_buf) - 1; i++)
		buf[i] = (unsigned char)s[i] < 0x20 || s[i] == 0x7f ? '?' : s[i];
	buf[i] = 0;
	return buf;
}
