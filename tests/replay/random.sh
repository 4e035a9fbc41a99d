#!/bin/sh
# SPDX-License-Identifier: MIT
#
# random.sh QUIRE SIDES SEED SEEDS COUNT [--huge]: random scripts come out the same on both sides; those of huge pages can
# be executed on the host, and its pools come back.
set -eu
quire=$(realpath "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
status=0
"$quire" replay --on "$2" --random "$3" --seeds "$4" --count "$5" ${6:+"$6"} >out 2>&1 || status=$?
cat out
if grep -q 'no namespaces for the host' out; then
	echo "SKIP: the host's side has no place of its own here"
	exit 77
fi
if reason=$(grep -oE 'host: (has no huge pages|lets only root set its huge pages|has huge pages in use already)' out); then
	echo "$reason" | sort -u
	echo "SKIP: the host's huge pages cannot be had here"
	exit 77
fi
exit "$status"
