#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tests/examples/installed.sh BUILD EXAMPLES CC...: what is installed works, wherever the tree lies.
# An embedder has it and nothing else.  Each example is built with what pkg-config says, shared and static, from a folder of its
# own, and runs; the headers also pass in strict C11 and in C++.
set -eu

build=$1
examples=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

DESTDIR=$tmp/root meson install -C "$build" --no-rebuild >"$tmp/log" || { cat "$tmp/log"; exit 1; }
pc=$(find "$tmp/root" -name quire.pc)
[ -n "$pc" ] || { echo "no quire.pc was installed"; exit 1; }
export PKG_CONFIG_PATH="$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR="$tmp/root"
libdir=$(pkg-config --variable=libdir quire)
case $libdir in "$tmp"/*) ;; *) libdir=$tmp/root$libdir ;; esac

echo "== quire finds its checker in the tree that it is in"
quire=$(find "$tmp/root" -path '*/bin/quire')
[ -x "$quire" ] || { echo "no quire was installed"; exit 1; }
for tree in moved root; do
	mv "$tmp"/root "$tmp/moved" 2>/dev/null || mv "$tmp/moved" "$tmp/root"
	env -u QUIRE_CHECK "$tmp/$tree${quire#"$tmp/root"}" check --list >"$tmp/list" ||
		{ echo "quire check does not run from $tmp/$tree"; exit 1; }
	[ -s "$tmp/list" ] || { echo "quire check lists nothing"; exit 1; }
done

cp "$examples"/*.c "$tmp"
cd "$tmp"
for source in *.c; do
	name=${source%.c}
	echo "== $name"
	# shellcheck disable=SC2046
	"$@" -Wall -Wextra -Werror -o "$name" "$source" $(pkg-config --cflags --libs quire)
	# shellcheck disable=SC2046
	"$@" -Wall -Wextra -Werror -static -o "$name-static" "$source" \
		$(pkg-config --static --cflags --libs quire)
	LD_LIBRARY_PATH=$libdir "$here/output.sh" "./$name" "$examples/$name.out"
	"$here/output.sh" "./$name-static" "$examples/$name.out"
done

echo "== a port of one's own needs nothing of the host port's"
# shellcheck disable=SC2046
for name in bare threads; do
	"$@" -Wall -Wextra -Werror -pthread -o own "$name.c" $(pkg-config --cflags quire) "$libdir/libquire.a"
	"$here/output.sh" ./own "$examples/$name.out"
done

for header in "$tmp"/root/*/*/include/quire/*.h "$tmp"/root/*/include/quire/*.h; do
	[ -e "$header" ] && echo "#include <quire/${header##*/}>"
done >headers.c
[ -s headers.c ] || { echo "no headers were installed"; exit 1; }
"$@" -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags quire) headers.c
for cxx in g++ clang++; do
	command -v "$cxx" >/dev/null || continue
	echo 'int main() { return 0; }' | "$cxx" -x c++ -fsyntax-only - 2>/dev/null || continue
	"$cxx" -x c++ -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags quire) headers.c
	echo "also in C++ ($cxx)"
done
