"""Java programs of others: started, read, killed, and gone at the end whatever happens."""

import contextlib
import ctypes
import signal
import subprocess
import time

LIMIT_SECONDS = 90
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """The kernel kills the program when whoever started it is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def until(what, condition, *programs, seen=lambda: ""):
    """Waits for a condition, with a deadline, as long as these programs run. `seen` says how far it came."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        for program in programs:
            assert program.poll() is None, f"{program.args[-1]} ended with {program.returncode} before {what}"
        assert time.monotonic() < deadline, f"waited in vain for {what}: {seen()}"
        time.sleep(0.05)


@contextlib.contextmanager
def running(command, log):
    """A program that writes to this file; it is killed at the end if it still runs."""
    with open(log, "ab") as output:
        program = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, preexec_fn=die_with_parent
        )
    try:
        yield program
    except BaseException:
        with open(log, errors="replace") as text:
            print(text.read()[-6000:])
        raise
    finally:
        program.kill()
        program.wait()
