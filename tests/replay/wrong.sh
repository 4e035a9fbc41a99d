#!/bin/sh
# SPDX-License-Identifier: MIT
#
# wrong.sh QUIRE: what is wrong with a script or an option is told, with its line, and the status is 2;
# a script that ends its own process is told, with the step, and the status is 1.
set -u
quire=$1
failed=0
script=$(mktemp)
trap 'rm -f "$script"' EXIT

. "$(dirname "$0")/../says.sh"

# gives STATUS WORD ARG...: quire replay exits so, and standard error has the word.
gives() {
	status=$1 word=$2
	shift 2
	says "$status" "$word" replay "$@"
}

# line WORD TEXT: the text is wrong, as the second line of a script.
line() {
	printf '# a script\n%s\n' "$2" >"$script"
	gives 2 ":2: $1" "$script"
}

line "there is no verb 'nosuch'" 'nosuch arena 1'
line 'map needs 4 arguments' 'map arena 1p rw'
line "'zork' is no flag of map" 'map arena 1p rw private,zork'
line "no address has been given the name 'b'" 'read b 1'
line "'heap' is one name too many" 'read arena+heap 1'
line "'08x': what is 'x'" 'read arena 08x'
line "'99999999999999999999' is not a number of 64 bits" 'read arena 99999999999999999999'
line "only a number may follow '-'" 'read heap-arena 1'
line 'a byte is a number from 0 to 255' 'write arena 1 256'
line "'arena' is there in every script" 'arena = map 0 1p rw private'
line "there is no file 'f'" 'truncate f 0'
line "there is no process or thread 'p1'" 'p1: read arena 1'
line 'nodes N: a machine of 1 to 8 nodes' 'nodes 9'
line 'nodes N: a machine of 1 to 8 nodes' 'nodes 2 3'
line "'zork' is no size of huge pages" 'pool 4 zork'
line "'zork' is no node" 'mbind arena 1p bind zork'
printf 'read arena 1\nnodes 2\n' >"$script"
gives 2 ":2: 'nodes' comes before the first step" "$script"
printf 'nodes 8\nread arena 1\n' >"$script"
gives 1 'host: has not 8 nodes' --on host "$script"
printf 'advise arena 1p 100\n' >"$script"
gives 1 'host: must not get step 1: an advice' --on host "$script"
printf 'fork p1\nmount 0\n' >"$script"
gives 2 'a file system is mounted before' "$script"
gives 2 'which script' --filter
gives 2 'filter executes nothing' --filter --on host "$script"
gives 2 'filter executes nothing' --filter --random 1
gives 2 'No such file' /nonexistent
gives 2 'one or two of' --on quire,nosuch /dev/null
gives 2 'is not a number' --random -1
gives 2 'is not a number from 1 on' --random 1 --count 0
gives 2 'is not a number from 1 on' --random 1 --seeds 0
gives 2 'seeds is for --random' --seeds 2

# No octal.
printf 'map arena 010p rw private,fixed\nread arena+9p 1 -> 1 00\n' >"$script"
gives 0 '' "$script"

printf 'unmap 0x400000 0x7fffff000000\nread arena 1\n' >"$script"
gives 1 'host: the process has died at step 1' --on host "$script"
exit $failed
