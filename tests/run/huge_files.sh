#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_files.sh QUIRE GUEST: what files of huge pages make of what is written to them
# (huge_files.c) is the same under quire as on the host.
set -u
quire=$1
guest=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/huge_pool.sh"
huge_pool_take 10

args=
[ -e /sys/kernel/mm/hugepages/hugepages-1048576kB/demote ] || {
	echo 'without pages of 1 GiB: the host has none # SKIP'
	args=small
}
timeout 60 "$guest" $args >"$work/native" || { echo "FAILED natively: status $?"; exit 1; }
echo 0 >$huge_pool/nr_hugepages
timeout 60 "$quire" run --quiet --ram 256M -- "$guest" $args >"$work/quire" ||
	{ echo "FAILED under quire: status $?"; exit 1; }
diff "$work/native" "$work/quire" || { echo 'FAILED: they differ'; exit 1; }
[ "$(cat $huge_pool/nr_hugepages)" = 0 ] || { echo "FAILED: the host's pool has changed"; exit 1; }
echo "same: $(wc -l <"$work/native") lines"
