"""A control plane that is killed: right before its n-th step (a system call that changes files or processes), or some
milliseconds after a call. It takes the place of the one that serves the data directory, is the same program, and has
`kill_switch.c` preloaded."""

import os
import signal
import struct
import subprocess
import tempfile
import time
from http.client import HTTPException

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError
from support import KAFKA, runtime, wait

AWAY = (ConnectionClosedError, EndpointConnectionError, HTTPClientError, ConnectionError, HTTPException)
SOURCE = os.path.join(os.path.dirname(__file__), "..", "kill_switch", "kill_switch.c")
# The control plane that takes up what was interrupted is killed too, before its n-th step: for a long run.
TWICE = os.environ.get("OPENMSK_KILL_TWICE") == "1"
# How long it is given to come to that step.
SECOND_S = 0.3


class Step:
    """Right before the n-th step after the call."""

    def __init__(self, number):
        self.number = number

    def __str__(self):
        return f"killed before step {self.number}"


class Moment:
    """That long after the call was answered."""

    def __init__(self, ms):
        self.ms = ms

    def __str__(self):
        return f"killed after {self.ms} ms"


def processes(kind):
    """Ids of our processes with this subcommand."""
    wanted = [os.environ["OPENMSK_RUNTIME"].encode(), kind.encode()]
    data = os.path.realpath(os.environ["OPENMSK_DATA"]).encode()
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read()
        except OSError:
            continue
        if arguments.split(b"\0")[:2] == wanted and data in arguments:
            found.append(int(pid))
    return found


class Victim:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        library = os.path.join(self.folder.name, "kill_switch.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
        self.switch = os.path.join(self.folder.name, "switch")
        self.arm(0)
        self.environment = {**os.environ, "LD_PRELOAD": library, "KILL_SWITCH": self.switch}
        self.serve = None
        runtime("stop")
        self.start()
        # It would start the next one, without our library.
        wait("the guard", lambda: len(processes("guard")) == 1)
        os.kill(processes("guard")[0], signal.SIGSTOP)

    def close(self):
        """Leaves the data directory to an ordinary control plane."""
        self.serve.terminate()
        self.serve.wait()
        self.folder.cleanup()
        runtime("serve", "--background", "--public-address", os.environ["OPENMSK_PUBLIC_ADDRESS"])

    def arm(self, steps):
        flags = os.O_WRONLY | os.O_CREAT
        with open(os.open(self.switch, flags, 0o600), "wb") as file:
            file.write(struct.pack("q", steps))

    def launch(self):
        arguments = ["serve", "--data-dir", os.environ["OPENMSK_DATA"]]
        arguments += ["--public-address", os.environ["OPENMSK_PUBLIC_ADDRESS"]]
        with open(os.path.join(os.environ["OPENMSK_DATA"], "logs", "serve.log"), "ab") as log:
            self.serve = subprocess.Popen([os.environ["OPENMSK_RUNTIME"], *arguments], env=self.environment, stderr=log)

    def start(self):
        self.launch()

        def there():
            assert self.serve.poll() is None, "the control plane does not start"
            try:
                KAFKA.list_kafka_versions()
                return True
            except AWAY:
                return False

        wait("the next control plane", there)

    def dead(self):
        return self.serve.poll() is not None

    def interrupt(self, at, call, over):
        """Calls, and has the control plane killed. Gives the answer, `None` when the call was cut off, and whether the kill
        came before `over(answer)`; then the next control plane serves."""
        answer = None
        if isinstance(at, Step):
            self.arm(at.number)
        try:
            answer = call()
        except AWAY:
            assert isinstance(at, Step), "nothing has killed it"
        if isinstance(at, Moment):
            time.sleep(at.ms / 1000)
            self.serve.kill()
        else:
            wait("the kill, or the end", lambda: self.dead() or (answer is not None and self.quiet(over, answer)))
            self.arm(0)
            if not self.dead():
                return answer, False
        self.serve.wait()
        if TWICE and isinstance(at, Step):
            self.kill_again(at)
        self.start()
        return answer, True

    def kill_again(self, at):
        self.arm(at.number)
        self.launch()
        deadline = time.monotonic() + SECOND_S
        while not self.dead() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.arm(0)
        self.serve.kill()
        self.serve.wait()

    def quiet(self, over, answer):
        try:
            return over(answer)
        except AWAY:
            return False
