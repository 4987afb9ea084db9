"""See `WorkerFileSlow`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from harness.faults._calls import AtCall


@dataclass(frozen=True, slots=True)
class WorkerFileSlow(AtCall):
    """Calls about files take time on workers, as on a disk or a network share that is overloaded.

    `call` is open, read, write, fsync or rename, or several with ``|`` between; each takes `delay_s` seconds
    of the stage's clock longer, from the `nth` on that fits, `times` times; 0 for as long as it holds. `path`
    is a glob of the folder for the app's files, or of the whole system where it is absolute; `*` matches
    ``/`` too. All workers that consume `queue` are struck, or the one named `worker`; all where neither is
    given. Healed by disarming; who waits goes on waiting.
    """

    action: ClassVar[str] = "slow"

    call: str = "write|fsync"
    delay_s: float = 5.0
    path: str = "*"
    nth: int = 1
    times: int = 0

    def rule(self) -> dict[str, Any]:
        return {
            "call": self.call, "amount": int(self.delay_s * 1e9), "path": self.path, "nth": self.nth,
            "times": self.times,
        }  # fmt: skip
