#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hugetlb_told.py: what the host tells of huge pages that no script can say: files of /proc and /sys, the log, other users,
exec, other ways to open.  Each check is a function here; its first line is the rule, as seen on Linux 6.18 where no manual
says it.  Wants root, and has the pool as `quire replay` has it: locked, empty, and put back however this ends."""
import ctypes
import errno
import fcntl
import mmap
import os
import re
import resource
import signal
import sys
import time

HUGE = 2 << 20
DIR = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
GIANT = "/sys/kernel/mm/hugepages/hugepages-1048576kB/"
NODE = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB"
MAP_HUGETLB, MAP_NORESERVE, MFD_HUGETLB, SHM_HUGETLB = 0x40000, 0x4000, 4, 0o4000
libc = ctypes.CDLL(None, use_errno=True)


def number(name):
    with open(DIR + name) as f:
        return int(f.read())


def write(name, value):
    with open(DIR + name, "w") as f:
        f.write(str(value))


def giants():
    """Pages of 1 GiB; None: there are none here."""
    try:
        with open(GIANT + "nr_hugepages") as f:
            return int(f.read())
    except OSError:
        return None


def put_giant(name, value):
    with open(GIANT + name, "w") as f:
        f.write(str(value))


def counters():
    return tuple(number(n + "_hugepages") for n in ("nr", "free", "resv", "surplus"))


def private(pages, flags=0):
    return mmap.mmap(-1, pages * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB | flags)


def address(m):
    return ctypes.addressof(ctypes.c_char.from_buffer(m))


def section(path, start):
    """Of the mapping that begins there: its line of maps or numa_maps, and those of smaps below it."""
    with open(path) as f:
        text = f.read()
    found = re.search(rf"^{start:x}[- ].*\n(?:[A-Z].*\n)*", text, re.M)
    assert found, (path, hex(start))
    return found.group()


def in_child(body):
    """Runs the body in a child: what it returns, or the signal that ended it."""
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGBUS, signal.SIG_DFL)
        os._exit(body() or 0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def call(result):
    return result if result >= 0 else -ctypes.get_errno()


def exec_keeps_the_owners_reservation():
    """A child that executes a program leaves the owner's reservation alone."""
    m = private(4)
    m[0] = 1
    assert counters() == (8, 7, 3, 0), counters()
    assert in_child(lambda: os.execv("/bin/true", ["true"])) == 0
    assert counters() == (8, 7, 3, 0), counters()


def child_that_loses(m):
    """How a child ends that reads the first page of m after its owner has taken it."""
    read, ready = os.pipe()
    said, go = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(ready, b"1")
        os.read(said, 1)
        _ = m[0]
        os._exit(0)
    os.read(read, 1)
    m[0] = 2
    os.write(go, b"1")
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for fd in (read, ready, said, go):
        os.close(fd)
    return pid, status


def default_action_is_sigbus():
    """A child that has lost a page is killed by SIGBUS, and the log has a line of it."""
    m = private(8)
    m[0] = 1
    pid, status = child_that_loses(m)
    assert status == -signal.SIGBUS
    with os.fdopen(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as log:
        lines = []
        try:
            while line := log.read(8192):
                lines.append(line)
        except OSError:
            pass
    # The line is left out where ten of the kind were there in five seconds.
    wanted = f"PID {pid} killed due to inadequate hugepage pool".encode()
    if not any(wanted in line for line in lines):
        assert sum(b"inadequate hugepage pool" in line for line in lines) >= 10, "no line in the log"


def smaps_and_numa_maps():
    """The name is /anon_hugepage (deleted); numa_maps says huge, and counts in huge pages; one touch is one fault."""
    m = private(4)
    start = address(m)
    assert section("/proc/self/smaps", start).split("\n")[0].endswith(" /anon_hugepage (deleted)")
    flags = re.search(r"VmFlags: (.*)", section("/proc/self/smaps", start)).group(1).split()
    assert "ht" in flags and "de" in flags, flags
    faults = []
    for i in range(4):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        m[i * HUGE] = 1
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert min(faults) == 1, faults  # the interpreter may have one of its own
    line = section("/proc/self/numa_maps", start)
    for word in ("huge", "anon=4", "dirty=4", "N0=4", "kernelpagesize_kB=2048"):
        assert word in line.split(), line


def pagemap_has_each_small_page():
    """pagemap tells each small page of a huge one that is there, one after the other in RAM."""
    m = private(2)
    m[HUGE + 5] = 1
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(address(m) // 4096 * 8)
        data = f.read(1024 * 8)
    entries = [int.from_bytes(data[i:i + 8], "little") for i in range(0, len(data), 8)]
    assert all(not e >> 63 for e in entries[:512]) and all(e >> 63 for e in entries[512:])
    frames = [e & (1 << 55) - 1 for e in entries[512:]]
    assert frames == list(range(frames[0], frames[0] + 512)) and frames[0] % 512 == 0


def meminfo():
    """meminfo has the counters of the default size, and Hugetlb, which is not in MemFree."""
    m = private(3)
    m[0] = 1
    with open("/proc/meminfo") as f:
        info = dict(line.split(":") for line in f)
    assert [int(info["HugePages_" + k]) for k in ("Total", "Free", "Rsvd", "Surp")] == [8, 7, 2, 0]
    assert info["Hugetlb"].split() == [str(8 * 2048), "kB"] and info["Hugepagesize"].split() == ["2048", "kB"]


def node_files():
    """A node's folder has three files, of which one sets the pool; resv_hugepages is nobody's to write."""
    assert sorted(os.listdir(NODE)) == ["free_hugepages", "nr_hugepages", "surplus_hugepages"]
    with open(NODE + "/nr_hugepages", "w") as f:
        f.write("5")
    assert number("nr_hugepages") == 5
    for path in (DIR + "resv_hugepages", NODE + "/free_hugepages"):
        try:
            os.close(os.open(path, os.O_WRONLY))
        except PermissionError:
            continue
        raise AssertionError(path)


def memfd_sizes():
    """memfd_create with a size that the machine has no huge pages of: ENODEV, not EINVAL."""
    assert call(libc.memfd_create(b"h", MFD_HUGETLB | 16 << 26)) == -errno.ENODEV
    fd = call(libc.memfd_create(b"h", MFD_HUGETLB | 21 << 26))
    assert fd >= 0 and os.fstat(fd).st_blksize == HUGE
    os.close(fd)


def segments_of_others():
    """shmget with SHM_HUGETLB is refused to an ordinary user, while mmap and memfd_create are open to all."""
    def ordinary():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        if call(libc.shmget(0, ctypes.c_size_t(HUGE), SHM_HUGETLB | 0o1600)) != -errno.EPERM:
            return 1
        m = private(1)
        m[0] = 1
        return 0 if call(libc.memfd_create(b"h", MFD_HUGETLB)) >= 0 else 2
    assert in_child(ordinary) == 0


def mounts():
    """hugetlbfs: size= is shown rounded down to whole huge pages; O_DIRECT is refused; statfs is of huge pages."""
    def body():
        if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x44000, None):
            return 77
        if libc.mount(b"none", b"/mnt", b"hugetlbfs", 0, b"size=3M"):
            return 1
        with open("/proc/mounts") as f:
            line = [text for text in f if " /mnt hugetlbfs " in text][0]
        if "size=2097152" not in line.split()[3].split(",") or "pagesize=2M" not in line:
            return 2
        if os.statvfs("/mnt").f_bsize != HUGE or os.statvfs("/mnt").f_blocks != 1:
            return 3
        try:
            os.open("/mnt/f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
        except OSError as e:
            return 0 if e.errno == errno.EINVAL else 4
        return 5
    status = in_child(body)
    if status == 77:
        print("not checked: mounts: no namespace of mounts")
        return
    assert status == 0, status


def group_root():
    """Where groups of version 2 with limits for huge pages may be made; None: nowhere."""
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        try:
            with open(root + "/cgroup.controllers") as f:
                if "hugetlb" in f.read().split():
                    return root
        except OSError:
            pass
    return None


class Group:
    """A group with these limits, for as long as the block lasts."""

    def __init__(self, root, **limits):
        self.root, self.limits, self.path = root, limits, f"{root}/quire-told-{os.getpid()}"

    def __enter__(self):
        with open(self.root + "/cgroup.subtree_control") as f:
            self.was_on = "hugetlb" in f.read().split()
        if not self.was_on:
            self.put(self.root + "/cgroup.subtree_control", "+hugetlb")
        os.mkdir(self.path)
        for name, value in self.limits.items():
            self.put(f"{self.path}/hugetlb.2MB.{name.replace('_', '.')}", value)
        return self

    def __exit__(self, *args):
        os.rmdir(self.path)
        if not self.was_on:
            self.put(self.root + "/cgroup.subtree_control", "-hugetlb")

    @staticmethod
    def put(path, value):
        with open(path, "w") as f:
            f.write(str(value))

    def get(self, name):
        with open(f"{self.path}/hugetlb.2MB.{name}") as f:
            return f.read().strip()

    def enter(self):
        self.put(self.path + "/cgroup.procs", os.getpid())


def groups():
    """hugetlb.2MB.max: mmap passes, the touch over it is SIGBUS, and counted; rsvd.max: mmap is refused, and a page without a
    reservation counts too; limits are rounded down to whole pages; the owner's copy that the limit refuses is stolen."""
    root = group_root()
    if not root:
        print("not checked: groups: no hugetlb controller")
        return

    def touches_two(flags=0):
        def body():
            group.enter()
            m = private(2, flags)
            m[0] = 1
            m[HUGE] = 1
        return body

    with Group(root, max=2 * HUGE - 4096) as group:
        assert group.get("max") == str(HUGE)
        assert in_child(touches_two()) == -signal.SIGBUS
        assert group.get("events") == "max 1" and group.get("current") == "0"

    def refused():
        group.enter()
        try:
            private(2)
        except OSError as e:
            if e.errno != errno.ENOMEM:
                return 1
        else:
            return 2
        return 0 if call(libc.shmget(0, ctypes.c_size_t(2 * HUGE), SHM_HUGETLB | 0o1600)) == -errno.ENOMEM else 3

    with Group(root, rsvd_max=HUGE) as group:
        assert in_child(refused) == 0
        assert in_child(touches_two(MAP_NORESERVE)) == -signal.SIGBUS

    def steals():
        group.enter()
        m = private(1)
        m[0] = 1
        return 0 if child_that_loses(m)[1] == -signal.SIGBUS and m[0] == 2 else 1

    with Group(root, max=HUGE) as group:
        assert in_child(steals) == 0


def demotion():
    """Demotion of a page of 1 GiB makes 512 of 2 MiB; of one that is reserved it does nothing, and fails not."""
    if giants() != 0:
        print("not checked: demotion: no pages of 1 GiB of our own")
        return
    put_giant("nr_hugepages", 1)
    if giants() != 1:
        print("not checked: demotion: the host has no GiB in one piece")
        return
    try:
        m = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB | 30 << 26)
        put_giant("demote", 1)
        assert giants() == 1 and counters() == (8, 8, 0, 0)
        m.close()
        put_giant("demote", 1)
        assert giants() == 0 and counters() == (520, 520, 0, 0), counters()
    finally:
        put_giant("nr_hugepages", 0)


CHECKS = [groups, demotion, exec_keeps_the_owners_reservation, default_action_is_sigbus, smaps_and_numa_maps, pagemap_has_each_small_page,
          meminfo, node_files, memfd_sizes, segments_of_others, mounts]


def restore(before):
    if before[2] is not None:
        put_giant("nr_hugepages", before[2])
    for _ in range(200):
        write("nr_overcommit_hugepages", before[1])
        write("nr_hugepages", before[0])
        if counters() == (before[0], before[0], 0, 0):
            return
        time.sleep(0.05)
    print("FAILED: the pool is", counters(), file=sys.stderr)


def take_pool():
    """The pool is this process's until it ends; a keeper, which has the lock too, puts it back then."""
    lock = os.open(DIR, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if counters()[0] != counters()[1] or counters()[2]:
        print("SKIP: the host has huge pages in use")
        sys.exit(77)
    before = number("nr_hugepages"), number("nr_overcommit_hugepages"), giants()
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(theirs)
        os.setsid()
        for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(s, signal.SIG_IGN)
        os.read(ours, 1)
        restore(before)
        os._exit(0)
    os.close(ours)
    os.close(lock)
    return pid, theirs


def main():
    if os.geteuid() or not os.path.exists(DIR):
        print("SKIP: wants root, and a kernel with huge pages")
        sys.exit(77)
    failed = 0
    keeper, pipe = take_pool()
    write("nr_overcommit_hugepages", 0)
    for check in CHECKS:
        write("nr_hugepages", 8)
        try:
            assert in_child_of(check, pipe) == 0
            print("ok", check.__name__)
        except AssertionError as e:
            failed = 1
            print("FAILED", check.__name__, check.__doc__, e)
        write("nr_hugepages", 0)
        if counters() != (0, 0, 0, 0):
            print("FAILED", check.__name__, "leaves", counters())
            failed = 1
            break
    os.close(pipe)
    os.waitpid(keeper, 0)
    sys.exit(failed)


def in_child_of(check, pipe):
    """Each check has a process of its own, whose memory is gone when it has ended."""
    def body():
        os.close(pipe)
        check()
        sys.stdout.flush()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        try:
            body()
        except AssertionError as e:
            print("  ", repr(e), flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


main()
