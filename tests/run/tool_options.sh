#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool_options.sh QUIRE: the command line says what is wrong with it, and what it can do.
set -u
quire=$1
failed=0

. "$(dirname "$0")/../says.sh"

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

says 2 usage
says 2 "'sketch'" sketch
says 2 "'nosuch'" help nosuch
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
says 2 "'x'" version x
says 2 "'x'" help run x
says 125 'no program' run
says 125 'no program' run --
says 125 '--nosuch' run --nosuch true
for size in '' x 12X 1e9 0x10 -1 5.5.5G nan 12KK 99999999999T; do
	says 125 'is not a size' run --ram "$size" true
done
says 125 'out of range' run --ram 12 true
says 125 'out of range' run --ram 17T true
for nodes in '' x 0 33 -1 2x 2: 2:1G 2:1G, 2:1G,x 2:1G,1G,1G 1.5; do
	says 125 "--nodes: '" run --nodes "$nodes" true
done
says 125 'multiple of 4M' run --nodes 2:1G,5M true
says 125 'not those of --ram' run --ram 1G --nodes 2:1G,1G true
says 125 'less than 4M' run --ram 4M --nodes 2 true
says 125 'out of range' run --nodes 2:9T,4M true
for pools in '' x 2M 2M= 2M=x 2M=-1 2M=1x 3M=1 2M=1, 2M=1,,1G=1 2M=1,2M=2 1G=1,2M 2M=1.5 =1 2M=99999999999999999999; do
	says 125 "--hugepages: '" run "--hugepages=$pools" true
	says 125 "--hugepages-overcommit: '" run "--hugepages-overcommit=$pools" true
done
says 125 'largest RAM' run --hugepages 2M=4000000,1G=4096 true
says 125 'only pages of 2M' run --hugepages-overcommit 1G=1 true
says 125 'cannot make 16 huge pages of 2 MiB out of 32 MiB of RAM (try a larger --ram)' run --ram 32M --hugepages 2M=16 true
says 125 'cannot make 0 huge pages of 2 MiB and 2 of 1 GiB out of' run --ram 1G --hugepages 1G=2,2M=0 true
for list in '' x 0 1, ,1 1,,2 1-2 99999999999999999999999; do
	says 125 'is not a list' run --fail "$list" true
done
for time in '' x 0 -1 1e3 100000; do
	says 125 'is not a number of seconds' run --stat "$time" true
done
says 125 'is empty' run --report '' true
says 125 /nonexistent run --report /nonexistent/r true
says 125 --ram run --ram
# A guest cannot install a filter, so it cannot be another quire run.
# (LeakSanitizer, where quire has it, would say that it may trace nobody.)
says 125 'no seccomp filters can be installed here' run --quiet -- \
	env ASAN_OPTIONS=detect_leaks=0 "$quire" run true
for pairs in '' x 0 -1 102 1e1; do
	says 2 'is not a number from 1 to 101' bench --pairs "$pairs"
done
says 2 "no operation has 'nosuch'" bench --only nosuch
says 2 "no operation has 'fork, per'" bench --run --only 'fork, per'
says 2 'only one of --run and --plot' bench --run --plot .
says 2 '--json is for' bench --run --json /nonexistent/x
says 2 '--threads is for' bench --plot . --threads 2
says 2 '--only is for' bench --plot . --only fork
# A result that nobody has got is a failure.
full() {
	status=$1
	shift
	out=/dev/full
	says "$status" 'standard output: ' "$@"
	out=/dev/null
}
full 4 help
full 4 --version
full 4 check --list
full 4 check --help
full 2 replay --help
full 1 bench --help
full 125 run --help
exit $failed
