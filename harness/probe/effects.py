"""Records what tasks do to the outside: committed rows (Django), and locks in the stage's cache.

A row counts when its transaction commits (`transaction.on_commit`), and belongs to the task that runs
in this process at that moment. Bulk inserts and raw SQL send no signal and are not seen
(https://docs.djangoproject.com/en/stable/ref/signals/#post-save).
"""

from __future__ import annotations

import functools
import sys
from typing import Any
from urllib.parse import urlsplit

from harness.probe.record import Recorder, bounded


class Effects:
    """Connects a recorder to Django's models and to redis-py."""

    def __init__(self, recorder: Recorder, cache_url: str) -> None:
        self.recorder = recorder
        self.cache_port = urlsplit(cache_url).port
        self._rows = False
        self._held: set[str] = set()

    def install_locks(self) -> None:
        """``SET ... NX`` on the stage's cache server takes a lock, deleting that key gives it back."""
        try:
            from redis import client
        except ImportError:
            return
        cls: Any = client.Redis
        original = cls.execute_command

        @functools.wraps(original)
        def execute_command(this: Any, *args: Any, **options: Any) -> Any:
            answer = original(this, *args, **options)
            if this.connection_pool.connection_kwargs.get("port") == self.cache_port:
                self._command([_name(arg) for arg in args], answer)
            return answer

        cls.execute_command = execute_command

    def install_rows(self) -> None:
        """Once Django's apps are ready; called again it does nothing."""
        if self._rows or "django.db.models.signals" not in sys.modules:
            return
        self._rows = True
        from django.db.models.signals import post_save

        post_save.connect(self._saved, weak=False, dispatch_uid="celery-harness-rows")

    def _saved(self, sender: Any, instance: Any, created: Any, using: str, **_: Any) -> None:
        task_id, name = _current()
        if not created or task_id is None:
            return
        from django.db import transaction

        row = {"what": instance._meta.label, "table": instance._meta.db_table, "key": bounded(instance.pk)}
        transaction.on_commit(
            lambda: self.recorder.write("effect", task_id, name, effect="row", **row), using=using
        )

    def _command(self, words: list[str], answer: Any) -> None:
        command, key = words[0].upper(), words[1] if len(words) > 1 else ""
        task_id, name = _current()
        if command == "SET" and "NX" in (word.upper() for word in words[3:]):
            if answer:
                self._held.add(key)
            kind = "lock-acquired" if answer else "lock-denied"
            self.recorder.write(kind, task_id, name, key=key, ttl_s=_ttl_s(words), by="redis")
        elif command in ("DEL", "UNLINK") and key in self._held:
            self.recorder.write("lock-released", task_id, name, key=key)
        elif command in ("EVAL", "EVALSHA") and len(words) > 3 and words[3] in self._held and answer:
            self.recorder.write("lock-released", task_id, name, key=words[3])


def _current() -> tuple[str | None, str | None]:
    from celery import current_task

    task = current_task._get_current_object() if current_task else None
    return (task.request.id, task.name) if task is not None else (None, None)


def _name(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)[:200]


def _ttl_s(words: list[str]) -> float | None:
    upper = [word.upper() for word in words]
    for unit, scale in (("EX", 1.0), ("PX", 0.001)):
        if unit in upper[3:]:
            return float(words[upper.index(unit, 3) + 1]) * scale
    return None
