#!/bin/sh
# SPDX-License-Identifier: MIT
#
# huge_told.sh QUIRE GUEST: what /proc tells a guest of huge pages, word by word as the host's.
set -eu

got=$("$1" run --quiet --hugepages 2M=8 -- "$2")
want='untouched: huge
read: huge anon=1 N0=1 kernelpagesize_kB=2048
written: huge anon=2 dirty=1 N0=2 kernelpagesize_kB=2048
shared: huge dirty=1 N0=1 kernelpagesize_kB=2048
rss stays
VmLck:	       0 kB
HugetlbPages:	   10240 kB'
[ "$got" = "$want" ] || {
	printf 'not as the host tells:\n%s\n' "$got"
	exit 1
}
