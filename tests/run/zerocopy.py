#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""zerocopy.py QUIRE: no call leaves pages of a guest's with a device when it is over: neither by a socket that came
with SO_ZEROCOPY set, nor by memory registered for AF_XDP."""
import socket
import subprocess
import sys

SO_ZEROCOPY = 60
GUEST = """
import errno, socket, sys
def refused(what, call):
    try:
        call()
    except OSError as e:
        if e.errno == errno.EOPNOTSUPP:
            return
        sys.exit(f"{what}: errno {e.errno}")
    sys.exit(f"{what}: not refused")
ZEROCOPY = 0x4000000
s = socket.socket(fileno=int(sys.argv[1]))
refused("sendto", lambda: s.send(b"x" * 4096, ZEROCOPY))
refused("sendmsg", lambda: s.sendmsg([b"x" * 4096], [], ZEROCOPY))
refused("setsockopt", lambda: s.setsockopt(socket.SOL_SOCKET, 60, 1))
s.send(b"as ever")
a, b = socket.socketpair()
a.send(b"the flag alone means nothing", ZEROCOPY)
try:
    x = socket.socket(44, socket.SOCK_RAW)
except OSError as e:
    print("skipped in part: no AF_XDP:", e)
else:
    refused("XDP_UMEM_REG", lambda: x.setsockopt(283, 4, bytes(32)))
"""


def main():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    client.set_inheritable(True)
    done = subprocess.run([sys.argv[1], "run", "--quiet", "--", "python3", "-c", GUEST, str(client.fileno())],
                          close_fds=False, timeout=100, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit(f"status {done.returncode}")
    got = peer.recv(100)
    if got != b"as ever":
        sys.exit(f"sent: {got!r}")


main()
