"""Opens a real stage for an app that a test has written, and asks of it what a test wants to know."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest

from harness.broker import Availability
from harness.contract import Contract, Tier, WorkerLayout
from harness.history import Event
from harness.stage import StageSettings, World
from harness.stages._world import ProcessWorld
from harness.stages.processes import Processes

WITHIN_S = 300.0
"""Seconds of the stage's clock."""
ENDS = ("task-succeeded", "task-failed", "task-revoked", "task-unknown")


def missing(found: Availability) -> NoReturn:
    """Skip with the line that gets what is missing; in CI a missing service fails."""
    (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{found.why}: {found.remedy}")


def contract_for(*tasks: str, concurrency: int = 2, **tier: Any) -> Contract:
    """One tier with these globs, and one worker that consumes Celery's default queue."""
    return Contract(
        tiers=(Tier("shop", tasks or ("shop.*",), **tier),),
        workers=(WorkerLayout("main", ("celery",), concurrency),),
    )


class Driver:
    """A stage that is up, and what a test asks of it."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def inner(self) -> ProcessWorld:
        """The processes stage itself."""
        return cast("ProcessWorld", self.world)

    def events(self, *kinds: str, task_id: str | None = None) -> list[Event]:
        """Events of these kinds, of one task where given, in the order in which they became known."""
        self.world.events()
        found = [event for event in self.world.arrived() if not kinds or event.kind in kinds]
        return [event for event in found if task_id is None or event.task_id == task_id]

    def send(self, task: str, *args: Any, body: Mapping[str, Any] | None = None, **options: Any) -> str:
        """Publish one task; its id."""
        return self.world.send(task, args, {}, body=body, options=options)

    def until(self, fact: Callable[[], object], what: str) -> None:
        """Let time pass until something holds."""
        came = self.world.advance(lambda: bool(fact()), within_s=WITHIN_S)
        assert came, f"{what} did not come within {WITHIN_S:g} s of the stage's clock"

    def outcome(self, task_id: str) -> Event:
        """How a task ended."""
        self.until(lambda: self.events(*ENDS, task_id=task_id), f"the end of {task_id}")
        return self.events(*ENDS, task_id=task_id)[-1]

    def result(self, task: str, *args: Any) -> Any:
        """What a task returned; the test fails with the error where it raised."""
        task_id = self.send(task, *args)
        end = self.outcome(task_id)
        assert end.kind == "task-succeeded", end.data
        return self.stored(task_id)["result"]

    def stored(self, task_id: str) -> dict[str, Any]:
        """What the stage's result server holds of a task."""
        text = self.inner.results.client.get(f"celery-task-meta-{task_id}")
        return dict(json.loads(text))


@contextmanager
def opened(
    folder: Path,
    files: Mapping[str, str],
    contract: Contract | None = None,
    app: str = "shop:app",
    **more: Any,
) -> Iterator[Driver]:
    """Write the app's files into a folder and open the processes stage for it."""
    available = Processes.available(more.get("broker", "redis"))
    if not available.ok:
        missing(available)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    with Processes.open(StageSettings(app, contract or contract_for(), folder, **more)) as world:
        yield Driver(world)
