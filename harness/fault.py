"""The idea of a fault: what it does to a running stage, and that it is healed when its context ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar

from harness.stage import World


class Fault(ABC):
    """One thing that goes wrong; a frozen dataclass whose fields are its settings.

    The file name is its public name, victim first (``worker_kill.py`` defines ``WorkerKill``).
    `strike` is a context: the fault holds inside it, and is healed when it ends, also when the
    scenario raises. The caller goes through `injected`, which records both ends.
    """

    stages: ClassVar[frozenset[str]] = frozenset({"processes", "containers", "simulated"})
    proxied: ClassVar[str | None] = None
    """The server that it needs a proxy before (of `harness.stage.SERVERS`); None where it needs none."""

    @property
    def name(self) -> str:
        """The public name: the name of the file that defines the fault."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def strike(self, world: World) -> AbstractContextManager[None]:
        """Do it; heal at the end of the context."""

    def settings(self) -> dict[str, Any]:
        """The fault's settings as plain data."""
        return asdict(self) if is_dataclass(self) else {}  # type: ignore[redundant-expr]


@contextmanager
def injected(fault: Fault, world: World) -> Iterator[None]:
    """Strike, with ``fault-injected`` and ``fault-healed`` in the history."""
    world.record("fault-injected", fault=fault.name, settings=fault.settings())
    try:
        with fault.strike(world):
            yield
    finally:
        world.record("fault-healed", fault=fault.name)
