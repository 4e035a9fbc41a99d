#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walks.py ROOT: nobody but the cursor steps over page tables or from entry to entry.

Looks through the core, but for the files that own the tables, for three things: an include of walk.h, which has
the levels and spans of tables; arithmetic on a pointer to entries (p++, p + 1, p[1]), which pt_for_each_entry() and
pt_nth() do; and a loop as long as a table.
"""

import re
import sys
from pathlib import Path

CORE = Path(sys.argv[1]) / "src/core"
OWNERS = {"table/cursor.h", "table/cursor.c", "table/walk.h", "table/pagetable.h", "table/pagetable.c",
          "table/pt_remove.c"}
MEMBERS = {"entry", "slot"}  # of struct pt_ref, pt_cursor and pt_walk
SAMPLES = ["e = *entry++;", "--c->entry;", "entry += n;", "atomic_load(ref->entry + i)", "e = slot[1];",
           "for (unsigned i = 0; i < PT_ENTRIES; i++)"]
BAD = []


def without_comments(text):
    """The same lines, for their numbers; strings go, too."""
    blank = lambda m: re.sub(r"[^\n]", " ", m[0])
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def pointers(text):
    """Names that are declared as pointers to entries."""
    found = set(MEMBERS)
    for declared in re.finditer(r"\bpte_t ((?:\*\w+(?: = [^,;]*)?(?:, )?)+)", text):
        found.update(re.findall(r"\*(\w+)", declared[1]))
    return found


def steps(names):
    p = r"\b(?:" + "|".join(sorted(names)) + r")\b"
    return re.compile(rf"{p} ?(?:\+\+|--|[-+]=|[-+] |\[)|(?:\+\+|--)[\w.>*-]*{p}")


def fault_of(line, step):
    if step.search(line):
        return "steps from entry to entry: pt_for_each_entry() or pt_nth() does that"
    if re.search(r"for \(.*< PT_ENTRIES", line):
        return "a loop over a table: pt_next_slot() or the cursor does that"
    return None


def look(path):
    name = path.relative_to(CORE).as_posix()
    text = without_comments(path.read_text())
    step = steps(pointers(text))
    for number, line in enumerate(text.splitlines(), 1):
        if fault := fault_of(line, step):
            BAD.append(f"src/core/{name}:{number}: {fault}")
    if '#include "core/table/walk.h"' in path.read_text():
        BAD.append(f"src/core/{name}: includes walk.h, which is the tables' own")


files = [path for path in sorted(CORE.rglob("*.[ch]")) if path.relative_to(CORE).as_posix() not in OWNERS]
if len(files) < 50:
    sys.exit(f"walks.py: only {len(files)} files: has the core moved?")
for path in files:
    look(path)
BAD += [f"walks.py does not find '{sample}'" for sample in SAMPLES if not fault_of(sample, steps(MEMBERS))]
print("\n".join(BAD))
sys.exit(1 if BAD else 0)
