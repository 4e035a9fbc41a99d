#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""job_control.py QUIRE: ^Z and fg in an interactive shell on a pseudo-terminal stop and continue the
whole run, whether its other guests stop or not, and whether the program is stopped by the terminal or
by itself.

Who reads the terminal is waited for until it has stopped: told to stop and not let run since, it would take
what is typed for the shell, natively as well.  Nor is ^C typed at a prompt: the shell would throw away with
it what comes behind."""
import os
import pty
import select
import shutil
import sys
import time

LIMIT = 200

CASES = [
    # What is run; the keys that stop it; those that end it.  Who is ready has been executed: a stop of vfork's
    # child stops no parent, here as natively.
    ("one program", ["sh", "-c", "echo rea''dy-$$.; read x; echo got-$x"], b"\x1a", b""),
    ("with a child", ["sh", "-c", "sh -c 'echo rea\"\"dy-$$.; read x; echo got-$x'; :"], b"\x1a", b""),
    ("with a child that does not stop",
     ["sh", "-c", "sh -c 'trap \"\" TSTP; echo up; exec sleep 99' | "
      "sh -c 'read up; echo rea\"\"dy-$$.; read x </dev/tty; echo got-$x'"], b"\x1a", b"\x03"),
    ("by itself", ["sh", "-c", "echo rea''dy-$$.; kill -STOP $$; read x; echo got-$x"], b"", b""),
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
        """Reads until the text has come, and gives what came before it."""
        end = time.monotonic() + LIMIT
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit("no %r within %d s, but %r" % (text, LIMIT, self.seen))
            self.seen += os.read(self.fd, 4096)
        before, self.seen = self.seen.split(text, 1)
        return before

    def wait(self):
        end = time.monotonic() + LIMIT
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                sys.exit("the shell does not exit: %r" % self.seen)
            select.select([self.fd], [], [], 0.1)


def wait_stopped(pid):
    end = time.monotonic() + LIMIT
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            if f.read().rsplit(")", 1)[1].split()[0] == "T":
                return
        if time.monotonic() > end:
            sys.exit("who reads the terminal does not stop")
        os.sched_yield()


def quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def check(quire, name, argv, key, end):
    shell = Shell()
    shell.expect(b"PROMPT$ ")
    shell.write((" ".join(quote(w) for w in [quire, "run", "--quiet", "--"] + argv) + "\n").encode())
    shell.expect(b"ready-")
    reader = int(shell.expect(b"."))
    shell.write(key)
    shell.expect(b"Stopped")
    shell.expect(b"PROMPT$ ")
    wait_stopped(reader)
    shell.write(b"fg\n")
    shell.expect(b"run")
    shell.write(b"wo''rd\n")
    # First the terminal's echo.
    shell.expect(b"wo''rd")
    shell.expect(b"got-wo''rd")
    shell.write(end)
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
    for case in CASES:
        check(os.path.realpath(sys.argv[1]), *case)


main()
