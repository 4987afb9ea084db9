"""The harness's end of the client process, in which the app publishes (see `harness/probe/client.py`)."""

from __future__ import annotations

import json
import os
import select
import sys
from typing import TYPE_CHECKING, Any

from harness.errors import DeadlineExceeded, StageError
from harness.inspection import app_error
from harness.launcher import python_path

if TYPE_CHECKING:
    from harness.stages._world import ProcessWorld

ANSWER_WITHIN_S = 120.0
TOLD_WITHIN_S = 2.0
"""How long a publish is waited for: one that takes longer (the broker is paused) holds nobody else up."""


class ProcessClient:
    """Sends commands to the client process and waits for the answers, on the stage's clock.

    Answers come in the order of the commands. Nothing here blocks: what the pipe does not take is kept
    until it does, and an answer that does not come in time is taken when it does.
    """

    def __init__(self, world: ProcessWorld) -> None:
        self.world = world
        self._buffer = b""
        self._unwritten = b""
        self._owed = 0
        """Answers to `tell` that are still to come, before any other."""
        settings = world.settings
        self.process = world.launcher.popen(
            "client",
            [sys.executable, "-m", "harness.probe", "client", settings.app, settings.contract.setup or ""],
            environment={"CELERY_HARNESS_ROLE": "client", "PYTHONPATH": python_path()},
            passive=False,
            workdir=settings.workdir,
            pipes=True,
        )
        pipes: Any = self.process
        self._stdin, self._stdout = pipes.stdin.fileno(), pipes.stdout.fileno()
        os.set_blocking(self._stdin, False)

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.post(do, **arguments)
        return self.answer(do)

    def tell(self, do: str, **arguments: Any) -> None:
        """Send a command; wait `TOLD_WITHIN_S` at most, and not at all while an earlier one is under way."""
        self.post(do, **arguments)
        self._owed += 1
        if self._owed == 1:
            self.world.advance(self._has_line, within_s=TOLD_WITHIN_S)
        self.pump()

    def post(self, do: str, **arguments: Any) -> None:
        """Send a command; `answer` takes the answers in the same order."""
        self._unwritten += json.dumps({"do": do, **arguments}).encode() + b"\n"
        self._write()

    def answer(self, do: str) -> dict[str, Any]:
        """The next answer; what the app raised comes back as `AppError`."""
        while self._owed:
            self._owed -= 1
            self._answer("send")
        return self._answer(do)

    def pump(self) -> None:
        """Write what was kept, and take what answers to `tell` have come meanwhile."""
        while self._owed and self._has_line() and not self._buffer.startswith(b"\n"):
            self._owed -= 1
            self._answer("send")

    def _answer(self, do: str) -> dict[str, Any]:
        if b"\n" not in self._buffer and not self.world.advance(self._has_line, within_s=ANSWER_WITHIN_S):
            raise DeadlineExceeded(f"The client did not answer '{do}' within {ANSWER_WITHIN_S:g} s.")
        line, _, self._buffer = self._buffer.partition(b"\n")
        if not line:
            raise self._ended()
        document: dict[str, Any] = json.loads(line)
        if "error" in document:
            self.world.check_interlock()
            raise app_error(self.world.settings.app, document)
        return document

    def _write(self) -> None:
        try:
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._stdin, self._unwritten) :]
        except BlockingIOError:
            pass  # the client is busy, and the pipe is full
        except BrokenPipeError:
            raise self._ended() from None

    def _has_line(self) -> bool:
        self._write()
        while select.select([self._stdout], [], [], 0)[0]:
            data = os.read(self._stdout, 65536)
            if not data:
                self._buffer += b"\n"
                break
            self._buffer += data
        return b"\n" in self._buffer

    def _ended(self) -> StageError:
        return StageError(
            "The client process ended.", remedy="The end of its log:\n" + self.world.launcher.log("client")
        )
