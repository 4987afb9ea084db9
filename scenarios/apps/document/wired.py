"""`myhours.documented` with what its document only talks about wired up as the document would have it.

Nothing that the document sets is changed. Each task here stands for one sentence of the document whose
subject never runs by itself; `scenarios/document/` asks them, on real workers.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "myhours"))

from celery import Task, signals
from celery.exceptions import Reject
from myhours.documented import app, handle_failed_task

from questions import *  # noqa: F403 - what the client is asked

logger = logging.getLogger(__name__)

# Claim 6: a default for all tasks and an exception for one, beside what the document has.
app.conf.task_annotations = {
    **app.conf.task_annotations,
    "*": {"rate_limit": "999/m"},
    "wired.limited": {"rate_limit": "2/m"},
}
app.conf.worker_proc_alive_timeout = 60  # a machine that is busy is no finding


@app.task(name="wired.limited")
def limited():
    """Claim 6: the exact annotation is applied first, the one for '*' over it."""


@app.task(name="wired.unbound_handler")
def unbound_handler(task_id, error, traceback):
    """Claim 15: the document's handler without ``bind=True``."""
    handle_failed_task.run(task_id, error, traceback)


@app.task(name="wired.passes_error", queue="normal")
def passes_error():
    """Claim 18: hands the error on as it is."""
    try:
        raise OSError("disk full")
    except OSError as error:
        app.send_task("core.tasks.process_dead_letter", args=["id", error, error.__traceback__])


@app.task(name="wired.publishes_without_retry", queue="normal")
def publishes_without_retry():
    """Claim 21: as the handler publishes a dead letter."""
    app.send_task("core.tasks.process_dead_letter", args=["id", "error", "traceback"], retry=False)


@app.task(name="wired.publishes_with_retry", queue="normal")
def publishes_with_retry():
    """The control of claim 21: as Celery publishes by default."""
    app.send_task("core.tasks.process_dead_letter", args=["id", "error", "traceback"])


class Hooked(Task):
    """Claim 22: the hook of the base class, which the document does not have."""

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        """Say so where the scenario reads it: in the worker's log."""
        logger.warning("HOOK on_failure %s", task_id)


@signals.task_failure.connect
def on_task_failure(sender=None, task_id="", **_):
    """Claim 22: the signal."""
    logger.warning("HOOK task_failure %s", task_id)


@app.task(name="wired.hooked", base=Hooked, queue="high", soft_time_limit=10, time_limit=20)
def hooked():
    """Fails, outlasts its limit or dies, as the harness orders its body."""


@app.task(name="wired.hooked_and_rejects", base=Hooked, queue="high")
def hooked_and_rejects():
    """Ends without having run."""
    raise Reject("not for me", requeue=False)


@app.task(name="wired.dies_once", base=Hooked, queue="high", reject_on_worker_lost=False)
def dies_once():
    """Its process dies, and it is not given back."""


class Raising(Task):
    """Claim 23: dead letter code that fails."""

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        """The store of dead letters is away."""
        logger.warning("HOOK on_failure %s", task_id)
        raise ConnectionError("no dead letter today")


@app.task(name="wired.raising", base=Raising, queue="high")
def raising():
    """Fails, as the harness orders its body."""


@app.task(
    name="wired.not_acknowledged",
    queue="high",
    soft_time_limit=10,
    time_limit=20,
    acks_on_failure_or_timeout=False,
)
def not_acknowledged():
    """Claim 31: a hard limit that gives the message back."""


@app.task(name="wired.parent", queue="critical", priority=9)
def parent():
    """Claim 47: what a task sends inherits nothing."""
    limited.apply_async()
