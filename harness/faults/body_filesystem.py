"""See `BodyFilesystem`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class BodyFilesystem(Fault):
    """Task bodies fail with `OSError` ENOSPC, as on a full disk.

    The error is raised inside the task's own function, at the first line of its first ``try`` block where
    it has one, in the first `attempts` attempts of every task whose name matches the glob `task`. Healed
    by running bodies as they are again.
    """

    task: str = "*"
    attempts: int = 1

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        withdraw = world.order_bodies(self.task, {"raises": "filesystem", "failing_attempts": self.attempts})
        try:
            yield
        finally:
            withdraw()
