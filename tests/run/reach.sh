#!/bin/sh
# SPDX-License-Identifier: MIT
#
# reach.sh QUIRE GUEST CASE: the guest succeeds under `quire run`, as who runs the test, and as an ordinary
# user if that is root.
set -u
quire=$1 guest=$2 case=$3
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
# Where an ordinary user can get at them.
cp "$quire" "$dir/quire" && cp "$guest" "$dir/guest" || exit 1
cd "$dir" || exit 1
failed=0

try() {
	who=$1
	shift
	"$@" ./quire run --quiet -- ./guest "$case"
	status=$?
	[ $status = 0 ] && return
	echo "FAILED as $who: status $status"
	failed=1
}

try "$(id -un)"
[ "$(id -u)" != 0 ] || try nobody setpriv --reuid=65534 --regid=65534 --clear-groups
exit $failed
