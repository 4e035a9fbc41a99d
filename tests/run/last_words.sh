#!/bin/sh
# SPDX-License-Identifier: MIT
#
# last_words.sh QUIRE: a guest process that Quire cannot let live says why, --quiet or not.
#
# A child of a parent that has used up its descriptors, and may not raise their limit, can make no
# life pipe.
set -u
quire=$(realpath "$1")
for p in setpriv python3; do
	command -v $p >/dev/null || { echo "skipped: no $p"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }

ulimit -n 64
err=$("$quire" run --quiet -- setpriv --reuid=65534 --clear-groups /usr/bin/python3 -S -E -c '
import os
try:
    while True: os.open("/dev/null", os.O_RDONLY)
except OSError:
    pass
pid = os.fork()
if not pid:
    os._exit(3)
os._exit(os.waitpid(pid, 0)[1] >> 8)' 2>&1)
status=$?
case $status:$err in
127:"quire: a new process cannot make itself known to the supervisor: error "*) echo ok ;;
*)
	echo "status $status: $err"
	exit 1
	;;
esac
