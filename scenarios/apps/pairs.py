"""The same work done twice: as it survives, and as one finds it. A plain Celery app, no Django."""

from __future__ import annotations

import os
import smtplib
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import redis
from celery import Celery, Task
from celery.exceptions import Reject

app = Celery("pairs", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_default_queue="pairs",
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": 300, "unacked_restore_throttle": 1, "socket_timeout": 30},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    result_backend_always_retry=True,
)
LOCK_S = 60
RUNS_AT_MOST = 3


def folder() -> Path:
    """Where files go."""
    return Path(os.environ["FILES"])


def cache() -> redis.Redis:
    """Where locks and counts are."""
    return redis.Redis(host="localhost")


def rows(number: int) -> list[str]:
    """A report, longer than one buffer."""
    return [f"{number};{place};paid\n" for place in range(2_000)]


# Reports, while the disk is full.


@app.task(name="careful.report", autoretry_for=(OSError,), retry_kwargs={"countdown": 5, "max_retries": 8})
def careful_report(number: int) -> None:
    """Whole or not at all, and tried again."""
    partial = folder() / f"careful-{number}.partial"
    with partial.open("w", encoding="ascii") as file:
        file.writelines(rows(number))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder() / f"careful-{number}.csv")


@app.task(name="careless.report")
def careless_report(number: int) -> str:
    """In place, and whatever goes wrong is swallowed."""
    with suppress(OSError), (folder() / f"careless-{number}.csv").open("w", encoding="ascii") as file:
        file.writelines(rows(number))
    return "written"


# Mails, while the server keeps them and does not say so.


def letter(number: int) -> EmailMessage:
    """A mail about one order."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "shop@example.com",
        "you@example.com",
        f"Order {number}",
    )
    return message


@app.task(
    name="careful.mail", bind=True, autoretry_for=(OSError,), retry_kwargs={"countdown": 5, "max_retries": 8}
)
def careful_mail(self: Task, number: int) -> None:
    """Tried again only while the server cannot have the mail."""
    mark = f"mailed-{self.request.id}"
    with cache() as marks:
        if marks.exists(mark):
            return
        with smtplib.SMTP("localhost", timeout=10) as server:
            server.noop()
            marks.set(mark, 1)
            server.send_message(letter(number))


@app.task(name="careless.mail", autoretry_for=(OSError,), retry_kwargs={"countdown": 5, "max_retries": 8})
def careless_mail(number: int) -> None:
    """Tried again whatever went wrong."""
    with smtplib.SMTP("localhost", timeout=10) as server:
        server.send_message(letter(number))


# A lock, whose owner dies.


@app.task(name="careful.close", bind=True, max_retries=30)
def careful_close(self: Task, number: int) -> str:
    """The lock ends by itself, and who meets it comes again."""
    with cache() as locks:
        if not locks.set(f"careful-books-{number}", self.request.id, nx=True, ex=LOCK_S):
            raise self.retry(countdown=10)
        try:
            (folder() / f"careful-books-{number}").write_text("closed", encoding="ascii")
        finally:
            locks.delete(f"careful-books-{number}")
    return "closed"


@app.task(name="careless.close")
def careless_close(number: int) -> str:
    """The lock lasts until it is given back, and who meets it goes away."""
    with cache() as locks:
        if not locks.set(f"careless-books-{number}", 1, nx=True):
            return "somebody else does it"
        try:
            (folder() / f"careless-books-{number}").write_text("closed", encoding="ascii")
        finally:
            locks.delete(f"careless-books-{number}")
    return "closed"


# A mark that says that the work is done, while the cache is away.


def hand_out(place: Path) -> None:
    """What must be done once."""
    with place.open("a", encoding="ascii") as file:
        file.write("handed out\n")


@app.task(
    name="careful.claim", autoretry_for=(redis.RedisError,), retry_kwargs={"countdown": 5, "max_retries": 8}
)
def careful_claim(number: int) -> str:
    """Nobody knows whether it was done: later."""
    with cache() as marks:
        if not marks.set(f"careful-claim-{number}", 1, nx=True):
            return "was done before"
    hand_out(folder() / f"careful-claim-{number}")
    return "done"


@app.task(name="careless.claim")
def careless_claim(number: int) -> str:
    """Nobody knows whether it was done: it will not have been."""
    with suppress(redis.RedisError), cache() as marks:
        if not marks.set(f"careless-claim-{number}", 1, nx=True):
            return "was done before"
    hand_out(folder() / f"careless-claim-{number}")
    return "done"


# A failure that lasts.


@app.task(name="careful.call", autoretry_for=(OSError,), retry_kwargs={"countdown": 5, "max_retries": 3})
def careful_call(number: int) -> int:
    """Three more attempts."""
    return number


@app.task(name="careless.call", autoretry_for=(OSError,), max_retries=None, retry_kwargs={"countdown": 5})
def careless_call(number: int) -> int:
    """For ever."""
    return number


# A dead letter, while the broker is away.


class Filed(Task):
    """Writes the letter to a file of the machine, and publishes nothing."""

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """The task has failed for good."""
        (folder() / f"letter-{task_id}").write_text(repr(exc), encoding="utf-8")


class Published(Task):
    """Sends the letter through the broker, as most examples have it."""

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """The task has failed for good."""
        file_letter.apply_async((task_id, repr(exc)))


@app.task(name="letters.file")
def file_letter(task_id: str, error: str) -> None:
    """What a worker for dead letters does."""
    (folder() / f"letter-{task_id}").write_text(error, encoding="utf-8")


@app.task(name="careful.fail", base=Filed, acks_late=False)
def careful_fail(number: int) -> int:
    """Fails as it is told."""
    return number


@app.task(name="careless.fail", base=Published, acks_late=False)
def careless_fail(number: int) -> int:
    """Fails as it is told."""
    return number


# A task that kills its process.


@app.task(name="careful.poison", bind=True)
def careful_poison(self: Task, number: int) -> int:
    """Counts its runs, and gives up after a few."""
    with cache() as counts:
        if counts.incr(f"runs-{self.request.id}") > RUNS_AT_MOST:
            (folder() / f"letter-{self.request.id}").write_text("poison", encoding="ascii")
            raise Reject("it kills whoever runs it", requeue=False)
    try:
        return number
    finally:
        pass


@app.task(name="careless.poison")
def careless_poison(number: int) -> int:
    """Comes again and again."""
    return number
