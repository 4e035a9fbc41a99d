#!/bin/sh
# SPDX-License-Identifier: MIT
#
# nothing_left.sh QUIRE: no guest outlives the run, whoever is killed, and a killed guest's memory is
# given back (verify is clean, else the status is 125).
set -u
quire=$1
# So many seconds: what tells our processes from others, which are not to be killed.
mark=86400.000$$
failed=0

left() {
	for d in /proc/[0-9]*; do
		[ "${d#/proc/}" = $$ ] && continue
		{ tr '\0' ' ' <"$d/cmdline"; } 2>/dev/null | grep -qF "$mark" && echo "${d#/proc/}"
	done
}

check() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ -z "$(left)" ] && break
		sleep 0.3
	done
	if [ -z "$(left)" ]; then
		echo "ok $1"
	else
		echo "FAILED $1: processes left: $(left | tr '\n' ' ')"
		kill -KILL $(left)
		failed=1
	fi
}

# Loops, sleepers, children of children.
guest='n=0; while [ $n -lt 4 ]; do (while :; do :; done) & (sleep '$mark'; :) & n=$((n+1)); done; sleep '$mark'; :'

"$quire" run --quiet -- sh -c "$guest" &
sleep 1
kill -KILL $!
wait $! 2>/dev/null
check "the supervisor killed"

"$quire" run --quiet -- sh -c "$guest" &
run=$!
sleep 1
# Some may have been born while the others were looked for.
while guests=$(left | grep -vx $run) && [ -n "$guests" ]; do
	kill -KILL $guests 2>/dev/null
done
wait $run 2>/dev/null
status=$?
[ $status = 137 ] || { echo "FAILED: status $status after the guests were killed"; failed=1; }
check "every guest killed"

"$quire" run --quiet -- sh -c "sleep $mark & exit 3" &
run=$!
sleep 0.5
kill -TERM $run
wait $run
status=$?
[ $status = 3 ] || { echo "FAILED: status $status of the first process"; failed=1; }
check "what the first process left"

[ -z "$(ls /dev/shm 2>/dev/null | grep quire)" ] || failed=1
exit $failed
