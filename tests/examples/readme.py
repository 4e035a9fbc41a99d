#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/examples/readme.py ROOT: C code in README.md stands, line by line, in an example, and what
that example prints stands in README.md."""

import glob
import re
import sys


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


root = sys.argv[1]
readme = text(root + "/README.md")
examples = {path: text(path) for path in sorted(glob.glob(root + "/examples/*.c"))}
blocks = re.findall(r"^```c\n(.*?)^```$", readme, re.M | re.S)
bad = [] if blocks else ["README.md shows no C code"]

for block in blocks:
    shown = [path for path, source in examples.items() if "\n" + block in source]
    if not shown:
        bad.append("in README.md, but in none of examples/*.c:\n" + block)
    for path in shown:
        if "```\n" + text(path[:-1] + "out") + "```\n" not in readme:
            bad.append(f"README.md shows code of {path}, but not what it prints")
print("\n".join(bad))
sys.exit(1 if bad else 0)
