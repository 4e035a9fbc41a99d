#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make_run.sh ROOT BUILD MOST: `make run` builds nothing that it does not need, in MOST steps or less.
set -eu
targets=$(make -C "$1" -n run | sed -n 's/.*ninja -C [^ ]* *//p')
[ -n "$targets" ] || { echo "make run builds everything"; exit 1; }
steps=$(mktemp)
trap 'rm -f "$steps"' EXIT
# shellcheck disable=SC2086
ninja -C "$2" -t commands $targets >"$steps"
n=$(wc -l <"$steps")
echo "make run: $n steps for $targets"
for of in src/check src/port/sched tests bench examples; do
	! grep -E -- "-o $of/" "$steps" || { echo "make run needs nothing of $of"; exit 1; }
done
[ "$n" -le "$3" ] || { echo "more than $3 steps"; exit 1; }
