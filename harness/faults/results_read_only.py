"""See `ResultsReadOnly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsReadOnly(Fault):
    """The result backend is a replica that takes no writes: ``READONLY``.

    Healed by making it the master again.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.results.read_only():
            yield
