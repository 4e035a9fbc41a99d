#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""schema.py QUIRE GUEST HUGE DOCS SCHEMA: real reports are as the schema says, with no name more and none less, and
DOCS/report.md explains each, or the schema itself (a counter, by its list)."""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile

QUIRE, GUEST, HUGE, DOCS, SCHEMA = sys.argv[1:6]
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
         "integer": int, "number": (int, float)}
failed = 0


def check(what, good, *seen):
    global failed
    print("ok" if good else "FAILED", what, *(() if good else seen))
    failed |= not good


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


KEYWORDS = {"$schema", "$comment", "description", "$defs", "title", "$ref", "type", "enum", "const", "minimum", "required",
            "properties", "additionalProperties", "items", "oneOf"}


class Schema:
    """As much of JSON Schema as the file uses; stricter: what it does not name is wrong."""

    def __init__(self, root):
        self.root, self.names = root, set()

    def violations(self, value, schema=None, at="report"):
        schema = self.root if schema is None else schema
        assert set(schema) <= KEYWORDS, set(schema) - KEYWORDS
        if "$ref" in schema:
            return self.violations(value, self.root["$defs"][schema["$ref"].rsplit("/", 1)[1]], at)
        types = schema.get("type", [])
        if types and not any(is_type(value, t) for t in ([types] if isinstance(types, str) else types)):
            return [f"{at}: {value!r} is no {types}"]
        bad = [f"{at}: {value!r} is none of {schema['enum']}"] if value not in schema.get("enum", [value]) else []
        if schema.get("const", value) != value or (is_type(value, "number") and value < schema.get("minimum", value)):
            bad.append(f"{at}: {value!r}")
        if isinstance(value, dict):
            bad += self.of_object(value, schema, at)
        for i, item in enumerate(value if isinstance(value, list) else []):
            bad += self.violations(item, schema["items"], f"{at}[{i}]")
        return bad

    def of_object(self, value, schema, at):
        known, more = schema.get("properties", {}), schema.get("additionalProperties")
        bad = [f"{at}: no {name}" for name in schema.get("required", []) if name not in value]
        if "oneOf" in schema and sum(all(n in value for n in one["required"]) for one in schema["oneOf"]) != 1:
            bad.append(f"{at}: not one of {schema['oneOf']}")
        for name, item in value.items():
            if name not in known and more is None:
                bad.append(f"{at}: {name} is not in the schema")
            else:
                self.names.add(name)
                bad += self.violations(item, known.get(name, more), f"{at}.{name}")
        return bad


def report_of(*args, options=()):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "r.json")
        subprocess.run([QUIRE, "run", "--report", path, *options, "--", *args], capture_output=True, timeout=600)
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def names_of(schema):
    """All that the schema names."""
    if isinstance(schema, list):
        return set().union(*map(names_of, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})).union(*map(names_of, schema.values()))


def described(schema):
    """What the schema itself explains."""
    if isinstance(schema, list):
        return set().union(*map(described, schema))
    if not isinstance(schema, dict):
        return set()
    here = {name for name, item in schema.get("properties", {}).items() if item.get("description")}
    return here.union(*map(described, schema.values()))


def test_reports(schema):
    for what, options in ("fork", ()), ("segv", ()), ("bus", ()), ("efault", ()), ("shared", ("--ram", "20M")):
        bad = schema.violations(report_of(GUEST, what, options=options))
        check(f"{what}: as the schema says", not bad, bad)
    for what in "after", "mmap":
        bad = schema.violations(report_of(HUGE, what, options=("--hugepages", "2M=2")))
        check(f"huge pages, {what}: as the schema says", not bad, bad)
    missing = names_of(schema.root) - schema.names
    check("every name of the schema came", not missing, missing)


def test_violations(schema):
    """The schema holds: what is not as it says is seen."""
    good = report_of(GUEST, "segv")
    for what, spoil in (
            ("a number that is text", lambda r: r["machine"].update(ram="1G")),
            ("a number below 0", lambda r: r["sum"]["faults"].update(all=-1)),
            ("a name that is gone", lambda r: r["machine"]["peak"].pop("used")),
            ("a name that is new", lambda r: r["processes"][0]["memory"].update(peak=1)),
            ("exit and signal", lambda r: r.update(exit=0)),
            ("another schema", lambda r: r.update(schema=2)),
            ("a rule that is none", lambda r: r["processes"][0]["refusals"][0].update(access="wish"))):
        report = copy.deepcopy(good)
        spoil(report)
        check(f"{what} is seen", schema.violations(report))


def test_page(schema):
    with open(os.path.join(DOCS, "report.md"), encoding="utf-8") as file:
        told = set(re.findall(r"`([a-z_]+)`", file.read()))
    untold = names_of(schema.root) - told - described(schema.root)
    check("the page tells of every name", not untold, untold)


def main():
    with open(SCHEMA, encoding="utf-8") as file:
        schema = Schema(json.load(file))
    test_reports(schema)
    test_violations(schema)
    test_page(schema)
    sys.exit(failed)


main()
