#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Are faults of the core found by `quire replay --random`?

Each of the faults below is one changed line of the core.  A copy of the tree is built with it, and
random scripts are played on the library and the host until one differs, at most so many seeds.
Prints each with the seed that has found it and the shrunk script's number of steps.

usage: planted.py SOURCE-TREE [--seeds N] [--only NAME]
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TARGETS = ["quire", "src/replay/quire-replay"]

# name, what is wrong, file in src/core, text, what it becomes
FAULTS = [
    ("mprotect-errno", "a hole gives EINVAL", "mprotect.c",
     "\t\tif (!vma)\n\t\t\treturn -QENOMEM;", "\t\tif (!vma)\n\t\t\treturn -QEINVAL;"),
    ("munmap-unaligned", "an address within a page is taken", "unmap.c",
     "(addr & ~PAGE_MASK) || !len ||", "!len ||"),
    ("no-merge-left", "a mapping is not merged with the one below", "vma_merge.c",
     "\tif (!mergeable(&p, m->s))\n\t\treturn;", "\tif (!mergeable(&p, m->s) || m->s->file)\n\t\treturn;"),
    ("merge-offset", "mappings with a gap in the file are merged", "vma_merge.c",
     "a->pgoff + spec_pages(a) == b->pgoff", "(a->file || a->pgoff + spec_pages(a) == b->pgoff)"),
    ("identities", "what was touched apart is merged", "vma_merge.c",
     "return a && b ? a == b : ", "return a && b ? true : "),
    ("inherited", "what fork made merges with what is new", "vma_merge.c", "!((a | b) & ANON_INHERITED)", "true"),
    ("own-identity", "what differs in rights from a touched one is touched apart", "identity.c",
     "return id & ANON_INHERITED ? 0 : id;", "return 0 & id;"),
    ("left-touched", "MREMAP_DONTUNMAP leaves a touched mapping", "remap_move.c", "\t\ts.anon_id = 0;\n", ""),
    ("refused-touch", "a store beyond the end of a file does not touch", "filemap.c",
     "\t\tvma_touch(f->vma);", "\t\t(void)0;"),
    ("wipe-on-fork", "MADV_WIPEONFORK is forgotten by the child", "fork.c",
     "#define CHILD_CLEARS (", "#define CHILD_CLEARS (VM_WIPEONFORK | "),
    ("dont-fork", "MADV_DONTFORK has no effect", "fork.c", "if (src->flags & VM_DONTCOPY)", "if (0)"),
    ("locks-inherited", "a child's memory is locked", "fork.c",
     "#define CHILD_CLEARS (VM_LOCKED | VM_LOCKONFAULT)", "#define CHILD_CLEARS VM_LOCKONFAULT"),
    ("noreplace", "MAP_FIXED_NOREPLACE replaces", "mmap.c",
     "return next && next->start < r->addr + r->len ? -QEEXIST : 0;", "(void)next;\n\treturn 0;"),
    ("noreplace-border", "a neighbour above is in the way", "mmap.c",
     "next->start < r->addr + r->len", "next->start <= r->addr + r->len"),
    ("msync-flags", "MS_SYNC with MS_ASYNC is taken", "msync.c",
     "if ((flags & QMS_ASYNC) && (flags & QMS_SYNC))", "if (0)"),
    ("msync-busy", "MS_INVALIDATE of locked memory is not refused", "msync.c",
     "if ((flags & QMS_INVALIDATE) && s.locked)", "if (0)"),
    ("msync-hole", "a hole is passed over", "msync.c", "\t\t\thole = -QENOMEM;", "\t\t\thole = 0;"),
    ("mincore-hole", "a hole ends the call without an error", "mincore.c",
     "if (!vma || vma->start > addr)\n\t\t\treturn -QENOMEM;",
     "if (!vma || vma->start > addr)\n\t\t\treturn 0;"),
    ("advise-hole", "a hole in the middle is passed over", "advise.c",
     "return hole ? -QENOMEM : 0;", "(void)hole;\n\treturn 0;"),
    ("dontneed-locked", "MADV_DONTNEED takes locked memory", "advise.c",
     "return vma->flags & VM_LOCKED ? -QEINVAL : 0;", "(void)vma;\n\treturn 0;"),
    ("mlock-onfault", "MLOCK_ONFAULT populates", "populate.c",
     "if (v->flags & VM_LOCKONFAULT) {", "if (0) {"),
    ("truncate-private", "private copies survive truncation", "truncate.c",
     "truncate_range(file, PAGE_ALIGN(bytes) >> PAGE_SHIFT, UINT64_MAX, true);",
     "truncate_range(file, PAGE_ALIGN(bytes) >> PAGE_SHIFT, UINT64_MAX, false);"),
    ("punch-private", "private copies do not survive a hole", "truncate.c",
     "truncate_range(file, from >> PAGE_SHIFT, (to >> PAGE_SHIFT) - 1, false);",
     "truncate_range(file, from >> PAGE_SHIFT, (to >> PAGE_SHIFT) - 1, true);"),
    ("no-sigbus", "a page beyond the end is made", "filemap.c",
     "if (pgoff >= file_pages(f->vma->file))", "if (pgoff > file_pages(f->vma->file))"),
    ("cow-shared", "a page that a child has too is written in place", "cow.c",
     "else if (may_reuse(old))", "else if (may_reuse(old) || f->mm->forks == 1)"),
    ("around-short", "fault-around ends one page early", "fault.h",
     "*end = vma_pgoff(vma, last < vma->end ? last : vma->end);",
     "*end = vma_pgoff(vma, last < vma->end ? last : vma->end - PAGE_SIZE);"),
    ("dontunmap", "MREMAP_DONTUNMAP unmaps", "remap_move.c",
     "if (r->flags & QMREMAP_DONTUNMAP)\n\t\tleave", "if (!r)\n\t\tleave"),
    ("writeback-flush", "what is written back can be stored to without a fault", "clean.c",
     "if (RULE(writeback_flush))", "if (0)"),
    ("pwrite-tail", "a file that grows shows what was stored beyond its end", "fileio.c",
     "file_forget_beyond_end(file, off);", ";"),
    ("cow-flush", "a copy leaves the old page to who has it cached", "cow.c",
     "if (RULE(cow_flush))", "if (0)"),
    ("fork-flush", "after a fork the parent goes on storing", "copy.c",
     "if (RULE(fork_flush))", "if (0)"),
    ("protect-flush", "rights that are taken are still cached", "protect.c",
     "\tflush_lost(g, &lost);", "\t;"),
    ("unmap-flush", "what is unmapped is still cached", "zap.c",
     "\ttlb_range(z->g, z->flush_start, z->flush_end, z->flush_pages);", "\t;"),
    ("move-flush", "what has moved away is still cached", "move.c",
     "\tif (moved && RULE(move_flush))", "\tif (0)"),
    ("stack-counted", "memory that grows down counts as data", "limits.c",
     "VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE", "VM_WRITE | VM_SHARED)) == VM_WRITE"),
    ("hint", "a hint is rounded up", "area.c",
     "hint &= PAGE_MASK;", "hint = PAGE_ALIGN(hint);"),
    ("table-moves", "entries of a table that moves are counted nowhere", "pt_remove.c",
     "\tparent->pt.used += n;\n", ""),
    ("several-gaps", "mappings that move together go to one place", "mremap.c",
     "target + (r->addr - start);", "target + (r->addr - r->addr);"),
    ("overlap", "a range may be moved onto a part of itself", "mremap.c",
     "return overlaps(r) ? -QEINVAL : 0;", "return overlaps(r) ? 0 : 0;"),
    ("tail-first", "what is cut off goes before the target", "mremap.c",
     "\tif (!err)\n\t\terr = find_again(r);\n", ""),
    ("policies-merge", "mappings of different policies are merged", "vma_merge.c",
     "a->policy == b->policy && a->pgoff", "a->pgoff"),
    ("policy-hole", "mbind passes over a hole", "vma/vma_policy.c",
     "while (!may_have && start < end)", "while (!may_have && start > end)"),
    ("policy-object", "a mapping that has a policy gives it to the memory again", "vma/vma_policy.c",
     "\tif (vma->policy == policy)\n\t\treturn 0;\n\terr = set_of_file(vma, start, end, policy);",
     "\terr = set_of_file(vma, start, end, policy);\n\tif (vma->policy == policy)\n\t\treturn err;"),
    ("home-of-any", "set_mempolicy_home_node is content with no policy", "vma/vma_policy.c",
     "changed ? changed : -QENOENT", "changed"),
    ("zero-page-node", "move_pages takes the zero page for none", "move_pages.c",
     "\tcase ENTRY_ZERO:\n\t\treturn -QEFAULT;", "\tcase ENTRY_ZERO:\n\t\treturn -QENOENT;"),
    ("absent-node", "move_pages takes a node that is not there", "move_pages.c",
     "nodes[i] >= nr_nodes)", "nodes[i] > 31 + nr_nodes)"),
    ("write-only-node", "get_mempolicy does not find a page that may only be written", "page_nodes.c",
     "if (node >= 0 && may_be_reached(mm, addr))", "if (node > 99 && may_be_reached(mm, addr))"),
]


def build(tree, work):
    copy = os.path.join(work, "tree")
    shutil.copytree(tree, copy, ignore=shutil.ignore_patterns(".git", "build*"))
    subprocess.run(["meson", "setup", "-Dtests=disabled", "build"], cwd=copy, check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", "build", *TARGETS], cwd=copy, check=True, stdout=subprocess.DEVNULL)
    return copy


def plant(copy, fault):
    name, _, file, old, new = fault
    (path,) = glob.glob(os.path.join(copy, "src", "core", "**", file), recursive=True)
    with open(path, encoding="utf-8") as f:
        before = f.read()
    if before.count(old) != 1:
        sys.exit(f"planted.py: {name}: {file} has its text {before.count(old)} times, not once")
    with open(path, "w", encoding="utf-8") as f:
        f.write(before.replace(old, new))
    done = subprocess.run(["ninja", "-C", "build", *TARGETS], cwd=copy, stdout=subprocess.PIPE, text=True)
    return before, path, done


def search(copy, work, seeds):
    """(seed, steps) of the first difference, or None."""
    for seed in range(1, seeds + 1):
        done = subprocess.run([os.path.join(copy, "build", "quire"), "replay", "--random", str(seed)],
                              cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode and "; again: quire replay" not in done.stdout:
            sys.exit(f"planted.py: the scripts cannot be played\n{done.stdout}")
        if done.returncode:
            return seed, len(re.findall(r"^ *\d+  ", done.stdout, re.M)), done.stdout
    return None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tree")
    p.add_argument("--seeds", type=int, default=100)
    p.add_argument("--only")
    args = p.parse_args()
    found = total = 0
    with tempfile.TemporaryDirectory(prefix="quire-planted-") as work:
        copy = build(args.tree, work)
        if search(copy, work, 1):
            sys.exit("planted.py: the sides differ without a fault")
        for fault in FAULTS:
            if args.only and args.only != fault[0]:
                continue
            total += 1
            before, path, done = plant(copy, fault)
            if done.returncode:
                sys.exit(f"planted.py: {fault[0]} does not compile\n{done.stdout}")
            result = search(copy, work, args.seeds)
            found += result is not None
            told = f"seed {result[0]}, {result[1]} steps" if result else "NOT FOUND"
            print(f"{fault[0]:<18}{fault[1]:<58}{told}", flush=True)
            if result and args.only:
                print(result[2])
            with open(path, "w", encoding="utf-8") as f:
                f.write(before)
    print(f"{found} of {total} faults found")
    return 0 if found >= total - 1 else 1


if __name__ == "__main__":
    sys.exit(main())
