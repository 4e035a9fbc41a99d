#!/bin/sh
# SPDX-License-Identifier: MIT
#
# hugetlb.sh QUIRE DIRECTORY SIDES: the scripts of huge pages come out as they expect on these sides, and the same on
# both.  The host has its pool set for them, which is as it was afterwards.  Those in DIRECTORY/ours are not for the host:
# it would be damaged, or it breaks the promise that they are about.
set -eu
quire=$1 scripts=$2 sides=$3
# What the library does not do yet: page tables that are shared.
open="shared_tables shared_tables_fork"
case $sides in
# Under `quire run` a mount would be the host's, /proc/self/mem is not written to, and what a process
# had is free a while after its end.
*run*)
	open="$open mount_refused mount_sizes quota_steals poke_steals child_copies_first exit_of_owner
surplus_for_owner_copy quota_comes_back"
	;;
esac
out=$(mktemp)
trap 'rm -f "$out"' EXIT
. "$(dirname "$0")/../run/huge_pool.sh"

# Nobody else's scripts and tests are in the midst of it meanwhile.
pool() (
	huge_pool_lock
	cat /sys/kernel/mm/hugepages/hugepages-*kB/nr_*hugepages 2>/dev/null | tr '\n' ' '
)

play() { # SCRIPT...
	"$quire" replay --on "$sides" "$@" >"$out" 2>&1 || status=$?
	awk '
		/: agrees$/ { agree++; kept = ""; next }
		/: differs$/ { differ++; print kept $0; kept = ""; next }
		{ kept = kept $0 "\n" }
		END { printf "%s%d scripts come out as they expect, %d do not\n", kept, agree, differ }
	' "$out"
}

status=0
set -- "$scripts"/*.script
case $sides in
quire | run) set -- "$@" "$scripts"/ours/*.script ;;
esac
if [ "$sides" != host ]; then
	for script; do
		shift
		case " $(echo $open) " in
		*" $(basename "$script" .script) "*) continue ;;
		esac
		set -- "$@" "$script"
	done
fi
before=$(pool)
play "$@"
case $sides in
quire | run) exit "$status" ;;
esac
if reason=$(grep -oE 'host(:|, which) (has no huge pages|lets only root set its huge pages|has huge pages in use already)|no namespaces for the host' "$out"); then
	echo "$reason" | sort -u
	echo "SKIP: the host's huge pages cannot be had here"
	exit 77
fi
after=$(pool)
[ "$before" = "$after" ] || { echo "FAILED: the pools were $before and are $after"; status=1; }
[ "$sides" = host ] || exit "$status"

# Of those that are not for the host, the filter stops what would damage it.
for script in "$scripts"/ours/*.script; do
	case $script in
	*/mark_is_inherited.script | */quota_comes_back.script | */reserved_never_below_zero.script) continue ;;
	esac
	"$quire" replay --filter "$script" >"$out" 2>&1 && { echo "FAILED: not filtered: $script"; status=1; }
	"$quire" replay --on host "$script" >"$out" 2>&1 && { echo "FAILED: executed: $script"; status=1; }
	grep -q 'host: must not get step' "$out" || { cat "$out"; status=1; }
done
exit "$status"
