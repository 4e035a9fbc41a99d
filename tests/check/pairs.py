#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pairs.py QUIRE DOCS: checking.md has each pair of locking.md's matrix, and each scenario.

A pair has scenarios, or a reason why there is none; what is named exists.
"""

import re
import subprocess
import sys
from pathlib import Path

QUIRE, DOCS = sys.argv[1], Path(sys.argv[2])


def rows(name, heading):
    """The cells of the first table below a heading, its head first."""
    text = (DOCS / name).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
    table = re.search(r"(?:^\|.*\n)+", text, re.M).group(0)
    lines = [[c.strip() for c in line.strip("|\n").split("|")] for line in table.splitlines()]
    return [lines[0]] + lines[2:]


def matrix_pairs():
    head, *lines = rows("locking.md", "Who excludes whom")
    names = head[1:]
    firsts = [re.match(r"\*\*(.*?)\*\*", line[0]).group(1) for line in lines]
    if firsts != names:
        sys.exit(f"FAILED locking.md: rows {firsts}, columns {names}")
    return [f"{a} × {b}" for i, a in enumerate(names) for b in names[i:]]


def scenarios():
    text = subprocess.run([QUIRE, "check", "--list"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^([a-z][a-z0-9-]*)$", re.split(r"^Rules", text, flags=re.M)[0], re.M))


def main():
    table = rows("checking.md", "Which pairs are tested")[1:]
    pairs, wrong = [line[0] for line in table], []
    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(line[1] for line in table)))

    wrong += [f"no row of {p}" for p in matrix_pairs() if p not in pairs]
    wrong += [f"two rows of {p}" for p in set(pairs) if pairs.count(p) > 1]
    wrong += [f"neither a scenario nor a reason: {line[0]}" for line in table if not line[1]]
    wrong += [f"there is no scenario {n}" for n in sorted(named - scenarios())]
    wrong += [f"scenario {n} is in no row" for n in sorted(scenarios() - named)]
    for w in wrong:
        print("FAILED", w)
    print(f"{len(pairs)} pairs, {len(named)} scenarios")
    return 1 if wrong or not named else 0


sys.exit(main())
