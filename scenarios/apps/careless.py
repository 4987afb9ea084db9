"""The same payments with Celery's defaults: acknowledged before they are made, and never tried again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from celery import Celery

app = Celery("careless", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(task_default_queue="payments", broker_connection_retry_on_startup=True)


@app.task(name="payments.pay")
def pay(account: int, ledger: str) -> str:
    """Pay one account; nothing says whether it was done before."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=rw", uri=True, timeout=5)) as connection, connection:
        connection.execute("INSERT INTO payment (account) VALUES (?)", (account,))
    return "paid"
