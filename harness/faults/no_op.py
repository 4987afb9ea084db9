"""See `NoOp`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class NoOp(Fault):
    """Nothing happens: the control that shows that an experiment is quiet without a fault."""

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        yield
