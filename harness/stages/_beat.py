"""``celery beat`` on a stage of processes: stock code, started as production starts it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from harness.errors import StageError
from harness.launcher import python_path

if TYPE_CHECKING:
    from harness.stages._world import ProcessWorld

NAME = "beat"
ENDS_WITHIN_S = 30.0
"""Of the stage's time, from SIGTERM on."""


def arguments(app: str, schedule: str) -> list[str]:
    """Of Celery's command line, from ``-A`` on; `schedule` is the path of its file."""
    return ["-A", app, "beat", "-l", "INFO", "-s", schedule]


@contextmanager
def beating(world: ProcessWorld, schedule: str) -> Iterator[None]:
    """Started at once; at the end it has ended. `StageError` where it ended by itself."""
    command = [sys.executable, "-m", "harness.probe", "celery"]
    process = world.launcher.popen(
        NAME, [*command, *arguments(world.settings.app, str(world.folder / "files" / schedule))],
        environment={"CELERY_HARNESS_ROLE": NAME, "PYTHONPATH": python_path()},
        passive=False, workdir=world.settings.workdir,
    )  # fmt: skip
    try:
        yield
        if world.launcher.ended(process.pid):
            raise died(world.log_lines(NAME))
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
        world.advance(lambda: world.launcher.ended(process.pid), within_s=ENDS_WITHIN_S)
    finally:
        world.launcher.end(process.pid)


def died(log: Sequence[str]) -> StageError:
    """Beat that has ended by itself."""
    return StageError("celery beat ended by itself.", remedy="The end of its log:\n" + "\n".join(log[-15:]))
