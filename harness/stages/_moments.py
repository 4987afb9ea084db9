"""Which moments to come matter to the hundredth of a second, and how coarse time may be between them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from harness.history import Event

FINE_S, COARSE_S, STIR_S, PATIENCE_S = 0.5, 8.0, 2.0, 65.0
"""Slack of a jump while something goes on or a task waits for what no event tells (a free child, a token
of a rate limit), and while only housekeeping goes on. Restoring unacknowledged messages, the most frequent
housekeeping that a guarantee depends on, comes every 10 s (`kombu/transport/redis.py`). Something goes on
for `STIR_S` after an event; a task that has waited for `PATIENCE_S` without one waits for no token of a
rate of at least one a minute, but for a child that is busy for long."""


class Moments:
    """Fed with events as they become known; times in seconds since the run began."""

    def __init__(self) -> None:
        self._seen = 0
        self._latest_s = 0.0
        self._known: list[float] = []
        self._waiting: dict[str, float] = {}

    def feed(self, arrived: Sequence[Event], tasks: Mapping[str, Any]) -> None:
        """Look at what is new; `tasks` is the part of the settings' snapshot with the time limits."""
        for event in arrived[self._seen :]:
            self._one(event, tasks)
            self._latest_s = max(self._latest_s, event.at_s)
        self._seen = len(arrived)

    def next(self, now_s: float) -> tuple[float, ...]:
        """The first ETA or time limit that lies ahead; none, or one."""
        while self._known and self._known[0] <= now_s:
            self._latest_s = max(self._latest_s, heapq.heappop(self._known))
        return tuple(self._known[:1])

    def slack_s(self, now_s: float) -> float:
        """How far a jump may pass a deadline of an event loop."""
        quiet_s = now_s - self._latest_s
        stirred = quiet_s < STIR_S
        waiting = quiet_s < PATIENCE_S and any(eta_s <= now_s for eta_s in self._waiting.values())
        return FINE_S if stirred or waiting else COARSE_S

    def _one(self, event: Event, tasks: Mapping[str, Any]) -> None:
        if event.kind in ("task-sent", "task-received", "task-retried") and event.get("eta_s"):
            heapq.heappush(self._known, float(event.get("eta_s")))
        if event.kind == "task-received" and event.task_id:
            self._waiting[event.task_id] = float(event.get("eta_s") or 0.0)
        elif event.kind in ("task-started", "task-revoked", "task-failed", "message-rejected"):
            self._waiting.pop(event.task_id or "", None)
        if event.kind == "task-started":
            for name in ("soft_time_limit", "time_limit"):
                limit_s = ((tasks.get(event.task or "") or {}).get(name) or {}).get("value")
                if isinstance(limit_s, int | float) and limit_s:
                    heapq.heappush(self._known, event.at_s + limit_s)
