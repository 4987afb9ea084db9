"""What the faults of single calls have in common: whose calls, which, and from which on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.fault import Fault
from harness.faults._select import chosen
from harness.stage import World

REAL = frozenset({"processes", "containers"})


@dataclass(frozen=True, slots=True)
class AtCall(Fault):
    """A fault at calls of workers: main processes, children, and what these start."""

    stages: ClassVar[frozenset[str]] = REAL
    action: ClassVar[str] = "error"

    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        """Arm the rule; the call that it is about may come at any time while the context lasts."""
        roles = [f"worker:{each.name}" for each in chosen(world, queue=self.queue, worker=self.worker)]
        with world.calls.rule(**{"fault": self.name, "action": self.action, "roles": roles} | self.rule()):
            yield

    def rule(self) -> dict[str, Any]:
        """The rest of the rule."""
        raise NotImplementedError
