#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""inherited_fds.py QUIRE: every descriptor that is handed to `quire run` is the program's, at its number,
however many they are, and whatever the limits; and so are the limits."""
import os
import resource
import subprocess
import sys

CHECK = """
import os, resource, sys
first, top = int(sys.argv[1]), int(sys.argv[2])
inode = os.fstat(first).st_ino
print("bad", [fd for fd in range(first, top) if os.fstat(fd).st_ino != inode])
print(os.pread(top - 1, 9, 0), resource.getrlimit(resource.RLIMIT_NOFILE), flush=True)
pid = os.fork()
if not pid:
    os.execv("/bin/echo", ["echo", "executed"])
print(os.waitpid(pid, 0)[1])
"""

# Descriptors from the first number to below the second are open; the soft and the hard limit.
CASES = [(3, 4, 64, 64), (3, 4, 64, 2000), (3, 990, 2000, 2000), (3, 1003, 2000, 2000), (3, 1030, 2000, 2000),
         (3, 1015, 1024, 2000), (3, 1030, 1040, 2000), (3, 1200, 1300, 1300), (3, 14, 20, 2000),
         (1010, 1030, 1024, 2000), (60, 64, 64, 64), (20, 40, 20, 70)]


def prepare(first, top, soft, hard):
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fd = os.memfd_create("x")
    os.write(fd, b"inherited")
    for n in range(first, top):
        os.dup2(fd, n)
    if not first <= fd < top:
        os.close(fd)
    else:
        os.set_inheritable(fd, True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def said(prefix, case):
    argv = prefix + [sys.executable, "-c", CHECK, str(case[0]), str(case[1])]
    pid = os.fork()
    if not pid:
        os.dup2(OUT, 1)
        prepare(*case)
        os.execv(argv[0], argv)
    status = os.waitpid(pid, 0)[1]
    text = os.pread(OUT, 4096, 0).decode()
    os.ftruncate(OUT, 0)
    os.lseek(OUT, 0, 0)
    return status, text


def main():
    run = [os.path.realpath(sys.argv[1]), "run", "--quiet", "--"]
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2000:
        print("skipped: ulimit -Hn is less than 2000")
        sys.exit(77)
    for case in CASES:
        native, quire = said([], case), said(run, case)
        assert native[0] == 0 and native == quire, (case, native, quire)
        print("ok", case, flush=True)


OUT = os.memfd_create("out")
main()
