#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pool.sh QUIRE: the host's pool of huge pages is as it was after a run that was killed in the midst of a script, however
# that was; and a second run waits for the first to give it back.
set -u
quire=$1
dir=/sys/kernel/mm/hugepages/hugepages-2048kB
script=$(mktemp)
mkfifo "$script.hold"
trap 'rm -f "$script" "$script.hold" "$script.said"' EXIT
failed=0

printf 'pool 3\nmap huge 2h rw private,fixed,hugetlb\nwrite huge 1 7\ncounters -> T3 F2 R1 S0\n' >"$script"
reason=$("$quire" replay --on host "$script" 2>&1) || {
	echo "$reason" | grep -oE 'host: (has no huge pages|lets only root set its huge pages|has huge pages in use already)' || exit 1
	echo "SKIP: the host's huge pages cannot be had here"
	exit 77
}

# becomes FILE NUMBER: it does, in half a minute.
becomes() {
	tries=0
	until [ "$(cat "$dir/$1")" = "$2" ]; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { echo "FAILED: $1 stays $(cat "$dir/$1"), not $2"; failed=1; return; }
		sleep 0.05
	done
}

# A script that sets a pool no other test does, and is not at its end before it is killed.
printf 'pool 13\novercommit 1\nmap huge 14h rw private,fixed,hugetlb\nx = map 0 64G r private,noreserve\nread x 60G\n' >"$script"
before=$(cat $dir/nr_hugepages) overcommit=$(cat $dir/nr_overcommit_hugepages)
for signal in TERM KILL HUP; do
	"$quire" replay --on host "$script" >/dev/null 2>&1 &
	becomes resv_hugepages 14
	kill -$signal $!
	wait $! 2>/dev/null
	becomes resv_hugepages 0
	becomes nr_overcommit_hugepages "$overcommit"
	becomes nr_hugepages "$before"
done

# A page that another takes from the pool and keeps: the run says so, and stops; it is put right when that has gone.
printf 'pool 13\nx = map 0 64G r private,noreserve\nread x 1G\n' >"$script"
python3 -c '
import mmap, sys
page = None
while not page:
    try:
        page = mmap.mmap(-1, 2 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000)
    except OSError:
        pass
page[0] = 1
sys.stdin.read()' <"$script.hold" &
taker=$!
exec 9>"$script.hold"
"$quire" replay --on host "$script" "$script" >/dev/null 2>"$script.said"
status=$?
[ $status = 3 ] || { echo "FAILED: status $status, not 3"; failed=1; }
grep -q 'after this script the pools of huge pages are not what they were before: 2048 kB: T1 F0 R0 S1' "$script.said" ||
	{ cat "$script.said"; failed=1; }
exec 9>&-
wait $taker
becomes nr_hugepages "$before"
becomes surplus_hugepages 0

# Two at once: neither sees the other's pages.
printf 'pool 3\nmap huge 2h rw private,fixed,hugetlb\nwrite huge 1 7\ncounters -> T3 F2 R1 S0\n' >"$script"
"$quire" replay --on host "$script" "$script" "$script" "$script" >/dev/null 2>&1 &
"$quire" replay --on host "$script" "$script" "$script" "$script" >/dev/null 2>&1 || { echo "FAILED: one of two"; failed=1; }
wait $! || { echo "FAILED: the other of two"; failed=1; }
becomes nr_hugepages "$before"
exit $failed
