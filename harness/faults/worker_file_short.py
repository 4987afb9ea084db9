"""See `WorkerFileShort`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from harness.faults._calls import AtCall


@dataclass(frozen=True, slots=True)
class WorkerFileShort(AtCall):
    """Reads and writes of files are cut short on workers: a call moves `bytes` bytes at most, without an
    error.

    POSIX allows that always (``write(2)``); buffered files of Python go on where a write has stopped, who
    calls ``os.write`` has to look at what it returns. `call` is read or write, or both with ``|`` between;
    from the `nth` on that fits, `times` times; 0 for as long as it holds. `path` is a glob of the folder for
    the app's files, or of the whole system where it is absolute; `*` matches ``/`` too. All workers that
    consume `queue` are struck, or the one named `worker`; all where neither is given. Healed by disarming.
    """

    action: ClassVar[str] = "short"

    call: str = "write"
    bytes: int = 1
    path: str = "*"
    nth: int = 1
    times: int = 0

    def rule(self) -> dict[str, Any]:
        return {
            "call": self.call, "amount": max(1, self.bytes), "path": self.path, "nth": self.nth,
            "times": self.times,
        }  # fmt: skip
