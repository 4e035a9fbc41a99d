#!/bin/sh
# SPDX-License-Identifier: MIT
#
# few_fds.sh QUIRE PROG: with few descriptors to be had, fork fails (PROG's status is 0 if it did), and
# the run comes to its end.
ulimit -n 60
exec "$1" run --quiet -- "$2"
