#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""screens.py QUIRE FILE: what a page shows of `quire run` is what it prints.

A screen is a block whose first line is `$ build/quire run ...`, the command.  Its lines come in the output, in this
order; `...` stands for any others.  Numbers, sizes and times may be others.
"""

import re
import shlex
import subprocess
import sys

QUIRE, FILE = sys.argv[1:3]
BAD = []


def masked(line):
    line = re.sub(r"0x[0-9a-f]+(-0x[0-9a-f]+)?|[\d,.]*\d( ?(ms|s|[KMG]iB)\b)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def command_and_lines(block):
    """The command goes on until its quotes are closed."""
    lines = block.splitlines()
    for n in range(1, len(lines) + 1):
        command = "\n".join(lines[:n]).removeprefix("$ ")
        try:
            shlex.split(command)
            return command, lines[n:]
        except ValueError:
            continue
    sys.exit(f"{FILE}: an open quote: {lines[0]}")


def check(block):
    command, lines = command_and_lines(block)
    words = [QUIRE] + shlex.split(command)[1:]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    said = [masked(line) for line in (done.stdout + done.stderr).splitlines()]
    at, anywhere = 0, False
    for line in lines:
        if line == "...":
            anywhere = True
        elif masked(line) in (said[at:] if anywhere else said[at:at + 1]):
            at, anywhere = said.index(masked(line), at) + 1, False
        else:
            BAD.append(f"{FILE}: {command}\n  does not print, there: {line}\n  but:\n" + done.stdout + done.stderr)
            return


with open(FILE, encoding="utf-8") as file:
    blocks = re.findall(r"^```\n(\$ build/quire run .*?)^```$", file.read(), re.M | re.S)
if not blocks:
    BAD.append(f"{FILE} shows no screen")
for shown in blocks:
    check(shown)
print("\n".join(BAD) or f"{len(blocks)} screens")
sys.exit(1 if BAD else 0)
