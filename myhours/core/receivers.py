"""Celery's signals for everything that can end a task badly, each leading to one dead letter.

Which signal fires, and in which process, differs by outcome and Celery version (CHANGELOGs of 5.5
to 5.7), so all are connected and `core.dead_letters.bury` files the first. A body that cannot be
decoded has no signal: see `core.consumer`.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import signals
from celery.app.defaults import SETTING_KEYS
from celery.app.task import Context
from celery.worker import state
from django.conf import settings

from core import dead_letters, spool
from core.task import TierTask

logger = logging.getLogger(__name__)


@signals.task_failure.connect
def on_failure(
    sender: Any = None,
    task_id: str = "",
    exception: BaseException | None = None,
    args: Any = (),
    kwargs: Any = None,
    einfo: Any = None,
    **_: Any,
) -> None:
    """An exception after the last retry, a lost child that is not redelivered, a rejection."""
    context = (
        sender.request if sender.request.id == task_id else Context(id=task_id, args=args, kwargs=kwargs)
    )
    _bury(sender, context, exception, "failed", einfo)
    _keep_failure(sender, task_id)


@signals.task_internal_error.connect
def on_internal_error(
    sender: Any = None,
    task_id: str = "",
    args: Any = (),
    kwargs: Any = None,
    request: Any = None,
    exception: BaseException | None = None,
    einfo: Any = None,
    **_: Any,
) -> None:
    """Celery itself failed around the body: the result could not be stored, for instance."""
    context = Context({**dict(request or {}), "id": task_id, "args": args, "kwargs": kwargs})
    _bury(sender, context, exception, "internal error", einfo)


@signals.task_revoked.connect
def on_revoked(
    sender: Any = None, request: Any = None, terminated: bool = False, expired: bool = False, **_: Any
) -> None:
    """Expired, or its child was terminated; what an operator revokes is meant to go."""
    if expired:
        _bury(sender, request, RuntimeError("expired before it could run"), "expired", None)
    elif terminated and request.id not in state.revoked:
        _bury(sender, request, RuntimeError("its child process was terminated"), "terminated", None)


@signals.before_task_publish.connect
def on_publish(properties: Any = None, **_: Any) -> None:
    """Leave it to the worker to notice that a task has expired.

    RabbitMQ would drop the message without a word (``expiration`` property, set in
    celery/app/base.py); the header ``expires`` stays, and the worker that finds it passed reports
    the task as revoked.
    """
    if properties:
        properties.pop("expiration", None)


@signals.task_unknown.connect
def on_unknown(message: Any = None, exc: BaseException | None = None, **_: Any) -> None:
    """A message for a task that this worker does not have."""
    dead_letters.bury(dead_letters.from_message(message, exc, reason="unknown task"))


@signals.task_rejected.connect
def on_rejected(message: Any = None, exc: BaseException | None = None, **_: Any) -> None:
    """A message that is no task, or a task with an impossible ETA or content type."""
    dead_letters.bury(dead_letters.from_message(message, exc, reason="invalid message"))


@signals.worker_ready.connect
@signals.heartbeat_sent.connect
@signals.task_postrun.connect  # workers may run without heartbeats
def on_idle(**_: Any) -> None:
    """The worker, or a child, has a moment."""
    spool.file_all_now_and_then()


def _bury(task: Any, context: Any, error: BaseException | None, reason: str, einfo: Any) -> None:
    try:
        traceback = str(einfo.traceback) if einfo is not None else ""
        letter = dead_letters.from_context(context, task.name, error, reason=reason, traceback=traceback)
    except Exception:
        logger.critical("dead letter lost: %s %r", getattr(context, "id", ""), error, exc_info=True)
        return
    dead_letters.bury(letter)
    if isinstance(task, TierTask):
        task.release(letter.task_id, context.args or (), context.kwargs or {})


def _keep_failure(task: Any, task_id: str) -> None:
    """Before Celery 5.7 failures expire with the successes unless their key is given more time."""
    backend = task.backend
    if "result_failure_expires" in SETTING_KEYS or not hasattr(backend, "expire"):
        return
    try:
        backend.expire(backend.get_key_for_task(task_id), settings.CELERY_RESULT_FAILURE_EXPIRES)
    except Exception:
        logger.warning("result of a failure not kept longer", exc_info=True)
