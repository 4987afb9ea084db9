"""See `WorkerPermissionDenied`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.faults._calls import AtCall


@dataclass(frozen=True, slots=True)
class WorkerPermissionDenied(AtCall):
    """Workers may not open files, nor rename any to there: ``EACCES``, as after a deployment as another user.

    Files that are open stay open. It is the call that fails, so that it also holds for root, who may open
    anything. `path` is a glob of the folder for the app's files, or of the whole system where it is absolute;
    `*` matches ``/`` too. All workers that consume `queue` are struck, or the one named `worker`; all where
    neither is given. Healed by disarming.
    """

    path: str = "*"

    def rule(self) -> dict[str, Any]:
        return {"call": "open|rename", "error": "EACCES", "path": self.path}
