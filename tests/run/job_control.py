#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""job_control.py QUIRE: ^Z and fg in an interactive shell on a pseudo-terminal stop and continue the
whole run, whether its other guests stop or not, and whether the program is stopped by the terminal or
by itself.

Run it with nothing beside: a job of several processes that has been told to stop, and has not been
let run since, takes what is typed for the shell, natively as well."""
import os
import pty
import select
import shutil
import sys
import time

LIMIT = 200

CASES = [
    # What is run; the keys that stop it.  Who is ready has been executed: a stop of vfork's child stops no
    # parent, here as natively.
    ("one program", ["sh", "-c", "echo rea''dy; read x; echo got-$x"], b"\x1a"),
    ("with a child", ["sh", "-c", "sh -c 'echo rea\"\"dy; read x; echo got-$x'; :"], b"\x1a"),
    ("with a child that does not stop",
     ["sh", "-c", "sh -c 'trap \"\" TSTP; echo up; exec sleep 99' | { read up; echo rea''dy; read x </dev/tty; "
      "echo got-$x; }"], b"\x1a"),
    ("by itself", ["sh", "-c", "echo rea''dy; kill -STOP $$; read x; echo got-$x"], b""),
]


class Shell:
    def __init__(self):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(PS1="PROM" + "PT$ ", TERM="dumb")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.seen = b""

    def write(self, data):
        os.write(self.fd, data)

    def expect(self, text):
        """Reads until the text has come; what came before it is gone."""
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit("no %r within %d s, but %r" % (text, LIMIT, self.seen))
            self.seen += os.read(self.fd, 4096)
        self.seen = self.seen.split(text, 1)[1]

    def wait(self):
        end = time.monotonic() + LIMIT
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                sys.exit("the shell does not exit: %r" % self.seen)
            select.select([self.fd], [], [], 0.1)


def quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def check(quire, name, argv, key):
    shell = Shell()
    shell.expect(b"PROMPT$ ")
    shell.write((" ".join(quote(w) for w in [quire, "run", "--quiet", "--"] + argv) + "\n").encode())
    shell.expect(b"ready")
    shell.write(key)
    shell.expect(b"Stopped")
    shell.expect(b"PROMPT$ ")
    shell.write(b"fg\n")
    shell.expect(b"run")
    shell.write(b"wo''rd\n")
    # First the terminal's echo.
    shell.expect(b"wo''rd")
    shell.expect(b"got-wo''rd")
    shell.write(b"\x03")
    shell.expect(b"PROMPT$ ")
    shell.write(b"exit\n")
    shell.wait()
    print("ok", name, flush=True)


def main():
    if not shutil.which("bash"):
        print("skipped: no bash")
        sys.exit(77)
    try:
        for fd in pty.openpty():
            os.close(fd)
    except OSError as error:
        print(f"skipped: no pseudo-terminal: {error}")
        sys.exit(77)
    for name, argv, key in CASES:
        check(os.path.realpath(sys.argv[1]), name, argv, key)


main()
