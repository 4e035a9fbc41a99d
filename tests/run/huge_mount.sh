#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_mount.sh QUIRE GUEST [REGION]: a file system of huge pages (--hugetlbfs) is what the host's is, for
# programs that open files in it and for those that look for it, REGION by libhugetlbfs among them.
set -u
quire=$1
guest=$2
region=${3-}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/huge"

run() {
	timeout 60 "$quire" run --quiet --ram 512M --hugepages 2M=8 "$@"
}

# is WHAT GOT WANT
is() {
	[ "$2" = "$3" ] || { echo "FAILED $1: got '$2', want '$3'"; exit 1; }
	echo "ok $1"
}

is 'an option that is none' "$("$quire" run --hugetlbfs /mnt,size=x true 2>&1 | grep -c -- --hugetlbfs)" 1
is 'a page size that there is not' "$("$quire" run --hugetlbfs /mnt,pagesize=4M true 2>&1 | grep -c pagesize)" 1
. "$(dirname "$0")/huge_pool.sh"
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || huge_pool_skip 'only root can mount'
is 'who is not root' "$(setpriv --reuid 65534 --clear-groups "$quire" run --quiet --ram 64M --hugetlbfs /mnt true 2>&1 |
	grep -c 'only root')" 1
is 'more than the pool has' "$("$quire" run --quiet --ram 64M --hugepages 2M=2 --hugetlbfs "$work/huge,min_size=6M" true 2>&1 |
	grep -c 'not so many')" 1
is 'its line in mounts' "$(run --hugetlbfs "$work/huge,size=3M,mode=1777" -- grep "$work/huge" /proc/mounts)" \
	"hugetlbfs $work/huge hugetlbfs rw,relatime,mode=1777,pagesize=2M,size=2097152 0 0"
is '.. and in mountinfo' "$(run --hugetlbfs "$work/huge,min_size=4M" -- grep "$work/huge" /proc/self/mountinfo |
	sed 's/.* - //')" 'hugetlbfs hugetlbfs rw,pagesize=2M,min_size=4194304'
is 'min_size is reserved' "$(run --hugetlbfs "$work/huge,min_size=4M" -- sed -n 's/HugePages_Rsvd: *//p' /proc/meminfo)" 2
is 'the usual one' "$(run -- grep -c ' /dev/hugepages hugetlbfs ' /proc/mounts)" "$([ -d /dev/hugepages ] && echo 1 || echo 0)"
is "nobody outside sees it" "$(run --hugetlbfs "$work/huge" -- sh -c ": >$work/huge/file; ls $work/huge"; ls "$work/huge")" file
if command -v hugeadm >/dev/null; then
	is 'hugeadm lists it' "$(run --hugetlbfs "$work/huge,mode=1777" -- hugeadm --list-all-mounts | grep -o "$work/huge .*")" \
		"$work/huge rw,relatime,mode=1777,pagesize=2M"
else
	echo 'ok hugeadm lists it # SKIP libhugetlbfs-bin is not installed'
fi
if [ "$region" ]; then
	is 'libhugetlbfs finds it' "$(run --hugetlbfs "$work/huge" -- "$region" | tr '\n' '|')" \
		'pages of 2097152, mounted: 1, tested: 1|7 in a file|'
else
	echo 'ok libhugetlbfs finds it # SKIP libhugetlbfs-dev is not installed'
fi

huge_pool_take 8
echo 8 >$huge_pool/nr_hugepages
for case in names limits; do
	timeout 60 unshare -m sh -c "mount -t hugetlbfs -o size=8M,mode=1777 none $work/huge && cd $work/huge && $guest $case" \
		>"$work/native" 2>&1 || { echo "FAILED natively: $case"; cat "$work/native"; exit 1; }
	run --hugetlbfs "$work/huge,size=8M,mode=1777" -- sh -c "cd $work/huge && $guest $case" >"$work/quire" 2>&1 ||
		{ echo "FAILED under quire: $case"; cat "$work/quire"; exit 1; }
	diff "$work/native" "$work/quire" || { echo "FAILED: they differ: $case"; exit 1; }
	echo "same: $case"
done
