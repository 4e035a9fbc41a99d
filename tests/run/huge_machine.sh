#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_machine.sh QUIRE: the pools of a machine with --hugepages, as its programs see and change
# them: in /proc/meminfo, by node, by hugeadm; who may change them, and by which names; and that the
# host's stay as they are.
set -u
quire=$1
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
pools=/sys/kernel/mm/hugepages
nodes=/sys/devices/system/node
small=hugepages-2048kB
large=hugepages-1048576kB

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "FAILED $1: got '$2', want '$3'"
		failed=1
	fi
}

# run OPTIONS.. -- SHELL COMMANDS: what they print, in one line
run() {
	"$quire" run --quiet "$@" 2>&1 | tr -s ' \n' ' ' | sed 's/ $//'
}

hosts() {
	cat $pools/$small/nr_hugepages $pools/$small/nr_overcommit_hugepages 2>&1
}
. "$(dirname "$0")/huge_pool.sh"
huge_pool_lock || exit 1
before=$(hosts)
# A failed test must not leave the host with other pools.
back() {
	[ "$(hosts)" = "$before" ] || {
		set -- $before
		echo "$1" >$pools/$small/nr_hugepages
		echo "$2" >$pools/$small/nr_overcommit_hugepages
	}
	rm -rf "$work"
}
trap back EXIT

# ---- what there is
is 'the machine has none' "$(run -- sh -c "cat $pools/$small/nr_hugepages /proc/sys/vm/nr_hugepages; grep Hugetlb /proc/meminfo")" \
	'0 0 Hugetlb: 0 kB'
is 'pools of both sizes' "$(run --ram 2G --hugepages 2M=6,1G=1 --hugepages-overcommit 2M=3 -- sh -c "
	grep -E 'HugePages_|Hugetlb' /proc/meminfo
	cd $pools; cat $small/nr_hugepages $small/free_hugepages $small/nr_overcommit_hugepages \
		$large/nr_hugepages $large/free_hugepages")" \
	'HugePages_Total: 6 HugePages_Free: 6 HugePages_Rsvd: 0 HugePages_Surp: 0 Hugetlb: 1060864 kB 6 6 3 1 1'
free() {
	run --ram 256M "$@" -- sh -c 'grep MemFree /proc/meminfo' | sed 's/[^0-9]//g'
}
less=$(($(free) - $(free --hugepages 2M=32)))
is 'they are not free memory' "$((less > 65000 && less < 66000))" 1
is 'by node' "$(run --nodes 2:64M,64M --hugepages 2M=5 -- sh -c "
	cat $nodes/node0/hugepages/$small/nr_hugepages $nodes/node1/hugepages/$small/free_hugepages
	grep -h HugePages_ $nodes/node*/meminfo")" \
	"3 2 Node 0 HugePages_Total: 3 Node 0 HugePages_Free: 3 Node 0 HugePages_Surp: 0 Node 1 HugePages_Total: 2 Node 1 HugePages_Free: 2 Node 1 HugePages_Surp: 0"
is 'a node that is not there' "$(run -- sh -c "cat $nodes/node7/hugepages/$small/nr_hugepages")" \
	"cat: $nodes/node7/hugepages/$small/nr_hugepages: No such file or directory"
ls_of() {
	(cd "$1" && find . | sort | tr '\n' ' ')
}
if [ -d $pools/$small ] && [ -d $pools/$large ]; then
	is 'the same files as on the host' "$(run -- sh -c "cd $pools && find . | sort")" \
		"$(ls_of $pools | sed 's/ $//')"
	is 'and of a node' "$(run -- sh -c "cd $nodes/node0/hugepages && find . | sort")" \
		"$(ls_of $nodes/node0/hugepages | sed 's/ $//')"
else
	echo 'ok the same files as on the host # SKIP the host has not both sizes'
fi

# ---- memory runs out
is 'what free huge pages hold is told' "$("$quire" run --quiet --ram 32M --hugepages 2M=12 -- \
	sh -c 'head -c 40M /dev/zero | tail -c 40M >/dev/null' 2>&1 | grep -c 'out of memory: .*; free huge pages 24.0 MiB')" 1

# ---- hugeadm
if command -v hugeadm >/dev/null; then
	is 'hugeadm shows the pools' "$(run --ram 2G --hugepages 2M=6,1G=1 --hugepages-overcommit 2M=3 -- hugeadm --pool-list)" \
		' Size Minimum Current Maximum Default 2097152 6 6 9 * 1073741824 1 1 1'
else
	echo 'ok hugeadm shows the pools # SKIP libhugetlbfs-bin is not installed'
fi

# ---- who is not root
if [ "$(id -u)" != 0 ]; then
	is 'may not change them' "$(run -- sh -c "echo 1 >/proc/sys/vm/nr_hugepages || cat /proc/sys/vm/nr_hugepages" 2>&1 | grep -c 0)" 1
	echo 'ok root changes them # SKIP not root'
	exit $failed
fi
user() {
	run --hugepages 2M=2 --ram 64M -- setpriv --reuid 65534 --clear-groups sh -c "$1"
}
is 'an ordinary user may look' "$(user "cat /proc/sys/vm/nr_hugepages $pools/$small/nr_hugepages")" '2 2'
for file in /proc/sys/vm/nr_hugepages $pools/$small/nr_hugepages $nodes/node0/hugepages/$small/nr_hugepages \
	$pools/$large/demote; do
	is "but not write to $file" "$(user "echo 1 >$file" | grep -c 'Permission denied')" 1
done
chmod 755 "$work"
is 'a run of an ordinary user' "$(setpriv --reuid 65534 --clear-groups "$quire" run --quiet --ram 64M --hugepages 2M=2 -- \
	sh -c "echo 1 >/proc/sys/vm/nr_hugepages; echo 1 >$pools/$small/nr_hugepages; cat $pools/$small/nr_hugepages" 2>&1 |
	sed 's/.*: //' | tr '\n' ' ')" 'Permission denied Permission denied 2 '

# ---- root
is 'nodes change their own' "$(run --nodes 2:64M,64M --hugepages 2M=5 -- sh -c "
	cd $nodes; echo 7 >node1/hugepages/$small/nr_hugepages; echo 1 >node0/hugepages/$small/nr_hugepages
	cat node0/hugepages/$small/nr_hugepages node1/hugepages/$small/nr_hugepages /proc/sys/vm/nr_hugepages")" '1 7 8'
if command -v numactl >/dev/null; then
	is 'nodes of the policy' "$(run --nodes 2:64M,64M -- sh -c "
		echo 4 | numactl --membind 1 tee $pools/$small/nr_hugepages_mempolicy >/dev/null
		echo 6 | numactl --membind 0 tee /proc/sys/vm/nr_hugepages_mempolicy >/dev/null
		cat $nodes/node*/hugepages/$small/nr_hugepages")" '2 4'
else
	echo 'ok nodes of the policy # SKIP numactl is not installed'
fi
is 'demote' "$(run --ram 3G --hugepages 1G=2 -- sh -c "
	cd $pools; echo 1 >$large/demote; cat $large/nr_hugepages $small/nr_hugepages $large/demote_size
	echo 1 >$nodes/node0/hugepages/$large/demote; cat $large/nr_hugepages $small/nr_hugepages")" '1 512 2048kB 0 1024'
is 'as many as there can be' "$(run --ram 64M -- sh -c "
	echo 1000 >/proc/sys/vm/nr_hugepages; n=\$(cat /proc/sys/vm/nr_hugepages); echo \$((n > 8 && n < 32))
	echo 0 >/proc/sys/vm/nr_hugepages; cat $pools/$small/free_hugepages")" '1 0'
is 'what is open tells how it is' "$(run -- sh -c "
	exec 5<$pools/$small/free_hugepages; echo 3 >/proc/sys/vm/nr_hugepages; cat <&5")" 3
is 'a write by a descriptor that was inherited' "$(run -- sh -c "
	exec 5>$pools/$small/nr_hugepages; sh -c 'echo 4 >&5'; cat /proc/sys/vm/nr_hugepages")" 4
is 'a copy to it' "$(run -- sh -c "
	echo 5 >$work/five; cp $work/five /proc/sys/vm/nr_hugepages; dd if=$work/five of=$pools/$small/nr_overcommit_hugepages status=none
	cat /proc/sys/vm/nr_hugepages /proc/sys/vm/nr_overcommit_hugepages")" '5 5'
is 'ordinary files beside the directory' "$(run -- sh -c "
	echo 2 >/proc/sys/vm/nr_hugepages; echo text >/dev/shm/huge.\$\$; cat /dev/shm/huge.\$\$; rm /dev/shm/huge.\$\$")" text

# ---- by other names
if unshare -m true 2>/dev/null; then
	mkdir "$work/sys" "$work/proc" "$work/vm" "$work/pool"
	is 'mounted elsewhere' "$(unshare -m "$quire" run --quiet -- sh -c "
		mount -t sysfs sys $work/sys && mount -t proc proc $work/proc && mount --bind /proc/sys/vm $work/vm &&
			mount --bind $work/sys/kernel/mm/hugepages/$small $work/pool || exit
		echo 1 >$work/sys/kernel/mm/hugepages/$small/nr_hugepages; cat /proc/sys/vm/nr_hugepages
		echo 2 >$work/proc/sys/vm/nr_hugepages; cat $work/sys/devices/system/node/node0/hugepages/$small/nr_hugepages
		touch $work/file; mount --bind $work/sys/kernel/mm/hugepages/$small/nr_overcommit_hugepages $work/file
		for file in $work/vm/nr_hugepages $work/pool/nr_hugepages $work/file; do
			(echo 3 >\$file) 2>/dev/null || echo none
		done
		(cat $work/pool/nr_hugepages) 2>/dev/null || echo none; cat /proc/sys/vm/nr_hugepages
		" 2>&1 | tr '\n' ' ')" '1 2 none none none none 2 '
	ln -s /sys/kernel/mm/hugepages/$small/nr_hugepages "$work/link"
	is 'a link' "$(run -- sh -c "echo 6 >$work/link; cat /proc/sys/vm/nr_hugepages")" 6
else
	echo 'ok mounted elsewhere # SKIP no mount namespaces'
fi

is 'the books balance' "$("$quire" run --ram 1500M --hugepages 2M=9,1G=1 --nodes 1 -- sh -c "
	echo 3 >/proc/sys/vm/nr_hugepages; echo 1 >$pools/$large/demote; echo 20 >$pools/$small/nr_hugepages" 2>&1 |
	grep -o 'verify [a-z]*')" 'verify clean'
is "the host's are as they were" "$(hosts)" "$before"
exit $failed
