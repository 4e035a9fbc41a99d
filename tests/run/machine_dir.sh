#!/bin/sh
# SPDX-License-Identifier: MIT
#
# machine_dir.sh QUIRE: the directory of a run for files that tell of its machine goes with the run;
# that of a run that was killed goes with the next one that has such a directory; and what a program has mounted there stays (root).
set -u
quire=$1
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# is WHAT GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		echo "ok $1"
	else
		echo "FAILED $1: got '$2', want '$3'"
		failed=1
	fi
}

# The program tells where the directory is: what it finds in its own list of files of nodes.
where='cat /sys/devices/system/node/online >/dev/null
total() {
	grep MemTotal $1/node/node1/meminfo
}
for d in /dev/shm/quire-machine.* /tmp/quire-machine.*; do
	[ -e $d/node/node1/meminfo ] && [ "$(total $d)" = "$(total /sys/devices/system)" ] && echo $d
done'

dir=$("$quire" run --quiet --nodes 2:36M,68M -- sh -c "$where" | head -n 1)
case $dir in
*/quire-machine.*) echo "ok it is there" ;;
*)
	echo "FAILED: no directory was found: '$dir'"
	exit 1
	;;
esac
is "it goes with the run" "$(ls -d "$dir" 2>/dev/null)" ""

"$quire" run --quiet --nodes 2:40M,72M -- sh -c "{ $where; } >$work/dir; exec sleep 1000" &
pid=$!
until [ -s "$work/dir" ]; do
	kill -0 $pid 2>/dev/null || exit 1
done
kill -9 $pid
wait $pid 2>/dev/null
left=$(head -n 1 "$work/dir")
case $left in
*/quire-machine.*) echo "ok it was there when the run was killed" ;;
*)
	echo "FAILED: no directory was found: '$left'"
	failed=1
	;;
esac
"$quire" run --quiet -- cat /proc/sys/vm/nr_hugepages >/dev/null
is "and has gone after the next run" "$(ls -d "$left" 2>/dev/null)" ""

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir "$work/precious"
	echo content >"$work/precious/file"
	unshare -m "$quire" run --quiet --nodes 2:44M,76M -- sh -c \
		"d=\$($where); mkdir \$d/x && mount --bind $work/precious \$d/x && echo \$d >$work/mounted"
	is "something was mounted" "$(test -s "$work/mounted" && echo yes)" yes
	is "what was mounted there stays" "$(cat "$work/precious/file")" content
	"$quire" run --quiet -- cat /proc/sys/vm/nr_hugepages >/dev/null
	is "and the directory has gone after the next run" "$(ls -d "$(cat "$work/mounted")" 2>/dev/null)" ""
else
	echo "ok what was mounted there stays # SKIP not root"
fi
exit $failed
