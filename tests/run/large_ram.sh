#!/bin/sh
# SPDX-License-Identifier: MIT
#
# large_ram.sh QUIRE: the largest machine that --ram can name starts on a host with far less.
set -u
quire=$1
failed=0

for tib in 1 4 8; do
	said=$("$quire" run --quiet --ram ${tib}T -- sh -c 'head -n 1 /proc/meminfo; sleep 0 & wait' 2>&1)
	case $? in
	0) ;;
	*) failed=1 ;;
	esac
	case $said in
	"MemTotal:"*" $((tib << 30)) kB") echo "ok $tib TiB" ;;
	*)
		echo "FAILED $tib TiB: $said"
		failed=1
		;;
	esac
done
exit $failed
