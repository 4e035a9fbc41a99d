#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pairs.py QUIRE DOCS: each pair of locking.md's matrix has a scenario, or a reason in checking.md why there is none.

A scenario has a pair, and pairs are of the matrix, or of what stands beside it.
"""

import re
import subprocess
import sys
from pathlib import Path

QUIRE, DOCS = sys.argv[1], Path(sys.argv[2])
BESIDE = ("readers of the mappings", "the host's stores for a system call", "whoever takes a page away",
          "a resize of huge pages")


def rows(name, heading):
    """The cells of the first table below a heading, its head first."""
    text = (DOCS / name).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.M).group(0)
    lines = [[c.strip() for c in line.strip("|\n").split("|")] for line in table.splitlines()]
    return [lines[0]] + lines[2:]


def matrix():
    """The operations."""
    head, *lines = rows("locking.md", "Who excludes whom")
    names = head[1:]
    firsts = [re.match(r"\*\*(.*?)\*\*", line[0]).group(1) for line in lines]
    if firsts != names:
        sys.exit(f"FAILED locking.md: rows {firsts}, columns {names}")
    return names


def scenarios():
    """All of them; and those that a pair has, by pair."""
    text = subprocess.run([QUIRE, "check", "--list"], check=True, capture_output=True, text=True).stdout
    lists = re.split(r"^(?:Scenarios|Pairs of operations|Rules .*)$", text, flags=re.M)
    pairs = {pair: names.split() for pair, names in re.findall(r"^(\S.* × .*)\n +(.*)$", lists[2], re.M)}
    return set(re.findall(r"^([a-z][a-z0-9-]*)$", lists[1], re.M)), pairs


def main():
    names = matrix()
    of_matrix = [f"{a} × {b}" for i, a in enumerate(names) for b in names[i:]]
    known = of_matrix + [f"{a} × {b}" for a in BESIDE for b in names]
    there, pairs = scenarios()
    reasons = rows("checking.md", "Which pairs are tested")[1:]
    told = [line[0] for line in reasons]
    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(line[1] for line in reasons)))

    wrong = [f"neither a scenario nor a reason: {p}" for p in of_matrix if p not in pairs and p not in told]
    wrong += [f"there is no pair {p}" for p in [*pairs, *told] if p not in known]
    wrong += [f"two rows of {p}" for p in set(told) if told.count(p) > 1]
    wrong += [f"no reason: {line[0]}" for line in reasons if not line[1]]
    wrong += [f"there is no scenario {n}" for n in sorted(named - there)]
    wrong += [f"scenario {n} has no pair" for n in sorted(there - {n for with_it in pairs.values() for n in with_it})]
    for w in wrong:
        print("FAILED", w)
    print(f"{len(of_matrix)} pairs, {len(there)} scenarios")
    return 1 if wrong or not there else 0


sys.exit(main())
