#!/bin/bash
# SPDX-License-Identifier: MIT
#
# start_limits.sh QUIRE GUEST: resource limits are the programs': a soft one hinders no start, and the
# guest has it as natively; of a hard one that does hinder, one line says which it is.  (GUEST lets the
# supervisor use up its time.)
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
cp "$1" "$dir/quire" && cp "$2" "$dir/guest" || exit 1
quire=$dir/quire
failed=0
user=()
[ "$(id -u)" != 0 ] || user=(setpriv --reuid=65534 --regid=65534 --clear-groups)

wrong() {
	echo "FAILED $1: $2"
	failed=1
}

script='ulimit -Sa; ulimit -Ha; cat /proc/self/maps >/dev/null && ls / | wc -l'

# soft LETTER VALUE
soft() {
	native=$(ulimit -S "$1" "$2" && bash -c "$script" 2>&1)
	ours=$(ulimit -S "$1" "$2" && "$quire" run --quiet -- bash -c "$script" 2>&1)
	[ "$ours" = "$native" ] || wrong "ulimit -S $1 $2" "$ours"
}

# hard LETTER VALUE STATUS PATTERN ARG..: what an ordinary user's run says.
hard() {
	said=$(ulimit "$1" "$2" && "${user[@]}" "$quire" run --quiet "${@:5}" 2>&1)
	status=$?
	case "$status $said" in
	"$3 "$4) ;;
	*) wrong "ulimit $1 $2" "status $status: $said" ;;
	esac
}

soft -f 0
soft -f 100
soft -v 4000000
soft -v 300000
soft -d 100000
soft -d 8000
soft -s 64
soft -t 1
soft -l 0
soft -c 0
soft -i 1

list=(-- bash -c 'ls / | wc -l')
here=$(ls / | wc -l)
hard -v 4000000 0 "$here" "${list[@]}"
hard -v 400000 0 "$here" "${list[@]}"
hard -d 100000 0 "$here" "${list[@]}"
hard -d 20000 0 "$here" "${list[@]}"
hard -f 500000 0 "$here" "${list[@]}"
hard -s 64 0 "$here" "${list[@]}"
hard -v 4000000 125 '*RAM: *(try a smaller --ram or a higher ulimit -Hv)' --ram 16G true
hard -v 100000 125 '*RAM: *(try a higher ulimit -Hv)' true
hard -d 20000 125 'quire: cannot start: *(try a smaller --ram or a higher ulimit -Hd)' --ram 16G true
hard -f 500000 125 '*RAM: *(try a smaller --ram or a higher ulimit -Hf)' --ram 16G true
hard -f 100 125 '*RAM: *(try a higher ulimit -Hf)' true
hard -f 100 125 '*RAM: *(try a higher ulimit -Hf)' --ram 16G true
# 128 + SIGXCPU
hard -t 2 152 "quire: the supervisor's CPU time is used up (ulimit -Ht): everything ends" -- "$dir/guest"
exit $failed
