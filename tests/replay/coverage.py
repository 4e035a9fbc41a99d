#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How much of the core do scripts execute?

A build with gcc's coverage plays the scripts beside this file and random ones, on the library and
the host.  Counted are the lines of src/core that a memory operation can reach: all but those that
coverage-exclusions names, each with its reason.  Prints what is left, file by file.

usage: coverage.py [--seeds N] [--lines] [--least PERCENT]
"""
import argparse
import fnmatch
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CORE = os.path.join(ROOT, "src", "core")
EXCLUSIONS = os.path.join(HERE, "coverage-exclusions")


def build(directory):
    options = ["-Dtests=disabled", "-Db_coverage=true", "-Dwerror=false"]
    subprocess.run(["meson", "setup", directory, *options], cwd=ROOT, check=True,
                   env=dict(os.environ, CC="gcc"), stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", directory], check=True, stdout=subprocess.DEVNULL)


def play(directory, seeds):
    quire = os.path.join(directory, "quire")
    scripts = glob.glob(os.path.join(HERE, "*", "*.script"))
    subprocess.run([quire, "replay", "--on", "quire", *scripts], stdout=subprocess.DEVNULL, check=False)
    done = subprocess.run([quire, "replay", "--random", "1", "--seeds", str(seeds)], check=False)
    if done.returncode:
        sys.exit("the sides differ")


def counts(directory):
    """{file below src/core: {line: (count, function)}}"""
    found = {}
    for data in glob.glob(os.path.join(directory, "**", "core_*.gcda"), recursive=True) + glob.glob(
            os.path.join(directory, "**", "*core*", "*.gcda"), recursive=True):
        said = subprocess.run(["gcov", "--json-format", "--stdout", data], cwd=directory, check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        for text in said.decode().splitlines():
            for file in json.loads(text)["files"]:
                name = os.path.normpath(os.path.join(directory, file["file"]))
                if not name.startswith(CORE + os.sep):
                    continue
                lines = found.setdefault(os.path.relpath(name, CORE), {})
                for line in file["lines"]:
                    count, _ = lines.get(line["line_number"], (0, None))
                    lines[line["line_number"]] = (count + line["count"], line.get("function_name"))
    return found


def read_exclusions():
    """[(pattern of files, pattern of functions, expression of the line's text)]"""
    rules = []
    with open(EXCLUSIONS, encoding="utf-8") as file:
        for nr, line in enumerate(file, 1):
            if line.strip() and not line.startswith(("#", " ")):
                parts = line.split(None, 2)
                if len(parts) < 2:
                    sys.exit(f"{EXCLUSIONS}:{nr}: FILE FUNCTION [EXPRESSION]")
                rules.append((parts[0], parts[1], re.compile(parts[2].strip() if len(parts) > 2 else "")))
    return rules


def excluded(rules, used, file, function, text):
    for i, (files, functions, expression) in enumerate(rules):
        if (fnmatch.fnmatch(os.path.basename(file), files) and fnmatch.fnmatch(function or "-", functions)
                and expression.search(text)):
            used.add(i)
            return True
    return False


def main():
    args = argparse.ArgumentParser(description="How much of the core do scripts execute?")
    args.add_argument("--seeds", type=int, default=20, help="random scripts (20 seeds)")
    args.add_argument("--lines", action="store_true", help="show the lines that are not executed")
    args.add_argument("--least", type=float, default=0, help="fail below so many percent")
    args = args.parse_args()
    rules, used = read_exclusions(), set()
    total = hit = left_out = 0
    with tempfile.TemporaryDirectory() as directory:
        build(directory)
        play(directory, args.seeds)
        found = counts(directory)
    for file, lines in sorted(found.items()):
        with open(os.path.join(CORE, file), encoding="utf-8") as source:
            texts = source.read().split("\n")
        missed = []
        of_file = 0
        for nr, (count, function) in sorted(lines.items()):
            text = texts[nr - 1]
            # A line that is executed counts, whatever the list says.
            if not count and excluded(rules, used, file, function, text):
                left_out += 1
                continue
            of_file += 1
            if not count:
                missed.append((nr, text.strip()))
        total += of_file
        hit += of_file - len(missed)
        if missed:
            print(f"{file:20} {of_file - len(missed):4} of {of_file:4}")
        for nr, text in missed if args.lines else []:
            print(f"    {nr:4} {text}")
    for i, rule in enumerate(rules):
        if i not in used:
            print(f"coverage-exclusions: {rule[0]} {rule[1]} {rule[2].pattern}: leaves out nothing")
    percent = 100 * hit / total
    print(f"{hit} of {total} lines of src/core that a memory operation can reach: {percent:.1f} %"
          f" ({left_out} lines left out)")
    return percent < args.least


if __name__ == "__main__":
    sys.exit(main())
