"""See `DatabaseReadOnly`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.stage import World


@dataclass(frozen=True, slots=True)
class DatabaseReadOnly(Fault):
    """PostgreSQL is read-only, as a standby is, or a server that ran out of room: writes fail, reads do not.

    ``default_transaction_read_only`` for transactions that begin while it holds, also on connections that are
    open. Needs ``--database postgres``. Healed by letting transactions write again.
    """

    stages = frozenset({"processes", "containers"})

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        with world.database.read_only():
            yield
