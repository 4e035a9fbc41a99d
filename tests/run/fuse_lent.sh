#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuse_lent.sh QUIRE PROGRAM CASE: fuse_lent.c natively and under quire run, on an empty directory
# in a mount namespace of its own, so that no mount is left.  77: that cannot be had here.
set -u
quire=$1
program=$2
case=$3

[ -r /dev/fuse ] && [ -w /dev/fuse ] || { echo "skipped: no access to /dev/fuse"; exit 77; }
unshare -m --propagation private true || { echo "skipped: no mount namespace"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rmdir "$dir"' EXIT

unshare -m --propagation private "$program" "$case" "$dir" || exit
unshare -m --propagation private "$quire" run --quiet --ram 24M -- "$program" "$case" "$dir"
