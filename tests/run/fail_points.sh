#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fail_points.sh QUIRE PROG [MACHINE..]: fails each allocation that PROG's run makes, one run each, on
# a machine with these options (--ram 256M).  Allowed are PROG's own statuses below 9, what a program
# that cannot be loaded gives (127, SIGSEGV), and the kill for want of memory; not allowed are wrong
# memory (9), a broken book (125), a hang, a crash of ours.
set -u
quire=$1
prog=$2
shift 2
[ $# -gt 0 ] || set -- --ram 256M
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

"$quire" run "$@" --report "$work/r.json" -- "$prog" || { echo "fails by itself"; exit 1; }
points=$(sed -n 's/.*"allocation_points": *\([0-9]*\).*/\1/p' "$work/r.json")
[ "${points:-0}" -gt 100 ] || { echo "only ${points:-no} allocation points"; exit 1; }

failed=0
n=1
while [ "$n" -le "$points" ]; do
	timeout -k 5 600 "$quire" run "$@" --quiet --fail "$n" -- "$prog" >"$work/out" 2>&1
	status=$?
	case $status in
	[0-8] | 127 | 137 | 139) ;;
	*)
		echo "point $n: status $status: $(head -n 5 "$work/out")"
		failed=1
		;;
	esac
	n=$((n + 1))
done 2>/dev/null
[ $failed = 0 ] && echo "ok: $points allocation points"
exit $failed
