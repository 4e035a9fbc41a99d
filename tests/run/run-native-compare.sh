#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run-native-compare.sh QUIRE CASE: runs one of the cases below on the host and under
# `QUIRE run --quiet`, each in an empty directory, and compares what was written to standard output
# and standard error, and the exit status.  A CASE that is a file is a program to run.
# QUIRE_TIMEOUT: seconds for each (default 120).
#
# 0: the same; 1: different, with the difference; 77: the program is not installed.
set -u
quire=$(realpath "$1") || exit 1
case=$2
[ -f "$case" ] && case=$(realpath "$case")
shift 2
limit=${QUIRE_TIMEOUT:-120}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

need() {
	for p; do
		command -v "$p" >/dev/null || { echo "skipped: no $p"; exit 77; }
	done
}

# What runs both ways.  $1.. is the command.
compare() {
	for side in native quire; do
		mkdir "$work/$side"
		(
			cd "$work/$side" || exit 1
			if [ $side = native ]; then
				timeout -k 5 "$limit" "$@"
			else
				timeout -k 5 "$limit" "$quire" run --quiet -- "$@"
			fi >"../$side.out" 2>"../$side.err" </dev/null
			echo $? >"../$side.status"
		)
	done
	bad=0
	for what in out err status; do
		cmp -s "$work/native.$what" "$work/quire.$what" && continue
		bad=1
		echo "$what differs:"
		diff "$work/native.$what" "$work/quire.$what" | head -n 40
	done
	[ $bad = 0 ] && echo "same: $(wc -c <"$work/native.out") bytes, status $(cat "$work/native.status")"
	return $bad
}

script() {
	cat >"$work/script"
	need "$1"
	compare "$@" "$work/script"
}

case $case in
true) compare true ;;
false) compare false ;;
ls) compare ls -l /usr ;;
find) compare sh -c 'find / -xdev 2>/dev/null | head -n 500' ;;
echo) compare sh -c 'echo out; echo err >&2; exit 7' ;;
killed) compare sh -c 'kill -TERM $$' ;;
segv) compare sh -c 'kill -SEGV $$' ;;
static) compare /sbin/ldconfig -p ;;
notfound) compare sh -c '/nonexistent/x; echo $?; ./; echo $?; /etc/passwd; echo $?' ;;
sort) compare sh -c 'seq 1 300000 | sort -R --random-source=/dev/zero | sort -n | cksum' ;;
sh)
	script sh <<'END'
set -e
a=$(echo sub; (echo shell; (echo deep)))
echo "$a" | tr a-z A-Z | while read -r l; do echo "<$l>"; done
for i in 1 2 3 4 5 6 7 8; do (exit $i) || echo "status $?"; done
cat <<X | wc -c
here document $a
X
trap 'echo usr1' USR1
kill -USR1 $$
trap 'echo bye' EXIT
sleep 0.1 & wait $!
echo done
END
	;;
bash)
	script bash <<'END'
set -m
sleep 0.2 & job=$!
kill -STOP $job; sleep 0.05; kill -CONT $job
while kill -0 $job 2>/dev/null; do wait $job; done; echo over
declare -A m; for i in {1..500}; do m[$i]=$((i*i)); done; echo ${m[77]} ${#m[@]}
diff <(seq 1 20) <(seq 1 2 20) | head -5
coproc cat; echo hello >&${COPROC[1]}; read -r x <&${COPROC[0]}; echo "$x"
(ulimit -v 200000; bash -c 'echo limited')
for i in {1..40}; do /bin/true; done
printf '%s\n' ${PIPESTATUS[@]}
END
	;;
python)
	script python3 <<'END'
import os, mmap, threading, subprocess, signal, array
m = mmap.mmap(-1, 1 << 20); m[5000:5005] = b'hello'
pid = os.fork()
if pid == 0:
    m[0:5] = b'child'; os._exit(3)
print(os.waitpid(pid, 0)[1] >> 8, m[0:5], m[5000:5005])
n = []
ts = [threading.Thread(target=lambda i=i: n.append(sum(range(i * 1000)))) for i in range(16)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(n)[-1], subprocess.run(['echo', 'sub'], capture_output=True).stdout)
signal.signal(signal.SIGALRM, lambda *a: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.05)
signal.pause()
a = array.array('Q', range(1 << 20)); print(sum(a))
open('f', 'wb').write(b'x' * 10000)
with open('f', 'r+b') as f:
    g = mmap.mmap(f.fileno(), 0); g[9999:10000] = b'y'; g.flush(); g.close()
print(open('f', 'rb').read()[-2:])
END
	;;
perl)
	script perl <<'END'
my %h; $h{$_ % 997} .= chr(65 + $_ % 26) for 1 .. 200000;
my $t = 0; $t += length $h{$_} for keys %h; print "$t\n";
my $pid = fork; if (!$pid) { print "child\n"; exit 4 } waitpid $pid, 0; print $? >> 8, "\n";
print join(",", map { sprintf "%03d", $_ } sort { $b <=> $a } 1 .. 30), "\n";
END
	;;
sqlite)
	need sqlite3
	compare sqlite3 t.db 'begin; create table t(a integer primary key, b text);
		with recursive c(i) as (select 1 union all select i+1 from c where i<20000)
		insert into t select i, hex(i*7919) from c; create index x on t(b); commit;
		select count(*), sum(a), min(b), max(b) from t; pragma integrity_check;'
	;;
gcc)
	need gcc
	compare sh -c 'cat >a.c <<X
#include <stdio.h>
int main(void) { puts("compiled"); return 5; }
X
gcc -O1 a.c -o a && ./a'
	;;
tar) need xz; compare sh -c 'tar -C /usr/share -cf - doc/bash doc/tar 2>/dev/null | xz -T2 | xz -d | cksum' ;;
git)
	need git
	compare sh -c 'export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD GIT_AUTHOR_DATE="1000000000 +0000" \
		GIT_COMMITTER_DATE="1000000000 +0000" GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b \
		GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
		git init -q -b main r && cd r && seq 1 5000 >f && git add f && git commit -q -m one &&
		seq 2 5001 >f && git commit -q -am two && git clone -q . ../c && cd ../c &&
		git log --stat && git fsck --no-progress'
	;;
*)
	[ -e "$case" ] || { echo "no such case: $case"; exit 1; }
	compare "$case" "$@"
	;;
esac
