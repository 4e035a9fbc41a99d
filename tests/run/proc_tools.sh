#!/bin/sh
# SPDX-License-Identifier: MIT
#
# proc_tools.sh QUIRE: the tools that read memory's files of /proc work under `quire run`, and
# say what the run's machine is, not the host.  Tools that are not installed are skipped.
set -u
quire=$1
ram=268435456
failed=0

run() {
	"$quire" run --quiet --ram 256M -- "$@"
}

ok() {
	echo "ok $1"
}

bad() {
	echo "FAILED $1"
	[ $# -lt 2 ] || printf '  %s\n' "$2"
	failed=1
}

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "got '$2', want '$3'"; fi
}

have() {
	command -v "$1" >/dev/null || {
		echo "ok $1 # SKIP no $1"
		return 1
	}
}

meminfo() {
	got=$(run cat /proc/meminfo | awk '/^MemTotal:/ { print $2 * 1024 }')
	is 'MemTotal is --ram' "$got" $ram
	# The same keys as the host's, in the same order.
	got=$(run cat /proc/meminfo | cut -d: -f1 | cksum)
	is 'meminfo has every line of the host'"'"'s' "$got" "$(cut -d: -f1 /proc/meminfo | cksum)"
	got=$(run cat /proc/meminfo | awk '{ print length($0) }' | sort -un | head -1)
	is 'its columns are as wide' "$got" "$(awk '{ print length($0) }' /proc/meminfo | sort -un | head -1)"
}

smaps_adds_up() {
	# Until the process sleeps and does not change between the files.
	run sh -c 'sleep 9999 & until grep -q ^sleep /proc/$!/cmdline; do :; done
		until before=$(cat /proc/$!/smaps); rollup=$(cat /proc/$!/smaps_rollup)
			[ "$before" = "$(cat /proc/$!/smaps)" ]; do :; done
		echo "$before"; echo ====; echo "$rollup"; kill $!' >"$tmp" || bad 'cat smaps'
	awk '/^====/ { second = 1 }
	     /^Rss:/ { if (second) rollup = $2; else sum += $2 }
	     END { exit !(sum > 0 && sum == rollup) }' "$tmp" &&
		ok 'Rss of smaps adds up to smaps_rollup' || bad 'Rss of smaps adds up to smaps_rollup'
	awk '/^[0-9a-f]+-[0-9a-f]+ / { split($1, r, "-"); n++ }
	     /^VmFlags:/ { flags++ }
	     /^====/ { exit !(n > 5 && n == flags) }' "$tmp" &&
		ok 'each entry of smaps is whole' || bad 'each entry of smaps is whole'
	got=$(run sed -n '2,$s/:.*//p' /proc/self/smaps_rollup | cksum)
	is 'smaps_rollup has the host'"'"'s keys' "$got" "$(sed -n '2,$s/:.*//p' /proc/self/smaps_rollup | cksum)"
	got=$(run cut -d: -f1 /proc/self/status | cksum)
	is 'status has the host'"'"'s keys' "$got" "$(cut -d: -f1 /proc/self/status | cksum)"
	got=$(run cat /proc/self/stat | wc -w)
	is 'stat has the host'"'"'s fields' "$got" "$(cat /proc/self/stat | wc -w)"
}

use_free() {
	have free || return
	got=$(run free -b | awk '/^Mem:/ { print $2 }')
	is 'free tells the RAM' "$got" $ram
	got=$(run free -b | awk '/^Mem:/ { print ($4 > 0 && $4 < $2 && $7 > 0) }')
	is 'free tells what is free' "$got" 1
}

use_ps() {
	have ps || return
	# A shell that has waited for ps may have touched some more of its files since.
	got=$(run sh -c 'ps -o rss= -p $$; awk "/^VmRSS/ { print \$2 }" /proc/$$/status' |
		awk 'NR == 1 { a = $1 } END { d = $1 - a; print (a > 0 && d < 512 && d > -512) }')
	is 'ps tells the Rss of status' "$got" 1
	got=$(run sh -c 'ps -o vsz= -p $$; awk "/^VmSize/ { print \$2 }" /proc/$$/status' |
		awk 'NR == 1 { a = $1 } END { print (a > 0 && a == $1) }')
	is 'ps tells the VmSize of status' "$got" 1
}

use_pmap() {
	have pmap || return
	run sh -c 'pmap -x $$' >"$tmp" || bad 'pmap -x'
	awk '/^[0-9a-f]+ / { sum += $3 } /^total/ { exit !($4 > 0 && $4 == sum) }' "$tmp" &&
		ok 'pmap -x adds up' || bad 'pmap -x adds up' "$(tail -1 "$tmp")"
	run sh -c 'pmap -X $$' >/dev/null && ok 'pmap -X' || bad 'pmap -X'
}

use_top() {
	have top || return
	run sh -c 'TERM=dumb top -b -n1 -p $$' >"$tmp" || bad 'top'
	awk '/Mem *:/ { for (i = 2; i <= NF; i++) if ($i ~ /^total/ && $(i - 1) == 256.0) ok = 1 }
	     END { exit !ok }' "$tmp" && ok 'top tells the RAM' || bad 'top tells the RAM' "$(sed -n 4p "$tmp")"
}

use_psutil() {
	python=/usr/bin/python3
	[ -x $python ] && $python -c 'import psutil' 2>/dev/null || {
		echo 'ok psutil # SKIP no psutil'
		return
	}
	got=$(run $python -c '
import psutil
p = psutil.Process()
a = p.memory_full_info()
x = bytearray(32 << 20)
for i in range(0, len(x), 4096): x[i] = 1
b = p.memory_full_info()
grown = b.rss - a.rss, b.uss - a.uss, b.pss - a.pss
print(all(31 << 20 <= g <= 34 << 20 for g in grown), psutil.virtual_memory().total, len(p.memory_maps()) > 5)')
	is 'psutil sees 32 MiB come' "$got" "True $ram True"
}

tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
meminfo
smaps_adds_up
use_free
use_ps
use_pmap
use_top
use_psutil
exit $failed
