#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""oom.py QUIRE GUEST TEST: nobody is killed for memory that is on its way back, and who is killed
for memory that is out had most of it."""

import json
import os
import re
import subprocess
import sys
import tempfile

QUIRE, GUEST, TEST = sys.argv[1:4]
ROUNDS = "20"
failed = 0


def check(what, good, *seen):
    global failed
    print("ok" if good else "FAILED", what, *(() if good else seen))
    failed |= not good


def run(ram, *args):
    """(the machine's part of the report, completed process)"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        done = subprocess.run([QUIRE, "run", "--quiet", "--ram", ram, "--report", path, "--", GUEST,
                               *args], capture_output=True, text=True, timeout=600)
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        check("the books balance", report["verify"]["clean"], done.stderr)
        return report["machine"], done


def nobody_dies(*args):
    machine, done = run("16M", *args)
    check(" ".join(args), done.returncode == 0 and machine["out_of_memory"] == [] and
          not done.stderr, done.returncode, done.stdout, done.stderr)


def test_exits():
    for how in "wait4", "nowait", "sigchld", "pidfd", "pipe":
        nobody_dies("told", how, "exits", ROUNDS, "10")


def test_kills():
    for how in "wait4", "nowait", "sigchld", "pidfd", "pipe":
        nobody_dies("told", how, "killed", ROUNDS, "10")
    nobody_dies("told", "kill", "exits", ROUNDS, "10")


def test_execs():
    for how in "wait4", "pipe":
        nobody_dies("told", how, "exec", ROUNDS, "10")


def test_shared():
    nobody_dies("shared", ROUNDS, "13")
    nobody_dies("segment", ROUNDS, "13")


LINE = re.compile(r"quire: out of memory: (.+), ([\d.]+) MiB: killed process (\d+) \(oom_guest\), "
                  r"which held ([\d.]+) MiB(.*)\n")


def test_tables():
    """The tables of one process fill the memory for tables: he dies, who has no RAM to speak of."""
    machine, done = run("128M", "tables")
    check("the hog dies", done.stdout == "hog -9\ninnocents 5\n", done.stdout, done.stderr)
    line = LINE.fullmatch(done.stderr)
    check("the line", line and line[1] == "memory for page tables" and line[2] == "64.0" and
          float(line[4]) > 60 and line[5].count(" (oom_guest) ") == 3 and "; 3 more " in line[5],
          done.stderr)
    ooms = machine["out_of_memory"]
    check("the report", len(ooms) == 1 and ooms[0]["what"] == "page_tables" and
          ooms[0]["total"] == 64 << 20 and ooms[0]["killed"]["held"] > 60 << 20 and
          str(ooms[0]["killed"]["pid"]) == (line and line[3]) and len(ooms[0]["others"]) == 3 and
          ooms[0]["more_processes"] == 3, ooms)


def test_fork():
    """Half of the tables and more are one process's, who forks: he is told so, and soon."""
    machine, done = run("128M", "fork")
    line = LINE.fullmatch(done.stderr)
    check("dies", done.returncode == -9 and not done.stdout, done.returncode, done.stdout)
    check("the line", line and line[1] == "memory for page tables" and 35 < float(line[4]) < 45,
          done.stderr)
    check("the report", len(machine["out_of_memory"]) == 1, machine["out_of_memory"])


def test_line():
    """What is told of one who takes more than there is."""
    machine, done = run("16M", "hungry", "20")
    check("dies", done.returncode == -9, done.returncode)
    line = LINE.match(done.stderr)
    check("the line", line and line[1] == "RAM" and line[2] == "16.0" and
          14 < float(line[4]) <= 16 and not line[5], done.stderr)
    ooms = machine["out_of_memory"]
    check("the report", len(ooms) == 1 and ooms[0]["what"] == "ram" and ooms[0]["total"] == 16 << 20
          and 14 << 20 < ooms[0]["killed"]["held"] < 16 << 20 and ooms[0]["others"] == [] and
          machine["out_of_memory_kills"] == 1, ooms)


def may_lower():
    """Some containers' root may not make a process less likely to be killed."""
    return subprocess.run(["sh", "-c", "echo -1000 > /proc/self/oom_score_adj"],
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def adj(big, small, own, said):
    _, done = run("64M", "adj", big, small, own)
    check(f"adj {big} {small} {own}", done.stdout == said, done.stdout, done.stderr)


def test_adj():
    adj("0", "0", "0", "big -9\nsmall 0\n")
    adj("0", "1000", "0", "big 0\nsmall -9\n")
    adj("100", "500", "0", "big 0\nsmall -9\n")
    adj("100", "300", "0", "big -9\nsmall 0\n")
    adj("0", "0", "1000", "")
    if not may_lower():
        print("skipped: exemptions: oom_score_adj may not be lowered here")
        return
    adj("-1000", "0", "-1000", "big 0\nsmall -9\n")
    adj("-1000", "-1000", "0", "")


def test_exempt():
    """Nobody may be killed: who asks is told, and goes on if he can."""
    if not may_lower():
        print("skipped: exemptions: oom_score_adj may not be lowered here")
        return
    machine, done = run("64M", "adj", "-1000", "-1000", "-1000")
    check("all are exempt", done.returncode == -7 and "no process may be killed" in done.stderr,
          done.returncode, done.stderr)
    check("none is killed", machine["out_of_memory_kills"] == 0, machine["out_of_memory"])
    machine, done = run("16M", "exempt", "20")
    check("a handler", done.stdout == "SIGBUS 1 code 2 address 1\nsome 1\nread -1 EFAULT\nafter 4\n"
          "child 0\n" and done.returncode == 0, done.returncode, done.stdout, done.stderr)
    check("the line", re.match(r"quire: out of memory: RAM: no process may be killed "
                               r"\(oom_score_adj\): process \d+ \(oom_guest\) gets SIGBUS",
                               done.stderr), done.stderr)


globals()["test_" + TEST]()
sys.exit(1 if failed else 0)
