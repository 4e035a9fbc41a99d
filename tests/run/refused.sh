#!/bin/sh
# SPDX-License-Identifier: MIT
#
# refused.sh QUIRE REFUSED: what is refused to REFUSED has one line each, by name; an ordinary program
# has none.
set -u
quire=$1 refused=$2
said=$(mktemp)
trap 'rm -f "$said" "$said.want"' EXIT

"$quire" run --report /dev/null -- "$refused" 2>"$said" || { cat "$said"; exit 1; }
sort >"$said.want" <<'END'
a system call by int $0x80 or sysenter
arch_prctl with ARCH_SHSTK_ENABLE
bpf
clone with CLONE_FILES
clone with CLONE_NEWPID
delete_module
finit_module
futex_requeue
futex_wait
futex_waitv
futex_wake
init_module
io_cancel
io_destroy
io_getevents
io_pgetevents
io_setup
io_submit
io_uring_enter
io_uring_register
io_uring_setup
kexec_file_load
kexec_load
madvise with MADV_COLLAPSE
madvise with MADV_GUARD_INSTALL
madvise with MADV_GUARD_REMOVE
madvise with MADV_HWPOISON
madvise with MADV_SOFT_OFFLINE
map_shadow_stack
memfd_secret
mmap of this socket
mprotect of the vdso
mseal
munmap of the vdso
pkey_alloc
prctl with PR_SET_MM
prctl with PR_SET_SECCOMP
prctl with PR_SET_VMA
process_madvise
ptrace
remap_file_pages
seccomp with SECCOMP_SET_MODE_FILTER
setsockopt with SO_ZEROCOPY
unshare with CLONE_NEWPID
userfaultfd
vmsplice
END
sed -n 's/^quire: \(.*\) is not supported; refused to process [0-9]* (refused)$/\1/p' "$said" | sort |
	diff "$said.want" - || exit 1

"$quire" run --report /dev/null -- sh -c 'ls /; grep -c . /etc/passwd' 2>&1 >/dev/null | grep supported && exit 1
exit 0
