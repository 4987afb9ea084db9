"""Nobody sells a seat twice at once: with a lock that all processes share, with one of its own, with none."""

from __future__ import annotations

import redis
from celery import Celery

app = Celery("booths", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(task_default_queue="booths", broker_connection_retry_on_startup=True)
LOCK_S = 600
held: set[str] = set()
"""Of one process."""


@app.task(name="shared.sell")
def sell_under_a_shared_lock(seat: int) -> str:
    """Kept out wherever it runs."""
    with redis.Redis(host="localhost") as locks:
        if not locks.set(f"seat-{seat}", 1, nx=True, ex=LOCK_S):
            return "being sold"
        try:
            return "sold"
        finally:
            locks.delete(f"seat-{seat}")


@app.task(name="own.sell")
def sell_under_a_lock_of_its_own(seat: int) -> str:
    """Kept out where no other process is: one that runs one task at a time."""
    if f"seat-{seat}" in held:
        return "being sold"
    held.add(f"seat-{seat}")
    try:
        return "sold"
    finally:
        held.discard(f"seat-{seat}")


@app.task(name="none.sell")
def sell_without_a_lock(seat: int) -> str:
    """Not kept out."""
    return f"{seat} sold"
