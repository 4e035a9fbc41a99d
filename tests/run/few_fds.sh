#!/bin/sh
# SPDX-License-Identifier: MIT
#
# few_fds.sh QUIRE MANY STORM: with few descriptors to be had, fork fails (MANY's status is 0 if it did),
# but no child that fork has granted is lost (STORM), and the run comes to its end.  With fewer still a
# pipeline works, or one line says how many are needed.
set -eu
quire=$1
pipeline='echo a b | tr a-z A-Z | cat'

(ulimit -n 60 && exec "$quire" run --quiet -- "$2")
for n in 50 64 100; do
	(ulimit -n $n && exec "$quire" run --quiet -- "$3")
done

refused=0 n=16
while [ $n -le 64 ]; do
	said=$( (ulimit -n $n && exec "$quire" run --quiet -- sh -c "$pipeline") 2>&1) && status=0 || status=$?
	case "$status $said" in
	"0 A B") ;;
	"125 quire: "*" descriptors are needed here, and the hard limit is $n "*) refused=$((refused + 1)) ;;
	*) echo "ulimit -n $n: status $status: $said"; exit 1 ;;
	esac
	[ "$(echo "$said" | wc -l)" = 1 ] || { echo "ulimit -n $n: more than one line: $said"; exit 1; }
	n=$((n + 1))
done
# As many as are said to be needed are enough.
need=$( (ulimit -n 16 && exec "$quire" run --quiet -- true) 2>&1 | tr -dc '0-9 ' | cut -d' ' -f2)
[ $refused = $((need - 16)) ] || { echo "$need are said to be needed, but $refused limits were refused"; exit 1; }

# A soft limit is the guest's alone.
for n in 8 12 20; do
	said=$( (ulimit -Sn $n && exec "$quire" run --quiet -- sh -c "$pipeline; ulimit -Sn") 2>&1)
	[ "$said" = "A B
$n" ] || { echo "ulimit -Sn $n: $said"; exit 1; }
done
