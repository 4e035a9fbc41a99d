#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_why.sh QUIRE GUEST STORY: the report says why a huge page was not to be had, who has the others, and how many would
# have sufficed; and with so many the guest is not refused.
set -u
quire=$1 guest=$2 story=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# says WHAT PATTERN: a line of the report does.
says() {
	if grep -qE "$2" "$work/report"; then
		echo "ok $1"
	else
		echo "FAILED $1: no line like '$2'"
		cat "$work/report"
		failed=1
	fi
}

# run POOL COMMAND...
run() {
	pool=$1
	shift
	"$quire" run --hugepages "2M=$pool" --report "$work/report" -- "$@" >"$work/out" 2>"$work/err"
	status=$?
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ] && echo "ok $1" || { echo "FAILED $1: got '$2', want '$3'"; failed=1; }
}

run 4 "$guest" mmap
says 'mmap: it is told' "^  ! ENOMEM in [0-9]+ huge_why: mmap of 5 huge pages of 2M: no huge page is free"
says 'mmap: the pool' '^      pool of 2M: 4 pages, 4 free$'
says 'mmap: what suffices' '^      all that was mapped, with this, needs 5 pages: --hugepages 2M=5$'
says 'mmap: how often' '^      3 times, of any length$'
is 'mmap: told where there is no report, for the program has failed' \
	"$(grep -c 'mmap of 5 huge pages of 2M was refused: ENOMEM' "$work/err")" 1
"$quire" run --quiet --hugepages 2M=4 -- sh -c "$guest mmap; exit 0" 2>"$work/err"
is 'mmap: not so if it has not' "$(cat "$work/err")" ''

run 2 "$guest" noreserve
says 'noreserve: the page' '^      page 2 of its file \(2M\)$'
says 'noreserve: who has them' '^      pool of 2M: 2 pages, 0 free; [0-9]+ huge_why has 2$'
says 'noreserve: what suffices' '^      all that was mapped needs 3 pages: --hugepages 2M=3$'
run 3 "$guest" noreserve
is 'noreserve: and so it is' $status 2

run 2 "$guest" after
says 'after: another page was taken' '^      the mapping is lost since another page of it was taken$'
says 'after: by whom' '^        .* before: [0-9]+ huge_why, whose mapping it is, wrote to it: .* taken from [0-9]+ huge_why$'
says 'after: what suffices' '^      all that was mapped needs 4 pages: --hugepages 2M=4$'

run 4 "$story"
pid=$(grep -oE 'promised 4 pages to [0-9]+' "$work/report" | head -n 1 | grep -oE '[0-9]+$')
says 'story: the parent took it' "^        .* before: $pid hugetlb_story, whose mapping it is, wrote to it"
says 'story: the parent has them' "^      pool of 2M: 4 pages, 0 free; $pid hugetlb_story has 4$"
exit $failed
