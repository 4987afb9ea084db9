"""See `WorkerKillAtFsync`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.fault import Fault
from harness.faults._calls import REAL
from harness.faults._select import chosen, restart
from harness.stage import World


@dataclass(frozen=True, slots=True)
class WorkerKillAtFsync(Fault):
    """A worker's process is killed (SIGKILL) exactly at an ``fsync``: the moment that should make data last.

    It is the process that calls ``fsync`` or ``fdatasync``, a child as a rule, at the `nth` call about a file
    that fits, once. It dies before the call or, with `after`, when the call has done its work. `path` is a
    glob of the folder for the app's files, or of the whole system where it is absolute; `*` matches ``/``
    too. All workers that consume `queue` are struck, or the one named `worker`; all where neither is given.

    Healed by disarming, and by starting workers again whose main process died.
    """

    stages = REAL

    path: str = "*"
    nth: int = 1
    after: bool = False
    queue: str | None = None
    worker: str | None = None

    @contextmanager
    def strike(self, world: World) -> Iterator[None]:
        victims = chosen(world, queue=self.queue, worker=self.worker)
        roles = [f"worker:{each.name}" for each in victims]
        action = "kill_after" if self.after else "kill"
        with world.calls.rule(
            fault=self.name, call="fsync", action=action, roles=roles, path=self.path, nth=self.nth, times=1
        ):
            try:
                yield
            finally:
                restart(world, [victim for victim in victims if victim.ended()])
