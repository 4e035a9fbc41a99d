#!/bin/sh
# SPDX-License-Identifier: MIT
#
# hugetlb_story.sh QUIRE GUEST: who has huge pages privately and forks (hugetlb_story.c) fares the
# same under quire as on the host, with a pool that has as many pages, half as many more, and twice
# as many.
set -u
quire=$1
guest=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/huge_pool.sh"
huge_pool_take 8

for pages in 4 6 8; do
	echo $pages >$huge_pool/nr_hugepages
	timeout 60 "$guest" >"$work/native" 2>&1 ||
		{ echo "FAILED natively: status $?"; cat "$work/native"; exit 1; }
	timeout 60 "$quire" run --quiet --hugepages 2M=$pages -- "$guest" >"$work/quire" 2>&1 ||
		{ echo "FAILED under quire: status $?"; cat "$work/quire"; exit 1; }
	diff "$work/native" "$work/quire" || { echo "FAILED: they differ, of $pages pages"; exit 1; }
	echo "same: $pages pages, $(grep -c ^signal "$work/native") signals"
done
