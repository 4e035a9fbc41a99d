#!/bin/sh
# SPDX-License-Identifier: MIT
#
# numa_tools.sh QUIRE: what programs are told of the nodes of a machine with --nodes, and what
# numactl, memhog and lscpu make of it.  Tools that are not installed are skipped.
set -u
quire=$1
failed=0
node=/sys/devices/system/node
weights=/sys/kernel/mm/mempolicy/weighted_interleave

run() {
	"$quire" run --quiet --nodes 2:128M,64M -- "$@" 2>&1
}

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "FAILED $1: got '$2', want '$3'"
		failed=1
	fi
}

# has WHAT TEXT WORD: the text has it.
has() {
	case $2 in
	*"$3"*) echo "ok $1" ;;
	*)
		echo "FAILED $1: '$2' without '$3'"
		failed=1
		;;
	esac
}

have() {
	command -v "$1" >/dev/null || {
		echo "ok $1 # SKIP no $1"
		return 1
	}
}

files() {
	for list in online possible has_memory has_normal_memory; do
		is "$list" "$(run cat $node/$list)" 0-1
	done
	is distance "$(run cat $node/node1/distance)" '20 10'
	is 'size of node 0' "$(run sh -c "awk '/MemTotal/ { print \$4 }' $node/node0/meminfo")" 131072
	is 'size of node 1' "$(run sh -c "awk '/MemTotal/ { print \$4 }' $node/node1/meminfo")" 65536
	is 'names in meminfo' "$(run sed 's/^Node [0-9]* //; s/:.*//' $node/node1/meminfo)" \
		"$(sed 's/^Node [0-9]* //; s/:.*//' $node/node0/meminfo)"
	is 'layout of meminfo' "$(run sed 's/[0-9]/ /g; s/  */ /g' $node/node1/meminfo)" \
		"$(sed 's/[0-9]/ /g; s/  */ /g' $node/node0/meminfo)"
	for file in numastat vmstat; do
		is "names in $file" "$(run sed 's/ .*//' $node/node1/$file)" \
			"$(sed 's/ .*//' $node/node0/$file)"
	done
	is 'no third node' "$(run sh -c "test -e $node/node2; echo \$?")" 1
	is directory "$(run sh -c "ls -d $node/node*" | tr '\n' ' ')" "$node/node0 $node/node1 "
	is 'listing' "$(run sh -c "ls -l $node/node1 >/dev/null; echo \$?")" 0
	is 'by the bus' "$(run ls /sys/bus/node/devices | tr '\n' ' ')" 'node0 node1 '
	is 'Mems_allowed' "$(run sh -c "sed -n 's/^Mems_allowed:.*,0*/0*/p; s/^Mems_allowed_list:.//p' /proc/self/status" |
		tail -n 1)" 0-1
	has 'Mems_allowed, a map' "$(run grep Mems_allowed: /proc/self/status)" 3
	is 'without --nodes' "$("$quire" run --quiet -- cat $node/online $node/node0/cpumap)" \
		"$(cat $node/online $node/node0/cpumap)"
}

# Each processor is on one node, which has it in its list and its map.
processors() {
	got=$(run sh -c "cat $node/node*/cpulist")
	[ "$(getconf _NPROCESSORS_ONLN)" = 2 ] || {
		echo 'ok processors # SKIP not two of them'
		return
	}
	is cpulist "$(echo "$got" | tr '\n' ' ')" '0 1 '
	is cpumap "$(run sh -c "cat $node/node*/cpumap" | tr '\n' ' ')" '1 2 '
	is 'node of a processor' "$(run sh -c 'ls -d /sys/devices/system/cpu/cpu1/node1; test -e /sys/devices/system/cpu/cpu1/node0; echo $?' |
		tr '\n' ' ')" '/sys/devices/system/cpu/cpu1/node1 1 '
	have lscpu || return
	has lscpu "$(run lscpu | tr -s ' ')" 'NUMA node1 CPU(s): 1'
}

weights() {
	is 'weights at first' "$(run cat $weights/node0 $weights/node1 | tr '\n' ' ')" '1 1 '
	is 'weight written' "$(run sh -c "echo 3 >$weights/node1; cat $weights/node1")" 3
	is 'by another program' "$(run sh -c "/bin/echo 0x11 >$weights/node1; cat $weights/node1")" 17
	for weight in 0 256 x 3x ''; do
		is "weight '$weight'" "$(run sh -c "echo $weight 2>/dev/null >$weights/node0 || cat $weights/node0")" 1
	done
}

# policy ARG...: what numactl with these arguments says of the policy that a program gets.
policy() {
	run numactl "$@" numactl --show | sed -n 's/^policy: //p; s/^membind: //p; s/^interleavemask: //p' |
		tr '\n' ' '
}

tools() {
	have numactl || return
	got=$(run numactl -H)
	has 'numactl -H' "$got" 'available: 2 nodes (0-1)'
	has 'numactl -H, size' "$got" 'node 1 size: 64 MB'
	has 'numactl -H, distances' "$got" '1:  20  10'
	has 'numactl --membind' "$(policy --membind 1)" bind
	has 'numactl --interleave' "$(policy --interleave all)" interleave
	has 'numactl --preferred' "$(policy --preferred 1)" preferred
	has 'numactl --localalloc' "$(policy --localalloc)" local
	has 'no such node' "$(run numactl --membind 2 true)" 'out of range'
	have memhog || return
	for place in --membind=1 --preferred=1; do
		is "memhog $place" "$(run numactl $place sh -c "memhog 20M >/dev/null && cat $node/node1/numastat" |
			awk '/^numa_hit/ { print ($2 > 5000) }')" 1
	done
	is 'memhog interleaved' "$(run sh -c "memhog -r1 40M interleave 0,1 >/dev/null && cat $node/node*/numastat" |
		awk '/^interleave_hit/ { print ($2 > 5000) }' | tr '\n' ' ')" '1 1 '
	is 'memhog on a node that is too small' \
		"$(run sh -c 'numactl --preferred=1 memhog 100M >/dev/null; echo $?')" 0
}

# sums: of the numa_maps that are read, how many private pages are on node 0 and on node 1.
sums='
	/ anon=/ { for (i = 2; i <= NF; i++) if (sub(/^N0=/, "", $i)) a += $i; else if (sub(/^N1=/, "", $i)) b += $i }
	END { print a + 0, b + 0 }'

# Another process's pages go to the other node and back; the process has its words still.
migrated() {
	have migratepages || return
	cat >"$work/migrate" <<'END'
		mkfifo "$1/go" "$1/told"
		sh -c 'x=$(head -c 300000 /dev/zero | tr "\0" x); : >"$1/told"; read -r go <"$1/go"; echo ${#x} | cat >"$1/told"' sh "$1" &
		: <"$1/told"
		for to in 1 0 1; do
			migratepages $! $((1 - to)) $to || echo "migratepages: $?"
			awk "$2" /proc/$!/numa_maps
		done
		echo >"$1/go"
		cat "$1/told"
		wait
END
	got=$(run sh "$work/migrate" "$work" "$sums" | tr '\n' ' ')
	is 'migratepages to and fro' "$(echo "$got" | awk '{
		print ($1 == 0 && $2 > 75), ($3 == $2 && $4 == 0), ($5 == 0 && $6 == $2), $7, NF }')" '1 1 1 300000 7'
	is 'numactl --membind, in numa_maps' \
		"$(run numactl --membind=1 sh -c "x=\$(head -c 99999 /dev/zero | tr '\\0' x); awk '$sums' /proc/\$\$/numa_maps" |
			awk '{ print ($1 == 0 && $2 > 25) }')" 1
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

files
processors
weights
tools
migrated
exit $failed
