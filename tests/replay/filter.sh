#!/bin/sh
# SPDX-License-Identifier: MIT
#
# filter.sh QUIRE: what would damage the host is refused, with the step and the reason, and what would not is let through.
# Nothing is executed here.
set -u
quire=$1
failed=0
script=$(mktemp)
trap 'rm -f "$script"' EXIT

# judge STATUS TEXT REASON: the script on standard input is judged so, and the text and the reason are told.
judge() {
	cat >"$script"
	said=$("$quire" replay --filter "$script" 2>&1)
	got=$?
	case $got:$said in
	$1:*"$2"*"$3"*) ;;
	*)
		echo "FAILED: wanted $1: $2$3; got $got: $said"
		cat "$script"
		failed=1
		;;
	esac
}

# refused STEP REASON; the script on standard input is refused at that step.
refused() {
	judge 1 "must not get step $1: " "$2"
}

allowed() {
	judge 0 'nothing that the host must not get' ''
}

map='map huge 4h rw private,fixed,hugetlb'
part='a move of a part'
shared='a move of a private mapping of huge pages that a forked relative may share'
unknown='a move from a place that is not known'

# ---- a part of a private mapping is moved
printf '%s\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge+3h 1h 1h maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge+1h 2h 2h maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 4096 4096 maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge+4096 1 1 maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 1h 1h maymove,dontunmap\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 1h 1h maymove,dontunmap,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 1h 2h maymove\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 1h 1h fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 1h 1h 0xff huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 0 1h maymove\n' "$map" | refused 2 "$part"
# .. with other mappings, of which it is the beginning or the end
printf '%s\nmap huge+4h 4p rw private,fixed\nremap huge+3h 1h+4p 1h+4p maymove,fixed huge+8h\n' "$map" | refused 3 "$part"
printf 'map huge 1h rw shared,fixed\nmap huge+1h 4h rw private,fixed,hugetlb\nremap huge 2h 2h maymove,fixed huge+8h\n' |
	refused 3 "$part"
printf '%s\nmap huge+4h 2h rw private,fixed,hugetlb\nremap huge 5h 5h maymove,fixed huge+8h\n' "$map" | refused 3 "$part"
# .. to another length
printf '%s\nremap huge 4h 3h maymove,fixed huge+8h\n' "$map" | refused 2 'to another length'
printf '%s\nremap huge 4h 5h maymove,fixed huge+8h\n' "$map" | refused 2 'to another length'
# .. by a number, by a part that has been moved, of a file, without a reserve, of 1 GiB
printf '%s\nremap 0x110000000000 1h 1h maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap arena+0x10000000000 1h 1h maymove,fixed huge+8h\n' "$map" | refused 2 "$part"
printf '%s\nremap huge 4h 4h maymove,fixed huge+8h\nremap huge+8h 1h 1h maymove,fixed huge\n' "$map" | refused 3 "$part"
printf 'file h hugetlb 4h\nmap huge 4h rw private,fixed h 0\nremap huge 1h 1h maymove,fixed huge+8h\n' | refused 3 "$part"
printf 'mount 8M\nfile h mounted 4h\nmap huge 4h rw private,fixed h 0\nremap huge 1h 1h maymove,fixed huge+8h\n' |
	refused 4 "$part"
printf 'map huge 4h rw private,fixed,hugetlb,noreserve\nremap huge 1h 1h maymove,fixed huge+8h\n' | refused 2 "$part"
printf 'map huge 4h rw private,fixed,0x40000\nremap huge 1h 1h maymove,fixed huge+8h\n' | refused 2 "$part"
printf 'map huge 4h rw 0x40012\nremap huge 1h 1h maymove,fixed huge+8h\n' | refused 2 "$part"
printf 'map huge 1G rw private,fixed,hugetlb,huge_1gb\nremap huge 1h 1h maymove,fixed huge+2G\n' | refused 2 "$part"
# .. of what is in pieces
for cut in 'protect huge 1h r' 'unmap huge+1h 1h' 'unmap huge 1h' 'advise huge 1h dontfork' 'advise huge+1h 1h dontdump' \
	'lock huge 1h' 'unlock huge+3h 1h' 'mbind huge 1h bind n0' 'map huge+1h 4p rw private,fixed' 'unmap huge 4096' \
	'map huge+3h 1h rw shared,fixed,hugetlb' 'remap arena 1p 1p maymove,fixed huge+1h' 'remap huge+1h 2h 1h none'; do
	printf '%s\n%s\nremap huge 4h 4h maymove,fixed huge+8h\n' "$map" "$cut" | refused 3 "$part"
done
printf '%s\nprotect huge 1h r\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 3 "$part"
printf '%s\nprotect huge 1h r\nprotect huge 1h rw\nremap huge 4h 4h maymove,fixed huge+8h\n' "$map" | refused 4 "$part"
# .. by a name
printf 'x = map 0 4h rw private,hugetlb\nremap x 1h 1h maymove,fixed huge\n' | refused 2 "$part"
printf 'x = map 0 4h rw private,hugetlb\nremap x+1h 4h 4h maymove,fixed huge\n' | refused 2 "$unknown"
printf 'x = map huge 4h rw private,fixed,hugetlb\nremap x 1h 1h maymove,fixed huge+8h\n' | refused 2 "$part"
printf 'x = map huge 4h rw private,fixed,hugetlb\nremap huge+2h 1h 1h maymove,fixed huge+8h\n' | refused 2 "$part"
printf 'x = map 0 4h rw private,hugetlb\nx = map 0 1p rw private\nremap x 4h 4h maymove,fixed huge\n' | refused 3 "$unknown"
printf 'map huge 4h rw private,hugetlb\nremap huge+4h 1h 1h maymove,fixed huge+8h\n' | refused 2 "$unknown"
printf 'map 0 4h rw private,hugetlb\nmap huge 1p rw private,fixed\nremap huge 1p 1p maymove,fixed huge+8h\n' | refused 3 "$unknown"
printf 'x = map 0 4h rw private,hugetlb,32bit\nremap 0x40000000 1h 1h maymove,fixed huge\n' | refused 2 "$unknown"
printf 'x = map 0 4h rw private,hugetlb\nremap 0x7f0000000000 1h 1h maymove,fixed huge\n' | refused 2 "$unknown"
printf '%s\nbrk heap+1p\nremap heap+0x8000000000 1h 1h maymove,fixed huge+8h\n' "$map" | refused 3 "$unknown"
# A mapping that may have gone to address 0, for a name may hold nothing.
printf 'x = map huge+20h 1h rw private,fixed,hugetlb\nmap x 4h rw private,fixed,hugetlb\nremap 0 1h 1h maymove,fixed huge\n' |
	refused 3 "$unknown"
# A name that may hold nothing removes nothing for certain.
printf '%s\nx = map huge 4h r private,noreplace\nunmap x 4h\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 4 "$part"
x='x = map huge+20h 1p r private,fixed'
printf '%s\n%s\nremap x+0x110000000000 1h 1h maymove,fixed huge+8h\n' "$map" "$x" | refused 3 "$unknown"
printf '%s\nx = map 0x40000000 1p r private,fixed\nremap x+0x10ffc0000000 1h 1h maymove,fixed huge+8h\n' "$map" |
	refused 3 "$unknown"
printf 'map 0 8h rw private,fixed,hugetlb\nx = map 0 4h rw private,hugetlb\nremap x 4h 4h maymove,fixed huge\n' |
	refused 3 "$unknown"
# A place that the kernel has chosen once it may choose again, in another process too.
printf 'x = map 0 1p rw private\nunmap x 1p\ny = map 0 4h rw private,hugetlb\nremap x 1p 1p maymove,fixed huge\n' |
	refused 4 "$part"
printf 'fork p1\np1: x = map 0 1h rw private\ny = map 0 4h rw private,hugetlb\nremap x 1h 1h maymove,fixed huge\n' |
	refused 4 "$part"
# An unmap that ends in a page of 1 GiB is refused, and removes nothing.
for giant in 'map huge 1G rw shared,fixed,hugetlb,huge_1gb,noreserve' 'shm s 1G hugetlb,huge_1gb' 'mount 0 0 1G'; do
	printf '%s\nmap huge-4h 4h rw private,fixed,hugetlb\nunmap huge-4h 5h\nremap huge-4h 1h 1h maymove,fixed huge-8h\n' "$giant" |
		refused 4 "$part"
done
# What a mapping that may be refused would replace is still there.
printf '%s\nmap huge 4h rw private,fixed\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 3 "$part"
printf '%s\nunmap huge+1 4h\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 3 "$part"
# By a thread.
printf '%s\nthread t\nt: remap huge 1h 1h maymove,fixed huge+8h\n' "$map" | refused 3 "$part"

# ---- pages may be shared
move='remap huge 4h 4h maymove,fixed huge+8h'
printf '%s\nfork p1\n%s\n' "$map" "$move" | refused 3 "$shared"
printf '%s\nfork p1\np1: %s\n' "$map" "$move" | refused 3 "$shared"
printf '%s\nfork p1\np1: fork p2\np2: %s\n' "$map" "$move" | refused 4 "$shared"
printf '%s\nfork p1\np1: exit\n%s\n' "$map" "$move" | refused 4 "$shared"
printf '%s\nfork p1\np1: unmap huge 4h\n%s\n' "$map" "$move" | refused 4 "$shared"
printf '%s\nadvise huge 4h dontfork\nfork p1\n%s\n' "$map" "$move" | refused 4 "$shared"
printf '%s\n%s\nfork p1\nremap huge+8h 4h 4h maymove,fixed huge\n' "$map" "$move" | refused 4 "$shared"
printf '%s\nthread t\nt: fork p1\n%s\n' "$map" "$move" | refused 4 "$shared"
printf 'x = map 0 4h rw private,hugetlb\nfork p1\nremap x 4h 4h maymove,fixed huge\n' | refused 3 "$shared"
printf 'x = map 0 4h rw private,hugetlb\nfork p1\np1: remap x 4h 4h maymove,fixed huge\n' | refused 3 "$shared"
printf 'file h hugetlb 4h\nmap huge 2h rw private,fixed h 0\nmap huge+8h 2h rw private,fixed h 0\nfork p1\n' |
	refused 4 'a fork of two private mappings of one file'
printf 'file h hugetlb 4h\nmap huge 2h rw private,fixed h 0\nfork p1\np1: map huge+8h 2h rw private,fixed h 0\n' |
	refused 4 'a second private mapping of a file'

# ---- the pools
echo 'pool 1025' | refused 1 'beyond all bounds'
echo 'pool -1' | refused 1 'beyond all bounds'
echo 'pool arena' | refused 1 'beyond all bounds'
echo 'pool 0xffffffffffffffff' | refused 1 'beyond all bounds'
echo 'overcommit 1025' | refused 1 'beyond all bounds'
echo 'pool 1 7' | refused 1 'beyond all bounds'
printf 'pool 1000\npool 0\novercommit 25\n' | refused 3 'more than 2 GiB'
printf 'overcommit 25\novercommit 0\npool 1000\n' | refused 3 'more than 2 GiB'
echo 'pool 3 1G' | refused 1 'more than two'
echo 'overcommit 3 1G' | refused 1 'more than two'
printf 'pool 2 1G\npool 1\ndemote 2\n' | refused 3 'more than 2 GiB'
printf 'pool 8\n%s\nfork p1\nunmap huge 4h\npool 2\n' "$map" | refused 5 'Rsvd may be below zero'
printf 'pool 8\n%s\nfork p1\np1: fork p2\np1: exit\nexit\np2: pool 2\n' "$map" | refused 7 'Rsvd may be below zero'
printf 'pool 8\n%s\nfork p1\nadvise huge 4h dontneed\npool 2\n' "$map" | refused 5 'Rsvd may be below zero'

# ---- what is no matter of huge pages
echo 'advise arena 1p 100' | refused 1 'an advice that takes RAM'
echo 'advise arena 1p 101' | refused 1 'an advice that takes RAM'
printf 'file f memfd 1p\nfallocate f 0 1G\n' | refused 2 'more than 64 MiB'
printf 'file f disk 1p\nfallocate f 0xffffffffffffff00 1G\n' | refused 2 'more than 64 MiB'

# ---- what the host may get
printf '%s\n%s\nremap huge+8h 4h 4h maymove,fixed huge\n' "$map" "$move" | allowed
printf '%s\n%s\nremap huge+8h 4h 3h none\nremap huge+8h 3h 3h maymove,fixed huge\n' "$map" "$move" | allowed
printf '%s\nremap huge 4h 2h none\nremap huge 2h 2h maymove,fixed huge+8h\n' "$map" | allowed
printf '%s\nunmap huge+3h 1h\nremap huge 3h 3h maymove,fixed huge+8h\n' "$map" | allowed
printf '%s\nunmap huge 4h\nmap huge 4h rw private,fixed\nremap huge 1h 1h maymove,fixed huge+8h\n' "$map" | allowed
printf '%s\nmap huge+4h 4p rw private,fixed\nremap huge 4h+4p 4h+4p maymove,fixed huge+8h\n' "$map" | allowed
printf '%s\nprotect huge 4h r\n%s\n' "$map" "$move" | allowed
printf '%s\nremap huge 4h 5h none\nremap huge+1h 1h 1h maymove\n' "$map" | allowed
printf 'x = map 0 4h rw private,hugetlb\nremap x 4h 4h maymove,fixed huge\n' | allowed
printf 'map huge 4h rw shared,fixed,hugetlb\nfork p1\nremap huge 1h 1h maymove,fixed huge+8h\n' | allowed
printf '%s\nfork p1\np1: map huge+4h 2h rw private,fixed,hugetlb\np1: remap huge+4h 2h 2h maymove,fixed huge+8h\n' "$map" | allowed
printf 'map arena 4p rw private,fixed\nfork p1\nremap arena 1p 1p maymove,fixed arena+8p\n' | allowed
printf 'pool 1000\novercommit 24\n%s\nfork p1\np1: exit\npool 2\n' "$map" | allowed
printf 'file h hugetlb 4h\nfallocate h 0 1G\n' | allowed
exit $failed
