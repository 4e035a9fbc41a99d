#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_said.sh QUIRE GUEST CASE..: what GUEST says of huge pages (huge_said.h) is the same under quire as on
# the host.
set -u
quire=$1
guest=$2
shift 2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/huge_pool.sh"
huge_pool_take 8

echo 8 >$huge_pool/nr_hugepages
for case in "$@"; do
	timeout 60 "$guest" "$case" >"$work/native" 2>&1 ||
		{ echo "FAILED natively: $case: status $?"; cat "$work/native"; exit 1; }
	timeout 60 "$quire" run --quiet --ram 512M --hugepages 2M=8 -- "$guest" "$case" >"$work/quire" 2>&1 ||
		{ echo "FAILED under quire: $case: status $?"; cat "$work/quire"; exit 1; }
	diff "$work/native" "$work/quire" || { echo "FAILED: they differ: $case"; exit 1; }
	echo "same: $case"
done
