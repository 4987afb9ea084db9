"""Sales entered into PostgreSQL, as it survives and as one finds it. A plain Celery app, no Django."""

from __future__ import annotations

import os

import psycopg
from celery import Celery

app = Celery("books", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="books",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
)
LATER = {"countdown": 5, "max_retries": 8}


def connected() -> psycopg.Connection:
    """The books, for one transaction."""
    return psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=10)


def open_books() -> None:
    """What a migration does."""
    with connected() as connection:
        connection.execute("CREATE TABLE careful (sale INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE careless (sale INTEGER)")
        connection.execute("CREATE TABLE forgetful (sale INTEGER)")


@app.task(
    name="careful.sell",
    # A server that takes no writes says so by an error that is no OperationalError.
    autoretry_for=(psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction),
    retry_kwargs=LATER,
)
def careful_sell(sale: int) -> None:
    """Tried again, and the row knows whether it is there."""
    with connected() as connection:
        connection.execute("INSERT INTO careful (sale) VALUES (%s) ON CONFLICT DO NOTHING", (sale,))


@app.task(name="careless.sell", autoretry_for=(psycopg.OperationalError,), retry_kwargs=LATER)
def careless_sell(sale: int) -> None:
    """Tried again, whatever has become of the first attempt."""
    with connected() as connection:
        connection.execute("INSERT INTO careless (sale) VALUES (%s)", (sale,))


@app.task(name="forgetful.sell")
def forgetful_sell(sale: int) -> None:
    """Never tried again."""
    with connected() as connection:
        connection.execute("INSERT INTO forgetful (sale) VALUES (%s)", (sale,))
