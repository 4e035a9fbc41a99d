#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""cli.py QUIRE: the command line of `quire check`: options, ids, shards, merging, workers."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

QUIRE = sys.argv[1]
SMALL = "fault-munmap"
RULE = "vma-dead-check"
FAILED = []


def check(*args, env=None, prefix=()):
    command = [*prefix, QUIRE, "check", *args]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=250)


def expect(name, good, *what):
    print("ok" if good else "FAILED", name)
    if not good:
        FAILED.append(name)
        for w in what:
            print("   ", w)


def wrong(word, *args, status=2):
    r = check(*args)
    expect(f"refused: {args}", r.returncode == status and word in r.stderr, r)


def outcomes(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def test_lists():
    r = check("--list")
    expect("--list", r.returncode == 0 and SMALL in r.stdout and RULE in r.stdout, r)
    sources = [line.split("from: ")[1] for line in r.stdout.splitlines() if "from: " in line]
    expect("sources are told", len(sources) > 100)
    expect("sources can be looked up", not [s for s in sources if "message" in s], sources)
    for args in (["check", "--help"], ["check", "-h"], ["help", "check"]):
        r = subprocess.run([QUIRE, *args], capture_output=True, text=True)
        expect(f"{args}", r.returncode == 0 and "--replay" in r.stdout, r)
    expect("--version", check("--version").stdout.startswith("quire "))
    expect("-V", check("-V").stdout.startswith("quire "))


def test_conflicts():
    r = check("--conflicts")
    expect("--conflicts", r.returncode == 0 and "0 of them shared" in r.stdout, r)


def test_wrong():
    for value in ("", "x", "-1", "1e3", "61", "99999999999999999999"):
        wrong("--bound", "--bound", value, SMALL)
    for value in ("", "1", "2/2", "1/0", "-1/2", "1/2/3", "a/b"):
        wrong("--shard", "--shard", value, SMALL)
    wrong("--jobs", "--jobs", "0", SMALL)
    wrong("--split", "--split", "0", SMALL)
    wrong("--schedules", "--schedules", "0", SMALL)
    wrong("'nosuch'", "--without", "nosuch", SMALL)
    wrong("'nosuch'", "nosuch")
    wrong("'nosuch-*'", "nosuch-*")
    wrong("--nosuch", "--nosuch")
    wrong("no file", "--merge")
    wrong("/nonexistent", "--merge", "/nonexistent/a")
    wrong("/nonexistent", "--json", "/nonexistent/a", SMALL)
    wrong("only one of", "--list", "--matrix")
    wrong("only one of", "--conflicts", "--list")
    wrong("unexpected", "--list", SMALL)
    wrong("unexpected", "--conflicts", SMALL)


def test_ids():
    for i in ("", SMALL, "nosuch@-", f"{SMALL}@", f"{SMALL}@0", f"{SMALL}@0:1", f"{SMALL}@9:1>0",
              f"{SMALL}@0:1>0,", f"{SMALL}@0:1?0", f"{SMALL}~@-", f"{SMALL}~nosuch@-",
              f"{SMALL}~{RULE},@-", f"{SMALL}@0:99999999999>1", f"{SMALL}@" + "0:1>1," * 400):
        wrong("quire check:", "--replay", i)


def test_missing_checker():
    r = check(env=dict(os.environ, QUIRE_CHECK="/nonexistent"))
    expect("no checker", r.returncode == 4 and "/nonexistent" in r.stderr, r)


def test_checker_of_another_tree(tmp):
    """Only the one of the same build is taken without a word."""
    lone = os.path.join(tmp, "quire")
    shutil.copy(QUIRE, lone)
    r = subprocess.run([lone, "check", "--version"], capture_output=True, text=True)
    expect("installed elsewhere: told", "taking /" in r.stderr, r)
    with open(os.path.join(tmp, "build.ninja"), "w", encoding="utf-8"):
        pass
    r = subprocess.run([lone, "check", "--version"], capture_output=True, text=True)
    expect("not built yet", r.returncode == 4 and "`make` builds it" in r.stderr and not r.stdout, r)


def test_explore(tmp):
    path = os.path.join(tmp, "whole")
    r = check(SMALL, "--json", path)
    expect("exhausted", r.returncode == 0 and "exhausted" in r.stdout, r)
    expect("json", outcomes(path)[0]["verdict"] == "exhausted")
    r = check("fault-munm?p", "--json", "-", "-j1")
    expect("json on stdout", json.loads(r.stdout)["scenario"] == SMALL and "exhausted" in r.stderr, r)
    one, two = (check(SMALL, "-j", n).stdout.split(" pruned")[0] for n in "12")
    expect("jobs do not matter", one == two, one, two)


def test_split():
    """A scenario given to several jobs: the same answers."""
    r = check(SMALL, "--split", "10", "-j3")
    expect("split: exhausted", r.returncode == 0 and "exhausted" in r.stdout, r)
    r = check(SMALL, "--split", "10", "-j3", "--no-cache")
    expect("split: without states", r.returncode == 0 and "exhausted" in r.stdout, r)
    r = check(SMALL, "--split", "10", "-j3", "--without", RULE)
    expect("split: found", r.returncode == 1 and "is preempted here" in r.stdout, r)


def test_random(tmp):
    """Random schedules: the same from the same seed, however they are run; they replay."""
    args = [SMALL, "--without", RULE, "--schedules", "2000", "--seed", "7"]
    paths = [os.path.join(tmp, f"random-{j}") for j in "12"]
    for path, jobs in zip(paths, "12"):
        r = check(*args, "--jobs", jobs, "--json", path)
        expect("random: found", r.returncode == 1 and "VIOLATION" in r.stdout, r)
    one, two = (outcomes(p)[0] for p in paths)
    expect("random: the same", one["id"] == two["id"] and one["schedules"] == two["schedules"], one, two)
    expect("random: replayed", check("--replay", one["id"]).returncode == 1, one["id"])
    paths = []
    for i in range(3):
        paths.append(os.path.join(tmp, f"random-part-{i}"))
        check(SMALL, "--schedules", "100", "--shard", f"{i}/3", "--json", paths[-1])
    r = check("--merge", *paths)
    expect("random: merged", r.returncode == 0 and " 100 schedules" in r.stdout and "searched" in r.stdout, r)


def test_replay(tmp):
    """The same text again: at once, in another environment, at other addresses, in the report."""
    path = os.path.join(tmp, "found")
    r = check(SMALL, "--without", RULE, "--json", path)
    found = outcomes(path)[0]
    expect("found", r.returncode == 1 and found["verdict"] == "VIOLATION", r)
    texts = [check("--replay", found["id"]),
             check("--replay", found["id"]),
             check("--replay", found["id"], env={"QUITE": "x" * 5000}),
             check("--replay", found["id"], prefix=["setarch", "-R"])]
    expect("replayed", all(t.returncode == 1 and t.stdout == texts[0].stdout for t in texts), *texts)
    expect("told as found", texts[0].stdout in r.stdout, r, texts[0])
    expect("violation told", found["violation"] in texts[0].stdout, found)
    expect("columns", "is preempted here: munmap runs" in texts[0].stdout, texts[0])
    r = check("-v", "--replay", found["id"])
    expect("-v tells accesses", r.returncode == 1 and "reads +0x" in r.stdout, r)
    r = check("--replay", found["id"].replace("~" + RULE, ""))
    expect("not with the rule", r.returncode == 0 and "no violation" in r.stdout, r)
    for schedule, why in (("0:9999>1", "fault comes no further than its access"),
                          ("3:1>1", "actor 3 does nothing"),
                          ("0:25/1", "no such decision is made there"),
                          ("0:9999>1,0:25>1", "0:9999>1 does not come up")):
        r = check("--replay", f"{SMALL}@{schedule}")
        expect(f"not followed: {schedule}", r.returncode == 2 and why in r.stdout
               and "no violation" not in r.stdout and "was not followed" in r.stderr, r)
    r = check("--replay", SMALL + "@-")
    expect("empty schedule", r.returncode == 0 and "no violation" in r.stdout, r)


def run_shards(tmp, name, n, *args):
    paths = []
    for i in range(n):
        paths.append(os.path.join(tmp, f"{name}-{i}"))
        check(SMALL, "--shard", f"{i}/{n}", "--json", paths[-1], "--jobs", "1", *args)
    return paths


def test_shards(tmp):
    for n in (1, 2, 5, 64):
        paths = run_shards(tmp, f"off{n}", n, "--without", RULE)
        r = check("--merge", *paths)
        expect(f"{n} shards find it", r.returncode == 1 and "VIOLATION" in r.stdout, r)
    paths = run_shards(tmp, "on", 5)
    r = check("--merge", *paths)
    total = sum(outcomes(p)[0]["schedules"] for p in paths)
    expect("5 shards exhaust it", r.returncode == 0 and f"{total:,} schedules" in r.stdout, r)
    r = check("--merge", *paths[1:])
    expect("one is missing", r.returncode == 3 and "shard 0/5 is missing" in r.stderr, r)
    r = check("--merge", paths[0], *paths)
    expect("one is there twice", r.returncode == 0 and f"{total:,} schedules" in r.stdout, r)


def test_learned(tmp):
    """A shard that did not know all shared words is to be run again, with them."""
    paths = run_shards(tmp, "learned", 3)
    poor = os.path.join(tmp, "poor")
    o = outcomes(paths[1])[0]
    o["words"] = o["words"][:-1]
    with open(poor, "w", encoding="utf-8") as f:
        json.dump(o, f)
        f.write("\n")
    r = check("--merge", paths[0], poor, paths[2])
    expect("words differ", r.returncode == 3 and "shard 1/3 did not know" in r.stderr, r)
    again = os.path.join(tmp, "again")
    check(SMALL, "--shard", "1/3", "--learned", paths[0], "--json", again)
    expect("learned: nothing new", outcomes(again)[0]["restarts"] == 0)
    r = check("--merge", paths[0], poor, paths[2], again)
    expect("run again", r.returncode == 0 and "exhausted" in r.stdout, r)
    with open(poor, "w", encoding="utf-8") as f:
        f.write('{"scenario":"nosuch"}\n')
    wrong("poor:1:", "--merge", poor)
    with open(poor, "w", encoding="utf-8") as f:
        f.write("no json\n")
    wrong("poor:1:", "--merge", poor)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
        return [int(c) for c in f.read().split()]


def test_worker_dies():
    """A worker that dies is a violation; the other scenarios have their outcomes still."""
    p = subprocess.Popen([QUIRE, "check", SMALL, "--bound", "30", "-j1"], stdout=subprocess.PIPE, text=True)
    while not children(p.pid):
        pass
    os.kill(children(p.pid)[0], signal.SIGKILL)
    out = p.communicate()[0]
    expect("worker dies", p.returncode == 1 and "killed by SIGKILL" in out, p.returncode, out)


def test_matrix():
    r = check("--matrix", SMALL)
    expect("--matrix", r.returncode == 0 and f"{RULE} " in r.stdout and "NOT FOUND" not in r.stdout, r)
    r = check("--matrix", SMALL, "--bound", "0")
    expect("--matrix: not found", r.returncode == 1 and "NOT FOUND" in r.stdout, r)


def main():
    if check("--version").returncode:
        print("FAILED the checker does not run:", check("--version"))
        return 1
    with tempfile.TemporaryDirectory() as tmp:
        test_lists()
        test_wrong()
        test_conflicts()
        test_ids()
        test_missing_checker()
        test_checker_of_another_tree(tmp)
        test_explore(tmp)
        test_split()
        test_random(tmp)
        test_replay(tmp)
        test_shards(tmp)
        test_learned(tmp)
        test_worker_dies()
        test_matrix()
    print(len(FAILED), "failed")
    return 1 if FAILED else 0


sys.exit(main())
