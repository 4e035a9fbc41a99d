#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ending.py QUIRE RAW_FDS CASE: the run ends, whatever its guests have left behind, and by SIGTERM at once."""
import ctypes
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

quire, raw, case = sys.argv[1:4]
LONG = 60  # seconds: more than any of our own bounds
FAN_CLASS_CONTENT, FAN_MARK_ADD, FAN_ACCESS_PERM, FAN_ALLOW, AT_FDCWD = 4, 1, 0x20000, 1, -100


def start(*guest):
    # LeakSanitizer, where quire has it, would wait at the end for threads that do not answer.
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    return subprocess.Popen([quire, "run", "--quiet", "--", *guest], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=env, text=True)


def end(run, status, said=""):
    """It ends by itself; its pipes may be open elsewhere."""
    try:
        run.wait(timeout=LONG)
    except subprocess.TimeoutExpired:
        run.kill()
        sys.exit("FAILED: the run does not end")
    line = os.read(run.stderr.fileno(), 4096).decode() if said else ""
    if run.returncode != status or said not in line:
        sys.exit(f"FAILED: status {run.returncode}, said {line!r}")


def term(run):
    run.send_signal(signal.SIGTERM)


def second_term():
    """A guest that does not mind it is ended by the second one."""
    # Not by print(), which the first one may come amid: that would be an error of Python's.
    run = start(sys.executable, "-c", "import os, signal, time\n"
                "signal.signal(signal.SIGTERM, lambda *a: os.write(1, b'once\\n'))\n"
                "os.write(1, b'here\\n')\nwhile True: time.sleep(1)")
    assert run.stdout.readline() == "here\n"
    term(run)
    assert run.stdout.readline() == "once\n"
    term(run)
    end(run, -signal.SIGTERM, "SIGTERM again: everything ends")
    # And the guest with it: nobody holds the pipe any more.  It may have been told a second time before.
    assert run.stdout.read() in ("", "once\n")


def hidden(by_term):
    """Nobody lives whom we know of, but somebody holds the first process's life pipe."""
    run = start(raw, "hidden_child")
    child = int(run.stdout.readline())
    try:
        if by_term:
            with open(f"/proc/{run.pid}/task/{run.pid}/children") as f:
                first = f.read().split()
            while any(os.path.exists(f"/proc/{p}") for p in first):
                os.sched_yield()
            term(run)
            end(run, -signal.SIGTERM, "SIGTERM reaches no process any more")
        else:
            end(run, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def watch_reads(path):
    """Whoever reads the file waits for us to allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY)
    if fd < 0 or libc.fanotify_mark(fd, FAN_MARK_ADD, ctypes.c_uint64(FAN_ACCESS_PERM), AT_FDCWD, path.encode()):
        print("skipped: no fanotify:", os.strerror(ctypes.get_errno()))
        sys.exit(77)
    return fd


def allow_all_but(fan, pid):
    """Until that process reads, which goes on waiting."""
    while True:
        if not select.select([fan], [], [], LONG)[0]:
            sys.exit("FAILED: the supervisor does not read the program")
        *_, fd, reader = struct.unpack("=IBBHQii", os.read(fan, 24))
        if reader == pid:
            return
        os.write(fan, struct.pack("=iI", fd, FAN_ALLOW))
        os.close(fd)


def blocked(by_term):
    """The guest is dead, but not the request that reads the program which it was about to execute."""
    with tempfile.TemporaryDirectory() as d:
        program = shutil.copy("/bin/true", d)
        fan = watch_reads(program)
        run = start("sh", "-c", f"echo $$; exec {program}")
        guest = int(run.stdout.readline())
        allow_all_but(fan, run.pid)
        os.kill(guest, signal.SIGKILL)
        if by_term:
            while os.path.exists(f"/proc/{guest}"):
                os.sched_yield()
            term(run)
            end(run, -signal.SIGTERM)
        else:
            end(run, 125, "waits for a file that does not answer")
        os.close(fan)


{"second_term": second_term,
 "hidden_term": lambda: hidden(True), "hidden": lambda: hidden(False),
 "blocked_term": lambda: blocked(True), "blocked": lambda: blocked(False)}[case]()
