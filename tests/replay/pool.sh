#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pool.sh QUIRE: the host's pool of huge pages is as it was after a run that was killed in the midst of a script, however
# that was; and a second run waits for the first to give it back.
set -u
quire=$1
. "$(dirname "$0")/../run/huge_pool.sh"
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

# becomes FILE NUMBER: waits for that, as long as a test may take: other tests may have the pool first.
becomes() {
	until [ "$(cat "$huge_pool/$1")" = "$2" ]; do
		sleep 0.05
	done
}

# number FILE: as it is while nobody has the pool.  What a run that was killed has left is put back before its lock goes.
number() (
	huge_pool_lock
	cat "$huge_pool/$1"
)

# is FILE NUMBER
is() {
	set -- "$1" "$2" "$(number "$1")"
	[ "$3" = "$2" ] || { echo "FAILED: $1 is $3, not $2"; failed=1; }
}

# A script that sets a pool no other test does, and is not at its end before it is killed.
printf 'pool 13\novercommit 1\nmap huge 14h rw private,fixed,hugetlb\nx = map 0 64G r private,noreserve\nread x 60G\n' >"$script"
before=$(number nr_hugepages) overcommit=$(number nr_overcommit_hugepages)
for signal in TERM KILL HUP; do
	"$quire" replay --on host "$script" >/dev/null 2>&1 &
	becomes resv_hugepages 14
	kill -$signal $!
	wait $! 2>/dev/null
	is resv_hugepages 0
	is nr_overcommit_hugepages "$overcommit"
	is nr_hugepages "$before"
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
is nr_hugepages "$before"
is surplus_hugepages 0

# Two at once: neither sees the other's pages.
printf 'pool 3\nmap huge 2h rw private,fixed,hugetlb\nwrite huge 1 7\ncounters -> T3 F2 R1 S0\n' >"$script"
"$quire" replay --on host "$script" "$script" "$script" "$script" >/dev/null 2>&1 &
"$quire" replay --on host "$script" "$script" "$script" "$script" >/dev/null 2>&1 || { echo "FAILED: one of two"; failed=1; }
wait $! || { echo "FAILED: the other of two"; failed=1; }
is nr_hugepages "$before"
exit $failed
