#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""floors.py ROOT BUILD [--list]: no circle between the folders of src, and no arrow that floors.txt has not.

What an object file wants and another one defines is a use; so is an include of a header of src.  Fails on a circle of
uses by symbols; on a use, of either sort, that the table does not allow; on a circle in the table; and on an exception
of the table that nothing needs any more.  --list prints all uses between folders.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT, BUILD = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
SRC = f"{ROOT}/src"
BAD = []


class Use:
    """One file uses a symbol of another one's, or includes it."""

    def __init__(self, user, what, used):
        self.user, self.what, self.used = user, what, used

    def __str__(self):
        if self.what is None:
            return f"{name(self.user)} includes {name(self.used)}"
        return f"{name(self.user)} uses {self.what}, which {name(self.used)} defines"


def name(path):
    return os.path.relpath(path, ROOT)


def folder(path):
    return os.path.relpath(os.path.dirname(path), SRC)


# ---- the table


class Table:
    def __init__(self, text):
        self.rows, self.exceptions = {}, {}
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            exception = re.fullmatch(r"([\w/]+) > ([\w/]+): *(.+)", line)
            row = re.fullmatch(r"([\w/]+):((?: +[\w/]+)*)", line)
            stack = re.fullmatch(r"([\w/]+)/ +(\w+(?: < \w+)+):((?: +[\w/]+)*)", line)
            if exception:
                self.exceptions[exception[1], exception[2]] = exception[3]
            elif row:
                self.rows[row[1]] = row[2].split()
            elif stack:
                floors = [f"{stack[1]}/{floor}" for floor in stack[2].split(" < ")]
                self.rows.update({floor: floors[:i] + stack[3].split() for i, floor in enumerate(floors)})
            elif line:
                BAD.append(f"tests/floors.txt: not understood: {line}")

    def row_of(self, name_of_folder):
        """The folder with a line that stands for this one, or None."""
        while name_of_folder and name_of_folder not in self.rows:
            name_of_folder = os.path.dirname(name_of_folder)
        return name_of_folder or None

    def arrow(self, row, other):
        """A name in a row stands for what is below it, too; that of a folder above the row's for itself alone."""
        return any(other == may or (other.startswith(may + "/") and not row.startswith(may + "/"))
                   for may in self.rows[row])

    def allows(self, user, used):
        row, other = self.row_of(user), self.row_of(used)
        return row == other or self.arrow(row, other)

    def arrows(self):
        return {row: {other for other in self.rows if other != row and self.arrow(row, other)} for row in self.rows}


# ---- includes


def header_of(including, text):
    """The file that an include means, or None if it is not of src; src/port/sync.h for that of whichever port."""
    for place in (os.path.dirname(including), SRC, f"{SRC}/run"):
        if os.path.exists(f"{place}/{text}"):
            return os.path.normpath(f"{place}/{text}")
    ports = [f"{SRC}/port/{port}/{text}" for port in os.listdir(f"{SRC}/port")]
    ports = [path for path in ports if os.path.exists(path)]
    if len(ports) > 1:
        return f"{SRC}/port/{text}"
    return ports[0] if ports else None


def includes():
    for path, _, names in os.walk(SRC):
        for file in sorted(names):
            if not file.endswith((".c", ".h", ".S")):
                continue
            with open(f"{path}/{file}", encoding="utf-8") as f:
                for text in re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), re.M):
                    header = header_of(f"{path}/{file}", text)
                    if header and header.startswith(SRC):
                        yield Use(f"{path}/{file}", None, header)


# ---- symbols


def commands():
    """{object file: (source, command)}"""
    with open(f"{BUILD}/compile_commands.json", encoding="utf-8") as f:
        return {c["output"]: (os.path.normpath(os.path.join(c["directory"], c["file"])), c["command"])
                for c in json.load(f)}


def programs():
    """Of each thing that is linked, what goes into it."""
    inputs = {}
    with open(f"{BUILD}/build.ninja", encoding="utf-8") as f:
        for output, rest in re.findall(r"^build (\S+): \w*_LINKER\w* (.*)$", f.read(), re.M):
            inputs[output] = [word for word in rest.split() if not word.startswith("|")]
    return inputs


def objects_of(output, inputs, found):
    for word in inputs.get(output, []):
        if word not in found:
            found.add(word)
            objects_of(word, inputs, found)
    return found


def members(source):
    """The files of src that a source made by meson compiles as one; else the source itself, if it is of src."""
    if source.startswith(ROOT) and not source.startswith(BUILD):
        return [source] if source.startswith(SRC) else []
    with open(source, encoding="utf-8") as f:
        files = re.findall(r"#include\s*<([^>]+)>", f.read())
    return [path for path in map(os.path.normpath, files) if path.startswith(SRC)]


def compile_alone(source, command, to):
    words = shlex.split(command)
    for option in ("-MQ", "-MF", "-o"):
        del words[words.index(option):words.index(option) + 2]
    words = [w for w in words if w not in ("-MD", "-Werror", words[-1])]
    subprocess.run(words + ["-w", "-g0", "-o", to, source], cwd=BUILD, check=True)
    return to


def object_files(scratch):
    """[(output, its source, the file to look into)]: one for each source, where several were compiled as one."""
    jobs, found = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for output, (source, command) in commands().items():
            parts = members(source)
            if len(parts) == 1:
                found.append((output, parts[0], f"{BUILD}/{output}"))
                continue
            for part in parts:
                to = f"{scratch}/{len(jobs)}.o"
                jobs.append((output, part, pool.submit(compile_alone, part, command, to)))
    return found + [(output, part, job.result()) for output, part, job in jobs]


def look_into(paths):
    """[(what an object file defines, what it wants)]"""
    found = {path: (set(), set()) for path in paths}
    out = subprocess.run(["nm", "-A", *paths], check=True, capture_output=True, text=True).stdout
    for path, kind, symbol in re.findall(r"^(.*):[0-9a-f]* +(\w) (\S+)$", out, re.M):
        if kind in "Uw":
            found[path][1].add(symbol)
        elif kind.isupper():
            found[path][0].add(symbol)
    return [found[path] for path in paths]


def symbols():
    inputs = programs()
    with tempfile.TemporaryDirectory() as scratch:
        files = object_files(scratch)
        looked = look_into([path for _, _, path in files])
    of_output = {}
    for (output, source, _), (defined, wanted) in zip(files, looked):
        of_output.setdefault(output, []).append((source, defined, wanted))
    seen = set()
    for program in inputs:
        parts = [part for o in objects_of(program, inputs, set()) for part in of_output.get(o, [])]
        definers = {symbol: source for source, defined, _ in parts for symbol in defined}
        for source, _, wanted in parts:
            for symbol in wanted & definers.keys():
                use = (source, symbol, definers[symbol])
                if use not in seen:
                    seen.add(use)
                    yield Use(*use)


# ---- judging


def between_folders(uses):
    """{folder: {folder: [use]}}"""
    graph = {}
    for use in uses:
        a, b = folder(use.user), folder(use.used)
        if a != b:
            graph.setdefault(a, {}).setdefault(b, []).append(use)
    return graph


def way(graph, start, end, without=()):
    """The shortest way from one folder to another, as a list of folders, or None."""
    ways = [[start]]
    been = {start}
    for path in ways:
        for following in sorted(graph.get(path[-1], ())):
            if (path[-1], following) in without:
                continue
            if following == end:
                return path + [end]
            if following not in been:
                been.add(following)
                ways.append(path + [following])
    return None


def circles(graph, without=()):
    """A shortest circle through each folder that is on one, each circle once."""
    found = {}
    for start in sorted(graph):
        path = way(graph, start, start, without)
        if path:
            found.setdefault(frozenset(path), path)
    return found.values()


def tell_circle(graph, path):
    told = " -> ".join(path)
    edges = "".join(f"\n    {graph[a][b][0]}" + (f" (one of {len(graph[a][b])})" if len(graph[a][b]) > 1 else "")
                    for a, b in zip(path, path[1:]))
    BAD.append(f"a circle: {told}{edges}")


def judge(table, by_include, by_symbol):
    for path in circles(by_symbol, table.exceptions):
        tell_circle(by_symbol, path)
    for path in circles(table.arrows()):
        BAD.append(f"tests/floors.txt: a circle: {' -> '.join(path)}")
    for graph in (by_include, by_symbol):
        for a in sorted(graph):
            for b in sorted(graph[a]):
                if not table.row_of(a) or not table.row_of(b):
                    BAD.append(f"tests/floors.txt has no line for {b if table.row_of(a) else a}: {graph[a][b][0]}")
                elif (a, b) not in table.exceptions and not table.allows(a, b):
                    BAD.append(f"{a} may not use {b} (tests/floors.txt): {graph[a][b][0]}")
    for a, b in table.exceptions:
        used = b in by_include.get(a, ()) or b in by_symbol.get(a, ())
        closes = b in by_symbol.get(a, ()) and way(by_symbol, b, a)
        if not used or (table.row_of(a) and table.allows(a, b) and not closes):
            BAD.append(f"tests/floors.txt: the exception {a} > {b} is needed no more")


def main():
    with open(f"{ROOT}/tests/floors.txt", encoding="utf-8") as f:
        table = Table(f.read())
    by_include, by_symbol = between_folders(includes()), between_folders(symbols())
    if "--list" in sys.argv:
        for word, graph in (("include", by_include), ("symbol", by_symbol)):
            for a in sorted(graph):
                for b in sorted(graph[a]):
                    print(f"{a} > {b}: {len(graph[a][b])} by {word}: {graph[a][b][0]}")
        return 0
    if len(by_symbol) < 10:
        BAD.append("fewer folders use each other than expected: has the form of the build changed?")
    judge(table, by_include, by_symbol)
    print("\n".join(BAD) or f"{len(by_symbol.keys() | by_include.keys())} folders, no circle")
    return 1 if BAD else 0


sys.exit(main())
