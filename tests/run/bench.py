#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py QUIRE: `quire bench` measures each operation on both sides, and writes what it says.

Nothing depends on how long anything takes.
"""
import json
import subprocess
import sys
import tempfile

LEAST_ROWS = 20


def in_order(figure):
    return 0 < figure["low"] <= figure["median"] <= figure["high"]


def is_good(row):
    """Of huge pages the host has figures only where enough of them are free there."""
    missing = row["per"] == "huge" and not row["host_ns"]["median"]
    return all(in_order(row[key]) for key in (("quire_ns",) if missing else ("host_ns", "quire_ns", "ratio")))


def main():
    quire = sys.argv[1]
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        said = subprocess.run([quire, "bench", "--pairs", "1", "--json", file.name], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        told = json.load(open(file.name, encoding="utf-8"))
    wrong = [row["operation"] for row in told["rows"] if not is_good(row)]
    missing = [row["operation"] for row in told["rows"] if row["operation"] not in said]
    for name, what in ((wrong, "no time, or not in order"), (missing, "not in the table")):
        for operation in name:
            print(f"{operation}: {what}")
    few = len(told["rows"]) < LEAST_ROWS or not all(told["units_ns"][unit] > 0 for unit in "ZCA")
    if few:
        print(f"{len(told['rows'])} rows, units {told['units_ns']}")
    return bool(wrong or missing or few)


if __name__ == "__main__":
    sys.exit(main())
