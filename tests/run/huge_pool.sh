# SPDX-License-Identifier: MIT
#
# huge_pool.sh: sourced by tests that look at the host's pool of 2 MiB pages, or change it.

huge_pool=/sys/kernel/mm/hugepages/hugepages-2048kB

# Nobody else changes it from now on, if there is one: the lock, on a directory of /sys, is of all
# tests on the machine.
huge_pool_lock() {
	[ ! -d $huge_pool ] || { exec 9<$huge_pool && flock 9; }
}

huge_pool_back() {
	echo "$huge_pool_was" >$huge_pool/nr_hugepages
	echo "$huge_pool_more" >$huge_pool/nr_overcommit_hugepages
}

# huge_pool_take N: it is empty, and can have N pages; it will be put back when the script ends.
# Where that cannot be the test is skipped, with the reason.
huge_pool_take() {
	[ "$(id -u)" = 0 ] || huge_pool_skip 'only root may change the pool of huge pages'
	[ -w $huge_pool/nr_hugepages ] || huge_pool_skip 'the host has no pool that can be changed'
	huge_pool_lock || huge_pool_skip 'the pool of huge pages cannot be locked'
	huge_pool_was=$(cat $huge_pool/nr_hugepages)
	huge_pool_more=$(cat $huge_pool/nr_overcommit_hugepages)
	[ "$(cat $huge_pool/free_hugepages)" = "$huge_pool_was" ] &&
		[ "$(cat $huge_pool/resv_hugepages)" = 0 ] ||
		huge_pool_skip 'huge pages of the host are in use'
	trap 'huge_pool_back; rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	echo 0 >$huge_pool/nr_overcommit_hugepages && echo "$1" >$huge_pool/nr_hugepages || exit 1
	[ "$(cat $huge_pool/nr_hugepages)" = "$1" ] ||
		huge_pool_skip "the host has not the memory for $1 huge pages"
	echo 0 >$huge_pool/nr_hugepages
}

huge_pool_skip() {
	echo "skipped: $*"
	exit 77
}
