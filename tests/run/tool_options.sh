#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool_options.sh QUIRE: the command line says what is wrong with it, and what it can do.
set -u
quire=$1
failed=0

# wrong STATUS WORD ARG...: exits so, and standard error has the word.
wrong() {
	status=$1 word=$2
	shift 2
	said=$("$quire" "$@" 2>&1 >/dev/null)
	got=$?
	case $got:$said in
	$status:*"$word"*) echo "ok quire $*" ;;
	*)
		echo "FAILED quire $*: $got: $said"
		failed=1
		;;
	esac
}

# right WORD ARG...: exits 0, and standard output has the word.
right() {
	word=$1
	shift
	said=$("$quire" "$@" 2>/dev/null)
	got=$?
	case $got:$said in
	0:*"$word"*) echo "ok quire $*" ;;
	*)
		echo "FAILED quire $*: $got: $said"
		failed=1
		;;
	esac
}

wrong 2 usage
wrong 2 "'sketch'" sketch
wrong 2 "'nosuch'" help nosuch
right 'run a program' help
right 'run a program' --help
right '--ram SIZE' help run
right '--ram SIZE' run --help
right 'run a program' -h
right '--ram SIZE' run -h
for command in '' help version run check replay bench; do
	for option in -V --version; do
		right 'quire ' $command $option
	done
done
right 'quire ' version
for option in -h --help; do
	right 'quire version' version $option
	right 'quire help' help $option
done
wrong 2 "'x'" version x
wrong 2 "'x'" help run x
wrong 125 'no program' run
wrong 125 'no program' run --
wrong 125 '--nosuch' run --nosuch true
for size in '' x 12X 1e9 0x10 -1 5.5.5G nan 12KK 99999999999T; do
	wrong 125 'is not a size' run --ram "$size" true
done
wrong 125 'out of range' run --ram 12 true
wrong 125 'out of range' run --ram 17T true
for list in '' x 0 1, ,1 1,,2 1-2 99999999999999999999999; do
	wrong 125 'is not a list' run --fail "$list" true
done
for time in '' x 0 -1 1e3 100000; do
	wrong 125 'is not a number of seconds' run --stat "$time" true
done
wrong 125 'is empty' run --report '' true
wrong 125 /nonexistent run --report /nonexistent/r true
wrong 125 --ram run --ram
# A guest cannot install a filter, so it cannot be another quire run.
# (LeakSanitizer, where quire has it, would say that it may trace nobody.)
wrong 125 'no seccomp filters can be installed here' run --quiet -- \
	env ASAN_OPTIONS=detect_leaks=0 "$quire" run true
for pairs in '' x 0 -1 102 1e1; do
	wrong 2 'is not a number from 1 to 101' bench --pairs "$pairs"
done
wrong 2 "no operation has 'nosuch'" bench --only nosuch
wrong 2 "no operation has 'fork, per'" bench --run --only 'fork, per'
wrong 2 'only one of --run and --plot' bench --run --plot .
wrong 2 '--json is for' bench --run --json /nonexistent/x
wrong 2 '--threads is for' bench --plot . --threads 2
wrong 2 '--only is for' bench --plot . --only fork
# A result that nobody has got is a failure.
full() {
	status=$1
	shift
	said=$("$quire" "$@" 2>&1 >/dev/full)
	got=$?
	case $got:$said in
	$status:*'standard output: '*) echo "ok quire $* >/dev/full" ;;
	*)
		echo "FAILED quire $* >/dev/full: $got: $said"
		failed=1
		;;
	esac
}
full 4 help
full 4 --version
full 4 check --list
full 4 check --help
full 2 replay --help
full 1 bench --help
full 125 run --help
exit $failed
