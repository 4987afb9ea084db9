"""The app of the warp's own tests: a ladder, an ETA, a sleep; each execution writes one line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from celery import Celery
from primitives import real_s  # type: ignore[import-not-found]  # beside this file in the worker

_URL = os.environ["SMALL_STAGE_REDIS"]
app = Celery("small", broker=f"{_URL}/0", backend=f"{_URL}/1")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_heartbeat=0,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": float(os.environ.get("SMALL_STAGE_VISIBILITY_S", "3600"))
    },
)


def note(kind: str, **more: Any) -> None:
    """One line in the record, with the virtual time, and the kernel's own before and after it was read."""
    before, mono, after = real_s(), time.monotonic(), real_s()
    times = {"wall": time.time(), "mono": mono, "real_before": before, "real_after": after}
    line = json.dumps({"kind": kind, **times, **more}) + "\n"
    with Path(os.environ["SMALL_STAGE_RECORD"]).open("a", encoding="utf-8") as file:
        file.write(line)


@app.task(bind=True, max_retries=5)  # type: ignore[untyped-decorator]
def ladder(self: Any, base_s: float) -> None:
    """Fails always; retries after base, 2, 4, 8, 10 and 10 times base (30, 60, 120, 240, 300 s)."""
    countdown = min(10 * base_s, base_s * 2**self.request.retries)
    last = self.request.retries == self.max_retries
    due = time.monotonic() + (0 if last else countdown)
    note("exhausted" if last else "attempt", n=self.request.retries, next=due)
    raise self.retry(exc=OSError("refused"), countdown=countdown)


@app.task  # type: ignore[untyped-decorator]
def nap(seconds: float) -> None:
    """Sleep and say how long it took."""
    note("nap-start", pid=os.getpid())
    started = time.monotonic()
    time.sleep(seconds)
    note("nap-end", slept=time.monotonic() - started)


@app.task  # type: ignore[untyped-decorator]
def due(at: float) -> None:
    """`at` is the monotonic time at which it should run."""
    note("due", error=time.monotonic() - at)
