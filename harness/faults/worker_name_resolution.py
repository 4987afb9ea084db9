"""See `WorkerNameResolution`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.faults._calls import AtCall


@dataclass(frozen=True, slots=True)
class WorkerNameResolution(AtCall):
    """Names are not resolved on workers: ``getaddrinfo(3)`` fails, and with it each new connection.

    `server` is a glob of ``host:port``. On the stage, servers are given by address: it stands in for the name
    that they have in production, and is not resolved either. `error` is EAI_AGAIN (a name server that does
    not answer), EAI_NONAME or EAI_FAIL. Connections that are open stay. All workers that consume `queue` are
    struck, or the one named `worker`; all where neither is given. Healed by disarming.
    """

    server: str = "*"
    error: str = "EAI_AGAIN"

    def rule(self) -> dict[str, Any]:
        return {"call": "resolve", "error": self.error, "path": self.server}
