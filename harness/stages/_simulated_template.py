"""Simulating processes of one session, copied from one that has imported Celery already."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from harness.launcher import ProcessLauncher, Started
from harness.simulation.template import early

COMMAND = (sys.executable, "-m", "harness.simulation")


class Copy:
    """A simulating process that was copied: a child of another process, which nobody but us waits for."""

    returncode: int | None = None

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.stdout: IO[bytes] | None = stdout
        self._handle = -1
        with suppress(ProcessLookupError):
            self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """0 when it has ended, whatever its status was."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; `subprocess.TimeoutExpired` where that takes longer."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(list(COMMAND), timeout or 0.0)
        return 0

    def _ended(self, within_s: float | None) -> int | None:
        if self.returncode is None and (
            self._handle < 0 or select.select([self._handle], [], [], within_s)[0]
        ):
            self.returncode = 0
            if self._handle >= 0:
                os.close(self._handle)
        return self.returncode


class Template:
    """The process that is copied; begun with the first world, ended with the session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._launcher: ProcessLauncher | None = None
        self._socket: socket.socket | None = None
        self._early: dict[str, str] = {}

    def copy(
        self, launcher: ProcessLauncher, environment: Mapping[str, str], workdir: Path
    ) -> Started | None:
        """A copy that is to the app what a new process would be; None where that cannot be."""
        variables = launcher.variables(environment, passive=True)
        with self._lock:
            if self._launcher is None:
                self._begin(environment)
            if self._socket is None or early(variables) != self._early:
                return None
            try:
                return _copied(self._socket, launcher, variables, workdir)
            except OSError:
                self._end()
                return None

    def close(self) -> None:
        """End it."""
        with self._lock:
            self._end()
            if self._launcher is not None:
                self._launcher.close()

    def _begin(self, environment: Mapping[str, str]) -> None:
        folder, token = ProcessLauncher.new_folder()
        launcher = self._launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
        self._early = early(launcher.variables(environment, passive=True))
        self._socket, other = socket.socketpair()
        kept = {name: value for name, value in environment.items() if name in self._early}
        with other:
            command = [*COMMAND, "--template"]
            launcher.popen("template", command, environment=kept, stdin=other.fileno())

    def _end(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _copied(
    template: socket.socket, launcher: ProcessLauncher, variables: Mapping[str, str], workdir: Path
) -> Started | None:
    theirs_in, ours_in = os.pipe()
    ours_out, theirs_out = os.pipe()
    ours = os.fdopen(ours_in, "wb"), os.fdopen(ours_out, "rb")
    asked = json.dumps({"environment": dict(variables), "workdir": str(workdir.absolute())}).encode()
    try:
        with (launcher.folder / "logs" / "simulation.log").open("ab") as log:
            socket.send_fds(template, [asked + b"\n"], [theirs_in, theirs_out, log.fileno()])
        answer = json.loads(_line(template))
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    if not answer["pid"]:
        for pipe in ours:
            pipe.close()
        return None
    process = Copy(int(answer["pid"]), *ours)
    launcher.keep(process)
    return process


def _line(source: socket.socket) -> bytes:
    """One line; `OSError` where it ends before."""
    line = b""
    while not line.endswith(b"\n"):
        piece = source.recv(4096)
        if not piece:
            raise ConnectionResetError("the template ended")
        line += piece
    return line
