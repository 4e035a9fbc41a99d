#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/examples/output.sh PROGRAM EXPECTED: it succeeds and prints that.
set -eu

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
"$1" >"$out" || status=$?
diff -u "$2" "$out"
exit "$status"
