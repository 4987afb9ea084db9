"""Which task sends a mail, and which writes a file: the ledger of what tasks do to the outside.

A mail is counted where it is kept: the stage's mail server says which it has got, and the probe says which
task was sending it, also when the answer was lost on its way back. A file is counted when a task opens it
for writing, once in a run, and under its last name where it is renamed (``open`` and ``os.rename`` are audit
events, https://docs.python.org/3/library/audit_events.html). What C libraries write is not seen.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from harness.mail_digest import digest
from harness.probe import audit
from harness.probe.record import Recorder, bounded

FILES_LIMIT = 200
"""Files of one run that are kept in the record."""
NOWHERE = ("/dev/", "/proc/", "/sys/")


class Ledger:
    """Connects a recorder to `smtplib` and to the interpreter's audit events."""

    def __init__(self, recorder: Recorder, folder: str) -> None:
        self.recorder = recorder
        own = os.path.realpath(folder)
        self._files = own + os.sep + "files" + os.sep
        self._strange = (own + os.sep, os.path.realpath(sys.prefix) + os.sep, *NOWHERE)
        self._busy = False

    def install(self) -> None:
        """Once, before anything of the app is imported."""
        self._mails()
        audit.listen(("open", "os.rename"), self._audit)

    def _mails(self) -> None:
        import smtplib

        cls: Any = smtplib.SMTP
        original = cls.data

        def data(this: Any, msg: Any) -> Any:
            request, name = _running()
            if request is not None:
                self.recorder.write("mail-sending", request.id, name, digest=digest(msg))
            return original(this, msg)

        cls.data = data

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if self._busy:
            return
        if event == "os.rename":
            self._written(args[1], before=args[0])
        elif isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
            self._written(args[0])

    def _written(self, path: Any, *, before: Any = None) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # a descriptor: it was opened before
        request, name = _running()
        if request is None:
            return
        self._busy = True
        try:
            where = os.path.realpath(os.fsdecode(path))
            seen = request.__dict__.setdefault("celery_harness_files", set())
            if where in seen or len(seen) >= FILES_LIMIT or self._is_strange(where):
                return
            seen.add(where)
            more = {} if before is None else {"renamed": bounded_path(before)}
            self.recorder.write("effect", request.id, name, effect="file", what=where, key=where, **more)
        finally:
            self._busy = False

    def _is_strange(self, where: str) -> bool:
        return where.endswith(".pyc") or (
            where.startswith(self._strange) and not where.startswith(self._files)
        )


def bounded_path(path: Any) -> str:
    """Where a file was before it was renamed."""
    return (
        os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else bounded(path)
    )


def _running() -> tuple[Any, str | None]:
    """Request and name of the task that runs in this process; (None, None) where none does."""
    celery: Any = sys.modules.get("celery")
    task = celery.current_task._get_current_object() if celery is not None and celery.current_task else None
    return (task.request, task.name) if task is not None and task.request.id else (None, None)
