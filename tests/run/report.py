#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""report.py QUIRE GUEST: the report of `quire run` says what the guest did."""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile

QUIRE, GUEST = sys.argv[1:3]
failed = 0


def check(what, good, *seen):
    global failed
    print("ok" if good else "FAILED", what, *(() if good else seen))
    failed |= not good


def run(*args, options=()):
    """(report as an object, completed process)"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        done = subprocess.run([QUIRE, "run", "--report", path, *options, "--", *args],
                              capture_output=True, text=True, timeout=600)
        with open(path, encoding="utf-8") as file:
            return json.load(file), done


def text_report(*args, options=()):
    done = subprocess.run([QUIRE, "run", *options, "--", *args], capture_output=True, text=True,
                          timeout=600)
    return done.stderr


def test_fork():
    report, done = run(GUEST, "fork")
    parent, child = report["processes"]
    check("fork: exit 0, clean", report["exit"] == 0 and report["verify"]["clean"], report)
    check("fork: nothing on stderr", done.stderr == "", done.stderr)
    check("fork: two processes", len(report["processes"]) == 2, report["processes"])
    check("fork: parent's pages", parent["faults"]["anonymous"] >= 1000, parent["faults"])
    check("fork: peak RSS", parent["memory"]["peak_rss"] >= 4096 * 1000, parent["memory"])
    check("fork: entries copied", parent["fork"]["forks"] == 1
          and parent["fork"]["entries_copied"] >= 1000, parent["fork"])
    check("fork: who copied later", child["fork"]["pages_copied_later"] >= 300, child["fork"])
    check("fork: parentage", child["ppid"] == parent["pid"], child["ppid"])
    total = report["sum"]["faults"]["anonymous"]
    check("fork: the sum is the sum",
          total == sum(p["faults"]["anonymous"] for p in report["processes"]), total)
    check("fork: pages were filled", report["sum"]["tlb"]["filled_pages"] > 1000,
          report["sum"]["tlb"])


def test_refusals():
    report, done = run(GUEST, "segv")
    refusals = report["processes"][0]["refusals"]
    check("segv: dies by it", done.returncode == -11 and report["signal"] == "SIGSEGV", done)
    check("segv: one refusal, its rule and mapping",
          len(refusals) == 1 and refusals[0]["rule"] == "prot_write"
          and refusals[0]["access"] == "write" and refusals[0]["mapping"]["prot"] == 1
          and refusals[0]["si_code"] == 2, refusals)
    report, done = run(GUEST, "bus")
    refusals = report["processes"][0]["refusals"]
    check("bus: dies by it", done.returncode == -7 and report["signal"] == "SIGBUS", done)
    check("bus: the rule", refusals and refusals[0]["rule"] == "beyond_end_of_file"
          and refusals[0]["signal"] == "SIGBUS", refusals)


def test_efault():
    """What a system call finds refused is no signal of the program's."""
    report, done = run(GUEST, "efault")
    check("efault: no signal", done.returncode == 0 and not report["processes"][0]["refusals"]
          and not any(report["sum"]["refused"].values()), report["processes"][0]["refusals"], report["sum"]["refused"])
    check("efault: but counted, by rule", report["sum"]["efault"]["prot_write"] == 5
          and report["sum"]["efault"]["prot_none"] == 1, report["sum"]["efault"])
    text = text_report(GUEST, "efault")
    check("efault: the text", "SIGSEGV" not in text and re.search(r"^  EFAULT +6   \S", text, re.M), text)


def test_killed():
    """An access that finds no memory because its process is dead is not what killed it."""
    report, _ = run(GUEST, "killed")
    told = [r for p in report["processes"] for r in p["refusals"]]
    check("killed: nothing was refused", not told and not any(report["sum"]["refused"].values()),
          told[:2], report["sum"]["refused"])


def test_flushes():
    """Pages flushed are entries that changed, not the addresses between them."""
    report, _ = run(GUEST, "sparse")
    check("sparse: flushed pages", 20 <= report["sum"]["tlb"]["flushed_pages"] < 200, report["sum"]["tlb"])


def test_stack():
    report, _ = run(GUEST, "deep")
    check("deep: the stack grew", report["sum"]["faults"]["stack_growths"] > 10,
          report["sum"]["faults"])


def test_failure():
    report, _ = run("true")
    points = report["machine"]["allocation_points"]
    check("true: points are counted", points > 50, points)
    report, done = run("true", options=["--fail", str(points // 2)])
    check("fail: one failed, books balance",
          report["machine"]["failed_points"] == 1 and report["verify"]["clean"], report, done)


def test_first_and_last_failures():
    """Each number from 1 is an allocation; one that does not come is told of."""
    for n in range(1, 7):
        report, done = run("true", options=["--fail", str(n)])
        check(f"fail: {n} is somebody's", report["machine"]["failed_points"] == 1 and done.returncode in (127, -9, -11)
              and f"allocation {n} fails, as asked for" in done.stderr and not report["machine"]["unreached_points"],
              report["machine"], done)
    report, done = run("true", options=["--quiet", "--fail", "100000,200000"])
    points = report["machine"]["allocation_points"]
    check("fail: beyond the end", done.returncode == 0 and report["machine"]["unreached_points"] == 2
          and done.stderr == f"quire: --fail 100000 and above: there were only {points} allocations\n", done)


def test_failure_in_the_midst():
    """A page of a long array is not to be had: no guess makes up for it."""
    report, _ = run(GUEST, "up")
    points = report["machine"]["allocation_points"]
    report, done = run(GUEST, "up", options=["--fail", str(points - 20)])
    check("fail: the guest is killed", done.returncode == -9 and report["signal"] == "SIGKILL", done)
    check("fail: said when it happens", f"allocation {points - 20} fails, as asked for" in done.stderr, done.stderr)
    check("fail: one point, books balance",
          report["machine"]["failed_points"] == 1 and report["verify"]["clean"], report)


MIB = 1 << 20


def near(told, pages, of=None):
    """What is told of a peak of so many pages is of a moment before it, when up to 3 % were missing: of any process."""
    return (pages - 0.03 * (of or pages)) * 4096 - MIB / 2 <= told <= pages * 4096 + MIB


def test_peak():
    """A machine of the told size is enough, one of 1 MiB less is not."""
    for what, anonymous, shared in ("alone", 7000, 0), ("family", 9000, 0), ("shared", 1000, 5000):
        report, _ = run(GUEST, what)
        peak = report["machine"]["peak"]
        wanted = (anonymous + shared) * 4096
        check(f"peak {what}: what was in use", wanted <= peak["used"] <= peak["ram"] < wanted + MIB, peak)
        check(f"peak {what}: what it was made of", near(peak["anonymous"], anonymous)
              and near(peak["shared_memory"], shared), peak)
        check(f"peak {what}: the parts are the whole",
              peak["anonymous"] + peak["shared_memory"] + peak["other"] == peak["noted"], peak)
        held = peak["held_by"]
        check(f"peak {what}: who held it, the largest first",
              near(sum(h["anonymous"] for h in held), anonymous)
              and held == sorted(held, key=lambda h: -h["anonymous"] - h["shared_memory"]), held)
        check(f"peak {what}: they are told of", {h["pid"] for h in held} <= {p["pid"] for p in report["processes"]},
              held)
        report, done = run(GUEST, what, options=["--ram", str(peak["ram"])])
        check(f"peak {what}: enough", done.returncode == 0 and not report["machine"]["out_of_memory_kills"], done)
        report, done = run(GUEST, what, options=["--ram", str(peak["ram"] - MIB)])
        check(f"peak {what}: 1 MiB less is not enough",
              done.returncode != 0 and report["machine"]["out_of_memory_kills"], done)


def test_text():
    text = text_report(GUEST, "fork")
    check("text: the headline", re.search(rf"^quire: {re.escape(GUEST)} fork$\n  exit 0 after .*; "
                                          r"2 processes; .*verify clean$", text, re.M), text)
    check("text: copied later, by whom", re.search(r"copied later +\d+ +\d+ by \d+ ", text), text)
    check("text: no row without a number", not re.search(r"^ +[a-z ]+ +0$", text, re.M), text)
    rows = re.findall(r"^(  [ a-zA-Z-]{18} *[\d,.]+(?: (?:[KMG]iB|bytes|%))?)(?:   |$)", text, re.M)
    columns = {len(row) for row in rows}
    check("text: numbers in one column", len(columns) == 1 and len(rows) > 9, columns, text)
    text = text_report(GUEST, "family")
    match = re.search(r"; peak ([\d.]+) MiB of (.|\n)*\n  peak RAM +([\d.]+) MiB   [\d.]+ MiB anonymous, .*\n"
                      r"    held by +([\d.]+) MiB   \d+ report_guest\n +([\d.]+) MiB .*\n +([\d.]+) MiB .*\n"
                      r" +and 1 smaller process\n", text)
    held = match and all(near(float(told) * MIB, pages, of=9000)
                         for told, pages in zip(match.groups()[3:], (4000, 3000, 2000)))
    check("text: the machine's peak, and who held it", held and match[1] == match[3]
          and 9000 * 4096 / MIB < float(match[1]) < 9000 * 4096 / MIB + 1, text)
    text = text_report(GUEST, "segv")
    check("text: trouble comes first", re.search(r"killed by SIGSEGV.*\n  ! SIGSEGV in \d+ .*not writable",
                                                 text), text)
    check("quiet says nothing", text_report(GUEST, "fork", options=["-q"]) == "")


def report_to(file, *args, **more):
    return subprocess.run([QUIRE, "run", "--report", file, "--", *args], timeout=600, **more)


def test_lost(folder):
    """Half a report is none, and no success."""
    done = report_to("/dev/full", "true", capture_output=True, text=True)
    check("a device that is full", done.returncode == 125
          and "cannot write the report to /dev/full: No space left on device" in done.stderr, done)
    path = os.path.join(folder, "r.json")
    # Only once the run has made its memory, which is a file as well.
    with subprocess.Popen([QUIRE, "run", "--report", path, "--", "sh", "-c", "echo; read x"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.readline()
        resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        said = run.communicate(b"\n", timeout=600)[1].decode()
    check("a file that may not get so large", run.returncode == 125
          and f"cannot write the report to {path}: File too large" in said and os.path.getsize(path) == 0,
          run.returncode, said, os.path.getsize(path))


def test_destinations(folder):
    done = report_to("-", "echo", "hello", capture_output=True, text=True)
    check("-: standard output, behind the program's own",
          done.returncode == 0 and done.stdout.startswith("hello\n\nquire: echo hello\n") and not done.stderr, done)
    done = report_to("-", "true", stdout=None, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.close(1))
    check("-: without one", done.returncode == 125 and "cannot write -" in done.stderr, done)
    path = os.path.join(folder, "R.JSON")
    report_to(path, "true")
    with open(path, encoding="utf-8") as file:
        check(".JSON is JSON", json.load(file)["exit"] == 0)
    fifo = os.path.join(folder, "fifo.json")
    os.mkfifo(fifo)
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        report_to(fifo, "true")
        check("a FIFO's reader has it all", json.loads(reader.stdout.read())["exit"] == 0)


def test_repetition():
    """Ten lines of a kind, and how many more."""
    report, _ = run(GUEST, "mappings")
    first = report["machine"]["allocation_points"] - 1000
    report, done = run(GUEST, "mappings", options=["--fail", ",".join(str(first + 10 * i) for i in range(25))])
    lines = done.stderr.splitlines()
    check("mappings: all failures are counted", done.returncode == 0 and report["machine"]["failed_points"] == 25,
          report["machine"])
    check("mappings: ten lines, and the rest in one",
          len(lines) == 11 and all(re.search(r"allocation \d+ fails, as asked for$", line) for line in lines)
          and lines[10].startswith("quire: 15 more lines like "), lines)


def test_unwritable():
    done = subprocess.run([QUIRE, "run", "--report", "/nonexistent/r", "--", "true"],
                          capture_output=True, text=True, timeout=600)
    check("a report that cannot be written is told of before",
          done.returncode == 125 and "/nonexistent/r" in done.stderr, done)


test_fork()
test_refusals()
test_efault()
test_killed()
test_flushes()
test_stack()
test_failure()
test_first_and_last_failures()
test_failure_in_the_midst()
test_peak()
test_text()
test_repetition()
test_unwritable()
with tempfile.TemporaryDirectory() as folder:
    test_lost(folder)
    test_destinations(folder)
sys.exit(failed)
