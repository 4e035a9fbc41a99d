#!/bin/sh
# SPDX-License-Identifier: MIT
#
# last_words.sh QUIRE: a guest process that Quire cannot let live says why, --quiet or not.
#
# Somebody outside has taken away the numbers that are Quire's from a guest that may not raise its
# limit: its child can put no life pipe there.
set -u
quire=$(realpath "$1")
for p in setpriv python3 prlimit; do
	command -v $p >/dev/null || { echo "skipped: no $p"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: not root"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkfifo "$work/in" "$work/out"
"$quire" run --quiet -- setpriv --reuid=65534 --clear-groups /usr/bin/python3 -S -E -c '
import os, sys
print(os.getpid(), flush=True)
sys.stdin.readline()
pid = os.fork()
if not pid:
    os._exit(3)
os._exit(os.waitpid(pid, 0)[1] >> 8)' <"$work/in" >"$work/out" 2>"$work/err" &
exec 3>"$work/in"
read -r pid <"$work/out"
setpriv --reuid=65534 --clear-groups prlimit --pid "$pid" --nofile=16:16
echo >&3
wait $!
status=$?
err=$(cat "$work/err")
case $status:$err in
127:"quire: a new process cannot make itself known to the supervisor: error "*) echo ok ;;
*)
	echo "status $status: $err"
	exit 1
	;;
esac
