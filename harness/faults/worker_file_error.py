"""See `WorkerFileError`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.faults._calls import AtCall


@dataclass(frozen=True, slots=True)
class WorkerFileError(AtCall):
    """A call about a file fails on workers: ``EIO``, ``ENOSPC`` or any other error.

    `call` is open, read, write, fsync or rename, or several with ``|`` between. It fails with `error` (a name
    of errno(3)) from the `nth` call on that fits, counted over all processes, `times` times; 0 for as long as
    it holds. `path` is a glob of the folder for the app's files, or of the whole system where it is absolute;
    `*` matches ``/`` too. All workers that consume `queue` are struck, or the one named `worker`; all where
    neither is given. Healed by disarming.
    """

    call: str = "write"
    error: str = "EIO"
    path: str = "*"
    nth: int = 1
    times: int = 0

    def rule(self) -> dict[str, Any]:
        return {
            "call": self.call, "error": self.error, "path": self.path, "nth": self.nth, "times": self.times,
        }  # fmt: skip
