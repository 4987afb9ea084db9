"""Every task that fails for good is filed once, where it can be seen, alerted and sent again.

`bury` may be called twice for one task, in a child or in a worker's parent process, with the
database away: the first call files the letter, a unique key turns the others away, and a letter
that cannot be filed is spooled to disk and filed later. It never raises, because what calls it
(signals, Celery's request) must go on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import traceback as traceback_module
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from core import spool
from myhours import policy

logger = logging.getLogger(__name__)

LONGEST_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Letter:
    """A task that failed for good; the fields are the columns of `core.models.DeadLetter`."""

    task_id: str
    name: str
    error: str
    reason: str
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    traceback: str = ""
    attempts: int = 1
    queue: str = ""
    raw: str = ""


def from_context(
    context: Any, name: str, error: BaseException, *, reason: str, traceback: str = ""
) -> Letter:
    """A letter from the request of a task (`celery.app.task.Context`)."""
    delivery = context.delivery_info or {}
    runs = getattr(error, "runs", 1)
    return Letter(
        task_id=context.id,
        name=name,
        args=_plain(list(context.args or ())),
        kwargs=_plain(dict(context.kwargs or {})),
        error=repr(error)[:LONGEST_TEXT],
        reason=reason,
        traceback=(traceback or _traceback_of(error))[-LONGEST_TEXT:],
        attempts=(context.retries or 0) + runs,
        queue=delivery.get("routing_key") or policy.tier_of(name).name,
    )


def from_message(message: Any, error: BaseException | None, *, reason: str) -> Letter:
    """A letter from a message that never became a task; what can be decoded is decoded."""
    headers = message.headers if isinstance(message.headers, dict) else {}
    body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
    try:
        args, kwargs, _ = message.payload
        raw = ""
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is kept as it is
        args, kwargs = [], {}
        raw = json.dumps({"headers": headers, "body": body.decode(errors="backslashreplace")}, default=repr)
    return Letter(
        task_id=str(headers.get("id") or "message-" + hashlib.sha256(body).hexdigest()),
        name=str(headers.get("task") or ""),
        args=_plain(list(args)),
        kwargs=_plain(dict(kwargs)),
        error=repr(error)[:LONGEST_TEXT],
        reason=reason,
        traceback=_traceback_of(error) if error else "",
        attempts=int(headers.get("retries") or 0) + 1,
        queue=str((message.delivery_info or {}).get("routing_key") or ""),
        raw=raw[:LONGEST_TEXT],
    )


def bury(letter: Letter) -> None:
    """File a letter, now or later; the first one for a task counts."""
    try:
        try:
            file_and_close(letter)
        except Exception:
            logger.warning("dead letter spooled", exc_info=True, extra=_data(letter))
            spool.write(asdict(letter))
    except Exception:
        logger.critical("dead letter lost: %s", asdict(letter), exc_info=True, extra=_data(letter))


def file_and_close(letter: Letter) -> bool:
    """`file` for a worker's parent process, which forks: no child may inherit a connection."""
    if connection.in_atomic_block:
        return file(letter)
    connection.close_if_unusable_or_obsolete()
    try:
        return file(letter)
    finally:
        connection.close()


def file(letter: Letter) -> bool:
    """Put a letter into the database and announce it; False if it was there before."""
    from core.models import DeadLetter  # needs Django to be set up, which this module's users do not wait for

    values = asdict(letter)
    row, created = DeadLetter.objects.get_or_create(task_id=values.pop("task_id"), defaults=values)
    if created:
        logger.error("task failed for good", extra=_data(letter))
        if policy.tier_of(letter.name).alerts:
            _announce(row.task_id)
    return created


def _announce(task_id: str) -> None:
    from core.tasks import alert_admins  # which imports this module

    try:
        alert_admins.apply_async((task_id,))
    except Exception:
        logger.warning("alert not published, it will be", exc_info=True, extra={"data": {"id": task_id}})


def _traceback_of(error: BaseException) -> str:
    return "".join(traceback_module.format_exception(error))


def _plain(value: Any) -> Any:
    """The value as JSON can carry it."""
    return json.loads(json.dumps(value, default=repr))


def _data(letter: Letter) -> dict[str, Any]:
    return {
        "data": {
            "id": letter.task_id,
            "name": letter.name,
            "queue": letter.queue,
            "attempt": letter.attempts,
            "reason": letter.reason,
            "error": letter.error,
        }
    }
