#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""outlives.py QUIRE GUEST CASE: no process of a run lives on when its supervisor is killed, whatever user it
has become.  As root."""
import os
import signal
import subprocess
import sys

quire, guest, case = sys.argv[1:4]
if os.geteuid():
    print("not root: an ordinary user changes no user ids")
    sys.exit(77)
run = subprocess.Popen([quire, "run", "--quiet", "--", guest, case], stdout=subprocess.PIPE, text=True)
pids = [int(run.stdout.readline()) for _ in range(2)]
run.kill()
run.wait()
try:
    # The pipe's other end is open as long as one of them lives.
    run.communicate(timeout=60)
except subprocess.TimeoutExpired:
    print("FAILED: a process outlives the supervisor, of", pids)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    sys.exit(1)
