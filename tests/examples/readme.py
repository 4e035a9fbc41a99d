#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tests/examples/readme.py ROOT: C code in README.md stands, line by line, in an example."""

import glob
import re
import sys


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


root = sys.argv[1]
sources = [text(path) for path in sorted(glob.glob(root + "/examples/*.c"))]
blocks = re.findall(r"^```c\n(.*?)^```$", text(root + "/README.md"), re.M | re.S)
strangers = [block for block in blocks if not any("\n" + block in source for source in sources)]

for block in strangers:
    print("in README.md, but in none of examples/*.c:\n" + block)
if not blocks:
    print("README.md shows no C code")
sys.exit(1 if strangers or not blocks else 0)
