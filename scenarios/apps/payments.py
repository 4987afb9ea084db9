"""A plain Celery app that moves money: no Django, settings that hold, one row for each payment."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from celery import Celery

app = Celery("payments", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="payments",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Above the longest wait of a retry and its run; and swept for every 10 s, not every 100 s.
    broker_transport_options={"visibility_timeout": 300, "unacked_restore_throttle": 1, "socket_timeout": 30},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    result_backend_always_retry=True,
    result_backend_max_retries=100,  # some minutes: an attempt waits ten seconds at most
    redis_socket_timeout=10.0,
    redis_socket_connect_timeout=5.0,
    redis_retry_on_timeout=True,
)


@app.task(
    name="payments.pay",
    autoretry_for=(OSError, sqlite3.OperationalError),
    retry_backoff=2,
    retry_backoff_max=60,
    max_retries=8,
)
def pay(account: int, ledger: str) -> str:
    """Pay one account, once: what was settled before is recognised, in the same transaction."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=rw", uri=True, timeout=5)) as connection, connection:
        new = connection.execute("INSERT OR IGNORE INTO settled (account) VALUES (?)", (account,)).rowcount
        if not new:
            return "was paid before"
        connection.execute("INSERT INTO payment (account) VALUES (?)", (account,))
    return "paid"
