#!/bin/sh
# SPDX-License-Identifier: MIT
#
# agree.sh QUIRE SIDES DIRECTORY: the scripts below the directory come out the same on both sides,
# and as they expect.  Those in DIRECTORY/open do not yet: each says what differs.  Those in DIRECTORY/hugetlb want the
# host's pool of huge pages, and have a test of their own.
set -eu
quire=$1 sides=$2 scripts=$3
out=$(mktemp)
trap 'rm -f "$out"' EXIT

status=0
find "$scripts" -name '*.script' ! -path "$scripts/open/*" ! -path "$scripts/hugetlb/*" | sort |
	xargs "$quire" replay --on "$sides" >"$out" 2>&1 || status=$?
if grep 'no namespaces for the host' "$out"; then
	echo "SKIP: the host's side has no place of its own here"
	exit 77
fi
# The steps of a script that agrees are of no interest.
awk '
	/: agrees$/ { agree++; kept = ""; next }
	/: differs$/ { differ++; print kept $0; kept = ""; next }
	{ kept = kept $0 "\n" }
	END { printf "%s%d scripts agree, %d differ\n", kept, agree, differ }
' "$out"
exit "$status"
