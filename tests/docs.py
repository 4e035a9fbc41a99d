#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/docs.py ROOT: what the source names, the documentation has: rows and columns of the report, options,
verbs and allowances of replay, system calls that are refused, the mails, commits and CVEs that it cites. Files that it
names exist, and diffs that it shows fit."""

import os
import re
import sys
from fnmatch import fnmatch

ROOT = sys.argv[1]
# Found in compat.md by another word.
OTHER_WORDS = {"io_destroy": "AIO calls", "io_getevents": "AIO calls", "io_submit": "AIO calls",
               "io_cancel": "AIO calls", "io_pgetevents": "AIO calls"}
BAD = []


def text(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as f:
        return f.read()


def need(what, good):
    if not good:
        BAD.append(what)


def report_labels():
    rows = text("src/run/report/report_rows.c") + text("src/run/report/report_peak.c")
    labels = re.findall(r'(?:report_row\(out,|print_refused\()\s*(?:i \? "" : )?"([^"]+)"', rows)
    kinds = re.findall(r'\[QUIRE_KIND_\w+\] = \{"([^"]+)"', text("src/run/report/report_names.c"))
    table = text("src/run/report/report_table.c").split("columns[] = {")[1].split("};")[0]
    return [label.strip() for label in labels + kinds + re.findall(r'\{"([^"]+)"', table)]


def check_report():
    items = re.findall(r"^\.It (.*)$", text("man/quire-run.1"), re.M)
    there = {word for item in items for word in item.split(" , ")}
    labels = report_labels()
    need("fewer rows of the report than expected: has its source changed?", len(labels) > 35)
    for label in labels:
        need(f"man/quire-run.1 has no .It for the report's '{label}'", label in there)


def check_options():
    run, replay, bench = (re.findall(r'\{"(\w+)", (?:no|required)_argument', text(path))
                          for path in ("src/tool/cmd_run.c", "src/replay/cmd/main.c", "src/bench/main.c"))
    check = re.findall(r'\{"([\w-]+)", (?:OPT_\w+|\'.\'), ', text("src/check/cmd/main.c"))
    pages = {"quire-run": run, "quire-check": check, "quire-replay": replay, "quire-bench": bench}
    for page, options in pages.items():
        need(f"no options of {page} found: has their source changed?", len(options) > 5)
        for option in options:
            need(f"man/{page}.1 has no --{option}", re.search(rf"^\.It .*Fl -{option}\b", text(f"man/{page}.1"), re.M))


def check_replay():
    """Verbs and allowances of `quire replay`; a dagger marks those after which nothing is compared."""
    verbs = re.findall(r'\[VERB_\w+\] = \{"(\w+)"', text("src/replay/script/lang.c"))
    page = text("man/quire-replay.1")
    need("no verbs found: has lang.c changed?", len(verbs) > 30)
    for verb in verbs:
        need(f"man/quire-replay.1 has no verb {verb}", re.search(rf"^\.It Cm {verb}\b", page, re.M))
    table = text("src/replay/compare/allow.c").split("allowances[] = {")[1].split("\n};")[0]
    source = dict(re.findall(r'\{"([\w-]+)",.*?(true|false),\s*0\}', table, re.S))
    rows = text("docs/replay.md").split("| allowance |")[1].split("\n\n")[0]
    told = {name: "true" if dagger else "false" for name, dagger in re.findall(r"^\| ([\w-]+)( †)? \|", rows, re.M)}
    need("no allowances found: has allow.c changed?", len(source) > 5)
    for name in sorted(source.keys() | told.keys()):
        need(f"docs/replay.md and allow.c differ in the allowance {name}", source.get(name) == told.get(name))


def check_refused():
    refused = re.findall(r"\bCALL\((\w+), REFUSED", text("src/run/wire/calls.h"))
    need("no refused calls found: has their list changed?", len(refused) > 20)
    for call in refused:
        need(f"docs/compat.md has no row for {call}", OTHER_WORDS.get(call, f"`{call}`") in text("docs/compat.md"))


def check_files():
    named = re.findall(r"(?<![\w/.])((?:\w+/)*\w+\.(?:c|h|lds|S))\b", text("docs/run.md"))
    need("docs/run.md names no files", named)
    for name in sorted(set(named)):
        need(f"docs/run.md: there is no src/run/{name}", os.path.exists(f"{ROOT}/src/run/{name}"))


def check_folders():
    """CONTRIBUTING.md says of each folder of these trees what it is for."""
    for tree, heading in (("src/core", "core"), ("src/check", "checker"), ("src/replay", "comparison"), ("src/run", "supervisor"),
                          ("src/run/stub", "stub")):
        table = text("CONTRIBUTING.md").split(f"| {heading}, `{tree}` | |\n|---|---|\n")[1].split("\n\n")[0]
        told = {folder for row in table.splitlines() for folder in re.findall(r"`([\w/]+)`", row.split(" | ")[0])}
        folders = set()
        for path, _, names in os.walk(f"{ROOT}/{tree}"):
            folder = os.path.relpath(path, f"{ROOT}/{tree}")
            if any(name.endswith((".c", ".h")) for name in names) and (tree != "src/run" or folder.split("/")[0] != "stub"):
                folders.add(folder)
        for folder in sorted(told ^ folders):
            need(f"CONTRIBUTING.md and the folders of {tree} differ in {folder}", False)


def sources_of(tree):
    """What a tree cites: mails, by a number or by list and month; commits, by id or by title; CVEs."""
    cited = {}
    for folder, _, names in os.walk(f"{ROOT}/{tree}"):
        for name in names:
            path = os.path.relpath(f"{folder}/{name}", ROOT)
            if path != "docs/sources.md" and name.endswith((".c", ".h", ".S", ".md", ".py", ".sh", ".script", ".1")):
                found = re.findall(r"\bmessages? \d{3}\b|\blinux-mm, \w{3} \d{4}|\bCVE-\d{4}-\d+|"
                                   r"\bcommit [0-9a-f]{12}\b|(?<=[Cc]ommit )\"[^\"\n]+\"", text(path), re.I)
                cited.update({source.replace("Commit", "commit"): path for source in found})
    return cited


def check_sources():
    """docs/sources.md says what each mail, commit and CVE is that something here cites."""
    entries = set(re.findall(r"^\*\*([^*]+)\*\*", text("docs/sources.md"), re.M))
    cited = {}
    for tree in ("src", "include", "docs", "man", "bench", "tools", "examples", "tests"):
        cited.update(sources_of(tree))
    need("fewer sources cited than expected: has their form changed?", len(cited) > 20)
    for source, path in sorted(cited.items()):
        need(f"docs/sources.md has no entry for '{source}', cited by {path}", source in entries)
    for page in ("docs/sources.md", "docs/glossary.md"):
        for name in sorted(set(re.findall(r"`((?:src|tests|include)/[\w./]+)`", text(page)))):
            need(f"{page}: there is no {name}", os.path.exists(f"{ROOT}/{name}"))


def check_glossary():
    """Each word has one row in its part of docs/glossary.md."""
    parts = text("docs/glossary.md").split("\n## ")[1:]
    need("docs/glossary.md has no parts", len(parts) > 2)
    for part in parts:
        words = re.findall(r"^\| (.+?) \|", part, re.M)[1:]
        need(f"docs/glossary.md has no words below '{part.splitlines()[0]}'", words)
        for word in sorted({word for word in words if words.count(word) > 1}):
            need(f"docs/glossary.md has '{word}' twice", False)


def fits(path, hunk):
    """As it is before the change, or after it."""
    before, after = ("".join(line[1:] for line in hunk if line[0] in kept) for kept in (" -", " +"))
    return before in text(path) or after in text(path)


def check_first_changes():
    """docs/first-change.md: its diffs fit the tree, and touch as many files as their headings say."""
    sections = re.findall(r"^## \d\. .*?: (\d+) files?\n(.*?)(?=^## |\Z)", text("docs/first-change.md"), re.M | re.S)
    need("docs/first-change.md has five changes", len(sections) == 5)
    for number, section in sections:
        diff = re.search(r"^```diff\n(.*?)^```$", section, re.M | re.S)[1]
        files = re.findall(r"^\+\+\+ b/(.*)\n((?:[ @+-].*\n)*?)(?=---|\Z)", diff, re.M)
        need(f"docs/first-change.md: a change of {number} files has {len(files)}", len(files) == int(number))
        for path, hunks in files:
            for hunk in re.split(r"^@@.*\n", hunks, flags=re.M)[1:]:
                need(f"docs/first-change.md: a diff of {path} does not fit",
                     fits(path, hunk.splitlines(True)) if os.path.exists(f"{ROOT}/{path}") else "-" not in hunk[0])


check_files()
check_first_changes()
check_sources()
check_glossary()
check_folders()
check_report()
check_options()
check_replay()
check_refused()
print("\n".join(BAD))
sys.exit(1 if BAD else 0)
