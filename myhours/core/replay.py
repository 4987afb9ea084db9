"""Sending a dead task again."""

from __future__ import annotations

import uuid

from celery import current_app
from django.utils import timezone

from core.models import DeadLetter


class NotReplayable(Exception):
    """The letter does not say what to send, or was sent already."""


def replay(task_id: str) -> str:
    """Send the task of a letter again with its arguments, as a new task; returns the new id.

    The new id is stored before the task is sent, so a replay that is interrupted and repeated sends
    the same id, which deduplication and the result backend recognise; two operators cannot send
    two.
    """
    DeadLetter.objects.filter(task_id=task_id, replay_task_id="").update(replay_task_id=str(uuid.uuid4()))
    letter = DeadLetter.objects.get(task_id=task_id)
    if letter.replayed_at:
        raise NotReplayable(
            f"{task_id} was replayed at {letter.replayed_at:%Y-%m-%d %H:%M} as {letter.replay_task_id}."
        )
    if not letter.name or letter.raw:
        raise NotReplayable(
            f"{task_id} is a message that could not be read; see: manage.py deadletters show {task_id}"
        )
    current_app.send_task(
        letter.name,
        args=letter.args,
        kwargs=letter.kwargs,
        task_id=letter.replay_task_id,
        headers={"replay_of": task_id},
    )
    DeadLetter.objects.filter(pk=letter.pk).update(replayed_at=timezone.now())
    return letter.replay_task_id
