"""See `WorkerFileTooLarge`."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.errors import UsageError
from harness.fault import Fault
from harness.faults._calls import REAL
from harness.faults._limits import limited
from harness.faults._select import chosen
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerFileTooLarge(Fault):
    """No file gets larger than `limit_mb` megabytes on workers: ``EFBIG``.

    ``RLIMIT_FSIZE`` (``getrlimit(2)``); what is larger stays. For a smaller limit on some files see
    `worker_file_error` with ``EFBIG``: this one holds for the record of the run too, and is refused where
    that would not have room. All workers that consume `queue` are struck, or the one named `worker`; all
    where neither is given.

    Healed by the limit as it was.
    """

    stages = REAL

    limit_mb: int = 64
    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        limit_bytes = self.limit_mb * 2**20
        own = [world.folder / "events.jsonl", *(world.folder / "logs").glob("*.log")]
        written = max(path.stat().st_size for path in own)
        if 2 * written > limit_bytes:
            raise UsageError(
                f"The record of the run has {written / 2**20:.0f} MB and needs room as well.",
                remedy="Give a larger limit_mb, or take worker_file_error with EFBIG.",
            )
        victims = chosen(world, queue=self.queue, worker=self.worker)
        with limited(victims, resource.RLIMIT_FSIZE, lambda _: limit_bytes):
            yield
