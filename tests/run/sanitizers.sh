#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sanitizers.sh QUIRE: programs compiled with gcc's sanitizers, which have plans of their own for the whole
# address space, find their errors as they do natively.
set -u
quire=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
command -v gcc >/dev/null || { echo "skipped: no gcc"; exit 77; }

cat >a.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *add(void *arg)
{
	shared++;
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t[2];
	char *p = malloc(100);

	memset(p, 1, 100);
	for (int i = 0; i < 2; i++) {
		pthread_create(&t[i], NULL, add, p);
		if (argc < 2)
			pthread_join(t[i], NULL);
	}
	for (int i = 0; argc > 1 && i < 2; i++)
		pthread_join(t[i], NULL);
	printf("%d %d\n", shared, p[argc > 2 ? 100 : 0]);
	free(p);
	return 0;
}
END

# Finding leaks needs ptrace.
export ASAN_OPTIONS=detect_leaks=0
failed=0 checked=0

# same SANITIZER WORD ARG...: the same status, and both say the word.
same() {
	name=$1 word=$2
	shift 2
	native=$("./$name" "$@" 2>&1)
	want=$?
	case $native in
	*"unexpected memory mapping"*) echo "the native one does not start here: $native"; want=${1:+66}; want=${want:-0} ;;
	esac
	got=$("$quire" run --quiet -- "./$name" "$@" 2>&1)
	status=$?
	checked=$((checked + 1))
	case $status:$got in
	$want:*"$word"*) echo "ok $name $*" ;;
	*)
		echo "FAILED $name $*: status $status, natively $want: $got"
		failed=1
		;;
	esac
}

for name in thread address undefined; do
	gcc -g -w -pthread -fsanitize=$name a.c -o $name || { echo "skipped: gcc has no -fsanitize=$name"; continue; }
	same $name "2 1"
done
[ -x thread ] && same thread "data race" race
[ -x address ] && same address "heap-buffer-overflow" x overflow
[ $checked -gt 0 ] || exit 77
exit $failed
