#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lengths.py ROOT: files of src have at most 450 lines, functions 60, folders 25 files.

A function's lines are those from its first word to its closing brace.  Exceptions are listed here, each with its
reason; one that is needed no more fails.
"""

import os
import sys

ROOT = sys.argv[1]
FILE, FUNCTION, FOLDER = 450, 60, 25

# Tables of data may be longer.
LONG = {}


def functions(lines):
    """(number of its first line, number of its last line) of each function; lines count from 1."""
    first = opened = None
    for i, line in enumerate(lines, 1):
        if opened:
            if line.startswith("}"):
                yield first, i
                first = opened = None
        elif line == "{":
            opened = i
            first = first or i
        elif not line or line[0] in "#/ }*" or line.rstrip().endswith((";", "*/")):
            first = None
        elif not line[0].isspace():
            first = first or i


def too_long():
    """{file, folder: what is wrong}; of functions, too."""
    wrong = []
    for path, _, names in os.walk(f"{ROOT}/src"):
        names = [name for name in names if name.endswith((".c", ".h", ".S"))]
        where = os.path.relpath(path, ROOT)
        if len(names) > FOLDER:
            wrong.append((where, f"{where}: {len(names)} files, {FOLDER} at most"))
        for name in sorted(names):
            with open(f"{path}/{name}", encoding="utf-8") as f:
                lines = f.read().split("\n")[:-1]
            if len(lines) > FILE:
                wrong.append((f"{where}/{name}", f"{where}/{name}: {len(lines)} lines, {FILE} at most"))
            for first, last in functions(lines):
                if last - first + 1 > FUNCTION:
                    wrong.append((None, f"{where}/{name}:{first}: a function of {last - first + 1} lines, {FUNCTION} "
                                        f"at most: {lines[first - 1]}"))
    return wrong


def main():
    found = too_long()
    wrong = [text for where, text in found if where not in LONG]
    wrong += [f"tests/lengths.py: the exception for {where} is needed no more"
              for where in LONG if where not in {w for w, _ in found}]
    print("\n".join(wrong) or "no file, function or folder is too long")
    return 1 if wrong else 0


sys.exit(main())
