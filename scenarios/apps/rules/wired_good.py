"""`wired_bad`, mended."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from celery import Celery, signals
from kombu import Queue

FILES = Path(os.environ.get("FILES", "."))

app = Celery("wired_good", broker="amqp://guest:guest@localhost//", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="orders",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
    task_queues=(
        Queue("orders"),
        Queue("ordered"),
        Queue("kept"),
        Queue("full", queue_arguments={"x-max-length": 2, "x-overflow": "reject-publish"}),
    ),
)


def note(what):
    with closing(sqlite3.connect(FILES / "notes.sqlite3", timeout=30)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (what PRIMARY KEY)")
        connection.execute("INSERT OR IGNORE INTO note VALUES (?)", (what,))


@signals.task_failure.connect
def on_failure(sender=None, task_id=None, **_):
    note(f"failed {sender.name.rpartition('.')[2]}")
    if "slow" in sender.name:
        note("alert")


@app.task(time_limit=5)
def slow(): ...


@app.task
def errback(request, exc, traceback):
    note("errback")


@app.task
def failing():
    raise ValueError


@app.task
def start():
    failing.apply_async(link_error=errback.s())


def hurry():
    app.send_task("wired_good.start")
