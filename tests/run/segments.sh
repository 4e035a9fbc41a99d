#!/bin/sh
# SPDX-License-Identifier: MIT
#
# segments.sh QUIRE: what tools see of System V segments, and that the host's limits and ids for
# them count: natively and under `QUIRE run`, each in an IPC namespace of its own, the same.
#
# 77: not root, or no tools.
set -u
quire=$(realpath "$1") || exit 1
for p in unshare ipcmk ipcrm ipcs; do
	command -v "$p" >/dev/null || { echo "skipped: no $p"; exit 77; }
done
unshare -i true 2>/dev/null || { echo "skipped: no IPC namespace of one's own (not root?)"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Keys, processes and times differ.
cat >"$work/script" <<'END'
list() { awk '{ $1 = $5 = $6 = $12 = $13 = $14 = "-"; print }' /proc/sysvipc/shm; }
kernel=/proc/sys/kernel
ipcmk -M 123456
ipcmk -M 4096 -p 0600
list
echo 77 >$kernel/shm_next_id && cat $kernel/shm_next_id
ipcmk -M 4096
cat $kernel/shm_next_id
ipcmk -M 4096
ipcrm -m 1
ipcmk -M 4096
ipcmk -M 4096
echo 32770 >$kernel/shm_next_id
ipcmk -M 4096
for i in $(seq 70); do
	ipcmk -M 4096 >last
	ipcrm -m "$(sed 's/.*: //' last)"
done
cat last
list
echo 8192 >$kernel/shmmax
ipcmk -M 8193
ipcmk -M 8192
echo 3 >$kernel/shmmni
ipcmk -M 4096
echo 4096 >$kernel/shmmni
echo 3 >$kernel/shmall
ipcmk -M 4096
ipcs -l -m
ipcs -u -m
END
for side in native quire; do
	mkdir "$work/$side"
	run=
	[ $side = native ] || run="$quire run --quiet --"
	(cd "$work/$side" && unshare -i $run sh ../script >../$side.out 2>&1)
done
grep -q 'Shared memory id: 77' "$work/native.out" || { echo "the host does not do it:"; cat "$work/native.out"; exit 1; }
diff "$work/native.out" "$work/quire.out" && echo "same: $(wc -l <"$work/native.out") lines"
