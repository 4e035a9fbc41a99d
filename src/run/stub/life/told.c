/* SPDX-License-Identifier: MIT */
/*
 * told.c: what the host tells of a program's start, to itself and to others: its auxiliary vector
 * (/proc/PID/auxv, PR_GET_AUXV) and its environment.  The host has started the stub, and would tell
 * of that.
 *
 *   1. A host without CONFIG_CHECKPOINT_RESTORE cannot be told; then it tells of the stub.
 *   2. The strings stay the host's copies: the guest's own pages are not always there.
 */
#include "run/stub/life/told.h"

#include "run/stub/base/lib.h"
#include "run/stub/base/stub.h"
#include "run/stub/life/start.h"
#include "run/wire/sys.h"

#include <linux/prctl.h>

/* Behind the last of them, or `otherwise`. */
static uint64_t strings_end(char *const *v, uint64_t n, uint64_t otherwise)
{
	return n ? sys_ptr(v[n - 1]) + str_len(v[n - 1]) + 1 : otherwise;
}

void host_is_told(const struct start *s, uint64_t aux_bytes)
{
	struct prctl_mm_map m = {.exe_fd = (uint32_t)-1};

	m.start_code = sys_ptr(stub_text_start);
	m.end_code = m.start_data = m.end_data = sys_ptr(stub_text_end);
	m.start_brk = m.brk = (uint64_t)sys(__NR_brk, 0);
	m.start_stack = sys_ptr(s->argv - 1);
	m.arg_start = sys_ptr(s->argc ? s->argv[0] : (const char *)s->auxv);
	m.arg_end = strings_end(s->argv, s->argc, m.arg_start);
	m.env_start = m.arg_end;
	m.env_end = strings_end(s->envp, s->envc, m.env_start);
	m.auxv = (__u64 *)s->auxv;
	m.auxv_size = (uint32_t)aux_bytes;
	sys(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, &m, sizeof(m));
}
