#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nothing outside src/core/kind asks what kind a mapping or a file is; what kind an entry is, entry_kind() says.

usage: kinds.py SOURCE

Each row of `questions` is a spelling of such a question, or of a helper that hides one, and the files in which it may
stand: in how many lines of them, and why.  A line less fails the test, too, and so does a sample that is not found.
"""
import os
import re
import sys

ROOT = sys.argv[1]
CORE = f"{ROOT}/src/core"
KIND = "kind/"  # may ask

MADE = "the machine is made here"
DEFINED = "is defined here"
HIDDEN = "entry_kind() is what others ask"


def enumerators(header, enum):
    body = re.search(rf"enum {enum} \{{(.*?)\}}", open(f"{ROOT}/{header}", encoding="utf-8").read(), re.S)[1]
    names = re.findall(r"^\s*([A-Z]\w+)", re.sub(r"/\*.*?\*/", "", body, flags=re.S), re.M)
    return [name for name in names if "_NR_" not in name]


def questions():
    """(what is asked, its spelling, where it may stand, samples that must be found)"""
    entries = "|".join(name[len("ENTRY_"):].lower() for name in enumerators("src/core/table/entry.h", "entry_kind"))
    numbers = "|".join(enumerators("include/quire/quire.h", "quire_file_kind"))
    return [
        ("a file's kind, by its number",
         rf"(?<!\.kind = )\b(?:{numbers})\b", {},
         ["if (o->kind == QUIRE_FILE_SHMEM)", "case QUIRE_FILE_EXTERNAL:"]),
        ("a file's kind, kept",
         r"\b(?:file|f|vma->file|facts)(?:->|\.)kind\b|\benum quire_file_kind\b",
         {},
         ["if (file->kind == other->kind)", "enum quire_file_kind kind;"]),
        ("a row of the kinds",
         r"\bkinds\[|\bfile_kinds\b|&\w+_kind\b",
         {"file/file.c": (1, "a file is made here"), "call/machine.c": (1, MADE)},
         ["if (m->kinds[0]->create == x)", "if (k == &shmem_kind)"]),
        ("the ops of a kind, by name",
         r"\b\w+_vma_ops\b|\banon_ops\b",
         {"base/machine.h": (1, DEFINED),
          "vma/vma.h": (1, "mapping_ops(): the ops of a mapping are chosen here")},
         ["return vma->ops == &anon_vma_ops;", "if (ops != m->anon_ops)"]),
        ("whether ops are these or those",
         r"\bops\s*[!=]=|[!=]=\s*[\w>().-]*\bops\b|\bvma_ops\s*[!=]=|[!=]=\s*[\w>().-]*\bvma_ops\b",
         {"vma/charge.c": (1, "two VMAs of one account have the same ops, whatever they are")},
         ["if (vma->ops == other)", "if (x != vma->ops)", "file->facts.vma_ops == ops"]),
        ("an op, whether it is this one",
         r"ops->\w+\s*[!=]=\s*(?!NULL)\w", {},
         ["if (vma->ops->fault == anon_fault)"]),
        ("what entries a kind has",
         r"ops->entries\b", {"verify/verify_mm.c": (1, "it compares what there is with what there may be")},
         ["if (vma->ops->entries & 1u << ENTRY_EXTERNAL)"]),
        ("the name of ops",
         r"ops->name\b", {},
         ["if (!strcmp(vma->ops->name, x))"]),
        ("an external entry, by its bit",
         r"\bPTE_EXTERNAL\b|\bQUIRE_PTE_EXTERNAL\b|\bentry_is_external\b",
         {"table/entry.h": (4, HIDDEN)},
         ["if (e & PTE_EXTERNAL)", "if (entry_is_external(e))"]),
        ("an external entry, the other way round",
         r"\bentry_names_ram\b",
         {"table/entry.h": (2, "is defined here, and asked by entry_anon_folio()"),
          "tell/usage.c": (1, "a short way past the switch for most"),
          "verify/verify_mm.c": (1, "the kind is not known before the frame is")},
         ["if (entry_names_ram(e))"]),
        ("the zero page, by its frame",
         r"\bzero_pfn\b", {"base/machine.h": (1, DEFINED), "call/machine.c": (1, MADE)},
         ["if (pte_frame(e) == m->zero_pfn)"]),
        ("the zero page, by its flag",
         r"\bFOLIO_PERMANENT\b",
         {"base/machine.h": (1, DEFINED), "call/machine.c": (1, MADE), "table/entry.h": (2, HIDDEN),
          "frame/frames.c": (2, "it is never freed"), "verify/verify.c": (1, "nobody counts its frame")},
         ["if (folio_test(f, FOLIO_PERMANENT))"]),
        ("a helper that answers for one kind",
         r"\bbool (?:vma|file|mapping|ops|kind)_is_(?!dead\b)\w+\("
         rf"|\bbool \w*_?is_(?:{entries}|shmem|pagecache|zero_page)\(", {},
         ["static inline bool vma_is_anonymous(const struct vma *vma)", "bool is_shmem(const struct quire_file *f)",
          "static inline bool entry_is_external(pte_t e)"]),
    ]


def sources():
    for folder, _, names in sorted(os.walk(CORE)):
        for name in sorted(names):
            path = os.path.relpath(f"{folder}/{name}", CORE)
            if path.endswith((".c", ".h")) and not path.startswith(KIND):
                yield path, open(f"{CORE}/{path}", encoding="utf-8").read()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def main():
    bad = []
    text = [(path, n, line) for path, content in sources()
             for n, line in enumerate(without_comments(content).split("\n"), 1)]
    for what, spelling, allowed, samples in questions():
        found = {path: 0 for path in allowed}
        for sample in samples:
            if not re.search(spelling, sample):
                bad.append(f"kinds.py does not find '{sample}' ({what})")
        for path, n, line in text:
            if not re.search(spelling, line):
                continue
            found[path] = found.get(path, 0) + 1
            if found[path] > allowed.get(path, (0,))[0]:
                bad.append(f"src/core/{path}:{n}: asks for {what}: {line.strip()}")
        bad += [f"kinds.py: {path} asks for {what} in {found[path]} lines, no longer in {lines}"
                for path, (lines, _) in allowed.items() if found[path] < lines]
    print("\n".join(bad) or "nothing outside src/core/kind asks for a kind")
    sys.exit(1 if bad else 0)


main()
