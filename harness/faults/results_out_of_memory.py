"""See `ResultsOutOfMemory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class ResultsOutOfMemory(Fault):
    """The result backend has no memory left: each write is answered ``OOM command not allowed``, reads are
    not.

    ``maxmemory`` of one byte with ``noeviction``. Healed by giving it back.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.results.out_of_memory():
            yield
