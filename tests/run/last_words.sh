#!/bin/sh
# SPDX-License-Identifier: MIT
#
# last_words.sh QUIRE: a guest process that Quire cannot let live says why, --quiet or not.
#
# A child whose descriptors are limited below Quire's own, by a parent that may not lift the limit
# again, can hold no life pipe.
set -u
quire=$1
[ "$(id -u)" = 0 ] && command -v setpriv >/dev/null || { echo "skipped: not root, or no setpriv"; exit 77; }

err=$("$quire" run --quiet -- sh -c '
	ulimit -n 16
	exec setpriv --reuid=65534 --clear-groups sh -c "(exit 3)"' 2>&1)
status=$?
case $status:$err in
127:"quire: a new process cannot make itself known to the supervisor: error "*) echo ok ;;
*)
	echo "status $status: $err"
	exit 1
	;;
esac
