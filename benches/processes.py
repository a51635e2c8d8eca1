"""Processes that a measurement starts, what they cost, and their end."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

START_SECONDS = 20
STOP_SECONDS = 60
LOG_LINES = 20
TICKS = os.sysconf("SC_CLK_TCK")
LISTENING = re.compile(rb"listening on (?:http://)?127\.0\.0\.1:(\d+)")


class Failed(Exception):
    """Something did not go as it must; the message is for a person."""


class Process:
    """A process with its children, and what it said."""

    def __init__(self, name, command, log):
        self.name, self.log = name, log
        with log.open("wb") as out:
            # A session of its own, so that its end can be that of its children too.
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def pid(self):
        return self.process.pid

    def printed_port(self):
        """The port that it says it listens on."""

        def find():
            found = LISTENING.search(self.log.read_bytes())
            return found and int(found[1])

        return self.wait_for(find, "does not say where it listens")

    def accepts(self, port):
        def connects():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        self.wait_for(connects, f"does not listen on port {port}")

    def wait_for(self, found, otherwise):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if value := found():
                return value
            time.sleep(0.02)
        raise self.failed(otherwise)

    def failed(self, how):
        said = self.log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return Failed("\n    ".join([f"{self.name} {how}; it said:", *said]))

    def family(self):
        """Its pid and those of its children."""
        pids = [self.pid]
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                pids += [int(child) for child in task.read_text().split()]
        return pids

    def cpu_seconds(self):
        """User and system time so far, of it and its children."""

        def of(pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS

        return sum(of(pid) for pid in self.family())

    def memory_kib(self, field):
        """VmHWM, the peak of the resident memory, or VmRSS, what it is now; of it and its children."""

        def of(pid):
            return int(re.search(rf"^{field}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.M)[1])

        return sum(of(pid) for pid in self.family())

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self):
        """Ends it as its own users would, and waits."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self.failed(f"had not ended after {STOP_SECONDS} s") from None

    def kill(self):
        """Ends it and its children, whatever state they are in; does nothing where it has ended."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
