#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""shown.py QUIRE ROOT: ids that the documentation shows are violations still, and their screens are what
`quire check --replay` prints.  A change of the core that adds or spares an access changes both: `quire check
--without RULE SCENARIO` prints the new ones."""

import re
import subprocess
import sys

QUIRE, ROOT = sys.argv[1:3]
FILES = ["README.md", "docs/checking.md", "man/quire-check.1"]


def masked(text):
    """Where the machine lies in memory depends on the compiler."""
    return re.sub(r"\bmm [0-9a-f]{8,}", "mm X", text)


def replay(name):
    return subprocess.run([QUIRE, "check", "--replay", name], capture_output=True, text=True, timeout=100)


def wrong_with(path):
    with open(f"{ROOT}/{path}", encoding="utf-8") as f:
        text = f.read()
    ids = set(re.findall(r"--replay '([^']*)'", text))
    if not ids:
        yield f"{path} shows no id"
    for name in ids:
        r = replay(name)
        if r.returncode != 1:
            yield f"{path}: '{name}' ends with {r.returncode}: {r.stderr}"
    for screen in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S):
        last = re.search(r"^  quire check --replay '([^']*)'\n\Z", screen, re.M)
        if last and masked(replay(last[1]).stdout.strip("\n")) != masked(screen.strip("\n")):
            yield f"{path}: the screen of '{last[1]}' is not what is printed"


bad = [line for path in FILES for line in wrong_with(path)]
print("\n".join(bad))
sys.exit(1 if bad else 0)
