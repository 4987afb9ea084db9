"""See `WorkerTooManyOpenFiles`."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from harness.fault import Fault
from harness.faults._calls import REAL
from harness.faults._limits import limited
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerTooManyOpenFiles(Fault):
    """Workers can open nothing more, no file and no connection: ``EMFILE``, "too many open files".

    Each process may open `spare` more than it has open (``RLIMIT_NOFILE``, ``getrlimit(2)``); what is open
    stays. Orders about bodies (`harness.workload.Body`) are files, and are not found meanwhile. All workers
    that consume `queue` are struck, or the one named `worker`; all where neither is given.

    Healed by the limit as it was.
    """

    stages = REAL

    spare: int = 0
    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queue=self.queue, worker=self.worker)
        with limited(victims, resource.RLIMIT_NOFILE, self._limit):
            yield

    def _limit(self, pid: int) -> int:
        """The lowest number above which no more than `spare` are free."""
        used = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        return next(islice((number for number in count() if number not in used), self.spare, None))
