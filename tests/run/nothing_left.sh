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

# The brackets keep grep from finding itself.
left() {
	grep -la "8[6]400\.000$$" /proc/[0-9]*/cmdline 2>/dev/null | tr -dc '0-9\n'
}

# Until as many live as the run is made of, or the run has failed.
wait_for() {
	for i in $(seq 600); do
		[ "$(left | wc -l)" -ge "$1" ] && return
		sleep 0.1
	done
	echo "FAILED: $1 processes never came"
	failed=1
}

# Until the sleeper lives and the shell that started it does not.
wait_for_orphan() {
	for i in $(seq 600); do
		words=$(for p in $(left); do tr '\0' ' ' <"/proc/$p/cmdline"; echo; done 2>/dev/null)
		echo "$words" | grep -q "^sleep $mark" && ! echo "$words" | grep -q "^sh -c" && return
		sleep 0.1
	done
	echo "FAILED: the first process never left its child alone"
	failed=1
}

check() {
	for i in $(seq 100); do
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
everybody=15 # the supervisor, the shell, 4 loops, 4 shells with a sleeper each, and a sleeper
guest='n=0; while [ $n -lt 4 ]; do (while :; do :; done) & (sleep '$mark'; :) & n=$((n+1)); done; sleep '$mark'; :'

"$quire" run --quiet -- sh -c "$guest" &
wait_for $everybody
kill -KILL $!
wait $! 2>/dev/null
check "the supervisor killed"

"$quire" run --quiet -- sh -c "$guest" &
run=$!
wait_for $everybody
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
wait_for_orphan
kill -TERM $run
wait $run
status=$?
[ $status = 3 ] || { echo "FAILED: status $status of the first process"; failed=1; }
check "what the first process left"

# Directories that tell of machines are of runs beside this one: machine_dir.sh.
[ -z "$(ls /dev/shm 2>/dev/null | grep quire | grep -v quire-machine)" ] || failed=1
exit $failed
