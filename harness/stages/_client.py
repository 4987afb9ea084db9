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


class ProcessClient:
    """Sends commands to the client process and waits for the answers, on the stage's clock."""

    def __init__(self, world: ProcessWorld) -> None:
        self.world = world
        self._buffer = b""
        settings = world.settings
        self.process = world.launcher.popen(
            "client",
            [sys.executable, "-m", "harness.probe", "client", settings.app, settings.contract.setup or ""],
            environment={"CELERY_HARNESS_ROLE": "client", "PYTHONPATH": python_path()},
            passive=False,
            workdir=settings.workdir,
            pipes=True,
        )
        self._stdin: Any = self.process.stdin
        self._stdout: Any = self.process.stdout

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command without waiting for its answer."""
        self.post(do, **arguments)
        return self.answer(do)

    def post(self, do: str, **arguments: Any) -> None:
        """Send a command; `answer` takes the answers in the same order."""
        try:
            self._stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def answer(self, do: str) -> dict[str, Any]:
        """The next answer; what the app raised comes back as `AppError`."""
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

    def _has_line(self) -> bool:
        descriptor = self._stdout.fileno()
        while select.select([descriptor], [], [], 0)[0]:
            data = os.read(descriptor, 65536)
            if not data:
                self._buffer += b"\n"
                break
            self._buffer += data
        return b"\n" in self._buffer

    def _ended(self) -> StageError:
        return StageError(
            "The client process ended.", remedy="The end of its log:\n" + self.world.launcher.log("client")
        )
