#!/bin/sh
# SPDX-License-Identifier: MIT
#
# few_fds.sh QUIRE MANY STORM: with few descriptors to be had, fork fails (MANY's status is 0 if it did),
# but no child that fork has granted is lost (STORM), and the run comes to its end.
set -eu
(ulimit -n 60 && exec "$1" run --quiet -- "$2")
for n in 40 64 100; do
	(ulimit -n $n && exec "$1" run --quiet -- "$3")
done
