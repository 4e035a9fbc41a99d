#!/bin/sh
# SPDX-License-Identifier: MIT
#
# compact.sh QUIRE COMPACT: a program has memory compacted (compact.c): the run's, with and without
# --nodes, and a line and the report tell so.
set -u
quire=$1
guest=$2
node=/sys/devices/system/node
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
	echo "FAILED $*"
	failed=1
}

# compacts WHERE [OPTION...]: pages of which every fourth is gone come together.
compacts() {
	where=$1
	shift
	"$quire" run "$@" --report "$work/r.json" -- "$guest" moved "$where" >"$work/out" 2>&1 ||
		fail "$where $*: status $?"
	grep -q '^quire: compaction: made [1-9][0-9]* blocks of 2 MiB, moved [0-9]* pages' "$work/out" ||
		fail "$where $*: no line, or no block: $(cat "$work/out")"
	grep -q '"compactions": 5,' "$work/r.json" || fail "$where $*: the report has not five of them"
	grep -q '"compacted_blocks": 0,' "$work/r.json" && fail "$where $*: the report has no block"
	grep -q '"clean": true' "$work/r.json" || fail "$where $*: verify is not clean"
}

[ "$(id -u)" = 0 ] || {
	echo 'ok # SKIP only root may write to these files'
	exit 0
}
compacts /proc/sys/vm/compact_memory --ram 32M
compacts $node/node0/compact --ram 32M
compacts /proc/sys/vm/compact_memory --nodes 2:16M,16M
compacts $node/node0/compact --nodes 2:28M,4M
compacts $node/../node/node0/compact --ram 32M
"$quire" run --ram 32M --quiet -- "$guest" moved >"$work/out" 2>&1 || fail "--quiet: status $?"
[ -s "$work/out" ] && fail "--quiet: $(cat "$work/out")"
"$guest" refused || fail 'refused, natively'
"$quire" run --quiet -- "$guest" refused || fail refused
"$quire" run --quiet -- "$guest" others || fail others
"$quire" run --quiet -- "$guest" others $node/node0/compact || fail 'others, of a node'
"$quire" run --quiet --nodes 2 -- "$guest" others $node/node1/compact machine || fail 'others, of a node of two'
[ $failed = 0 ] && echo ok
exit $failed
