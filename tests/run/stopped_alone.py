#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stopped_alone.py QUIRE: the only guest of a run is stopped by somebody outside, who then continues, or
kills, the guest and nobody else.  Who started the run sees the same as natively: the signal that stopped
it, that it goes on, and how it ended."""
import os
import signal
import subprocess
import sys

PROGRAM = "echo $$; while read x; do echo got-$x; done; exit 5"


class Job:
    """In a process group of its own: else the terminal's signals stop nobody."""

    def __init__(self, argv):
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  preexec_fn=lambda: os.setpgid(0, 0))
        self.guest = int(self.p.stdout.readline())

    def wait(self):
        return os.waitpid(self.p.pid, os.WUNTRACED | os.WCONTINUED)[1]

    def stop(self, sig):
        os.kill(self.guest, sig)
        status = self.wait()
        assert os.WIFSTOPPED(status) and os.WSTOPSIG(status) == sig, (sig, hex(status))

    def say(self, word):
        self.p.stdin.write(word + b"\n")
        self.p.stdin.flush()

    def end(self):
        self.p.stdin.close()
        return self.wait()


def continued(argv):
    job = Job(argv)
    for sig in [signal.SIGSTOP, signal.SIGTSTP, signal.SIGSTOP, signal.SIGTTIN]:
        job.stop(sig)
        job.say(b"x%d" % sig)
        os.kill(job.guest, signal.SIGCONT)
        assert os.WIFCONTINUED(job.wait())
        line = job.p.stdout.readline()
        assert line == b"got-x%d\n" % sig, line
    status = job.end()
    assert os.WEXITSTATUS(status) == 5, hex(status)


def killed(argv):
    job = Job(argv)
    job.stop(signal.SIGSTOP)
    os.kill(job.guest, signal.SIGKILL)
    status = job.end()
    if os.WIFCONTINUED(status):
        status = job.wait()
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, hex(status)


def main():
    run = [os.path.realpath(sys.argv[1]), "run", "--quiet", "--"]
    for prefix in [], run:
        for case in continued, killed:
            case(prefix + ["sh", "-c", PROGRAM])
            print("ok", case.__name__, "quire" if prefix else "native", flush=True)


main()
