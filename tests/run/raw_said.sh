#!/bin/sh
# SPDX-License-Identifier: MIT
#
# raw_said.sh QUIRE RAW CASE TEXT [LINES]: the case of RAW succeeds, and there is something on standard
# error (so many lines of it), every line of which has the text.
set -u
quire=$1 raw=$2 case=$3 text=$4
said=$("$quire" run --quiet -- "$raw" "$case" 2>&1 >/dev/null)
status=$?
[ $status = 77 ] && { echo "skipped: the host has no seccomp notifications"; exit 77; }
lines=$(echo "$said" | wc -l)
[ $status = 0 ] && [ -n "$said" ] && ! echo "$said" | grep -qv "$text" && [ "$lines" = "${5:-$lines}" ] && exit 0
echo "status $status: $said"
exit 1
