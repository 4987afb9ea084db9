"""What goes wrong around failures and on RabbitMQ; `wired_good` is the same, mended."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from celery import Celery, signals
from kombu import Queue

FILES = Path(os.environ.get("FILES", "."))

app = Celery("wired_bad", broker="amqp://guest:guest@localhost//", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="orders",
    broker_connection_retry_on_startup=True,
    task_queues=(
        Queue("orders"),
        Queue("ordered", queue_arguments={"x-max-priority": 5}),
        Queue("kept", queue_arguments={"x-message-ttl": 1000}),
        Queue("full", queue_arguments={"x-max-length": 2, "x-overflow": "reject-publish"}),
    ),
)


def note(what):
    with closing(sqlite3.connect(FILES / "notes.sqlite3", timeout=30)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (what)")
        connection.execute("INSERT INTO note VALUES (?)", (what,))


@signals.task_failure.connect
def on_failure(sender=None, task_id=None, **_):
    note(f"failed {sender.name.rpartition('.')[2]}")
    if "slow" in task_id:
        note("alert")


@app.task(time_limit=5)
def slow(): ...


@app.task(bind=True)
def errback(self, request, exc, traceback):
    note("errback")


@app.task
def failing():
    raise ValueError


@app.task
def start():
    failing.apply_async(link_error=errback.s())


def hurry():
    app.send_task("wired_bad.start", retry=False)
