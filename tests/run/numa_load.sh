#!/bin/sh
# SPDX-License-Identifier: MIT
#
# numa_load.sh QUIRE PROG TIMES ROUNDS [SECONDS]: numa_load.c on a machine of two nodes; and so many
# times, shortly, with every hundredth of its later allocations failing, others each time.  Then it may end
# as memory that is out ends a program; nothing may be lost (9), and the book is right (125).
set -u
quire=$1
prog=$2
times=$3
shift 3
failed=0

"$quire" run --quiet --nodes 2:64M,64M -- "$prog" "$@"
status=$?
[ $status = 0 ] || { echo "status $status"; failed=1; }
n=1
while [ $n -le "$times" ]; do
	points=$(seq -s, $((400 + n * 10)) 100 4000)
	timeout 120 "$quire" run --quiet --nodes 2:64M,64M --fail "$points" -- "$prog" 10 >/dev/null 2>&1
	status=$?
	case $status in
	0 | 8 | 137) ;;
	*)
		echo "with failing allocations, time $n: status $status"
		failed=1
		;;
	esac
	n=$((n + 1))
done
[ $failed = 0 ] && echo ok
exit $failed
