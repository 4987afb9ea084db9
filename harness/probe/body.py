"""Makes task bodies fail, wait, die or stand in, as the harness ordered for a task id or a glob.

The innermost function of a task is reached through `_orig_run` where `autoretry_for` has wrapped
`run` (`celery/app/autoretry.py`), so that a failure raised here is seen by Celery as the task's own.
A failure is raised *inside* the task's own function, at the first line of its first ``try`` block
where it has one: a body that retries by hand (``except Exception: raise self.retry()``) is tested as
it stands.
"""

from __future__ import annotations

import errno
import functools
import inspect
import json
import os
import signal
import smtplib
import sys
import time
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import FrameType
from typing import Any

from harness.probe import place
from harness.probe.record import Recorder, bounded, own_pid

MARK = "__celery_harness_body__"
ALWAYS = 1_000_000
"""More attempts than any task makes, as in `harness.workload`."""


class Bodies:
    """Wraps the bodies of an app's tasks and carries out what the order files say."""

    def __init__(self, orders: Path, recorder: Recorder) -> None:
        self.orders = orders
        self.recorder = recorder

    def wrap(self, task: Any) -> None:
        """Put this task's innermost function under orders; a second call changes nothing."""
        attribute = "_orig_run" if hasattr(task, "_orig_run") else "run"
        function = getattr(task, attribute)
        if getattr(function, MARK, False) or task.name.startswith("celery."):
            return

        @functools.wraps(function)
        def body(*args: Any, **kwargs: Any) -> Any:
            return self._run(task, function, args, kwargs)

        setattr(body, MARK, True)
        setattr(task, attribute, body)

    def order_for(self, task_id: str | None, name: str) -> Mapping[str, Any]:
        """What the harness ordered for this task id, else for a glob that matches the name."""
        if task_id:
            try:
                return dict(json.loads((self.orders / f"{task_id}.json").read_text(encoding="utf-8")))
            except OSError:
                pass
        for path in sorted(self.orders.glob("glob-*.json")):
            try:
                order = json.loads(path.read_text(encoding="utf-8"))
            except OSError:
                continue
            if fnmatchcase(name, order["glob"]):
                return dict(order["body"])
        return {}

    def _run(self, task: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        request = task.request
        order = self.order_for(request.id, task.name)
        attempt = int(request.retries or 0)
        act = _Act(order, attempt, request.id, task.name, self.recorder)
        act.redelivered = bool((request.delivery_info or {}).get("redelivered"))
        if order.get("stub") and not act.raises:
            return act.stand_in()
        return act.trace(function, args, kwargs)


class _Act:
    """One run of one body."""

    def __init__(
        self, order: Mapping[str, Any], attempt: int, task_id: str, name: str, recorder: Recorder
    ) -> None:
        self.order = order
        self.attempt = attempt
        self.task_id = task_id
        self.task = name
        self.recorder = recorder
        self.redelivered = False
        self.failing = attempt < int(order.get("failing_attempts", ALWAYS))
        self.raises = order.get("raises") if self.failing else None

    def stand_in(self) -> str | None:
        """The stub: wait, die or reject as ordered, and return as many characters as ordered."""
        self._say("body-entered")
        try:
            self._before()
        except BaseException as error:
            self._say("body-left", error_type=type(error).__name__)
            raise
        self._say("body-left", error_type=None)
        self._linger()
        size = int(self.order.get("returns_bytes", 0))
        return "x" * size if size else None

    def trace(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run the task's own function, with a trace that acts at the place described above."""
        inner = inspect.unwrap(function)
        if self.raises:
            place.guard(inner)
        code = getattr(inner, "__code__", None)
        if code is None:
            self._before_and_raise()
            return function(*args, **kwargs)
        target = place.target_line(code) or 0
        before = sys.gettrace()
        entered = False

        def local(frame: FrameType, event: str, arg: Any) -> Any:
            if event != "line" or frame.f_lineno < target:
                return local
            frame.f_trace = None
            # Not as part of tracing: a wait in here must not keep others from being traced, where several
            # processes are simulated in one thread.
            act = functools.partial(self._before_and_raise, missed=place.misses(code, frame.f_lasti))
            sys.call_tracing(act, ())
            sys.settrace(before)  # what follows is not traced: it would be several times slower
            return None

        def tracer(frame: FrameType, event: str, arg: Any) -> Any:
            nonlocal entered
            if entered or event != "call" or frame.f_code is not code:
                return None
            entered = True
            self._say("body-entered")
            return local

        sys.settrace(tracer)
        left_with: str | None = None
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            left_with = type(error).__name__
            raise
        finally:
            sys.settrace(before)
            if entered:
                self._say("body-left", error_type=left_with)
        if entered:
            self._linger()
        return value

    def _say(self, kind: str, **data: Any) -> None:
        self.recorder.write(kind, self.task_id, self.task, retries=self.attempt, pid=own_pid(), **data)

    def _before(self) -> None:
        hold_s = float(self.order.get("hold_s", 0))
        if hold_s:
            self._hold(hold_s)
        if self.failing and self.order.get("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.failing and self.order.get("rejects"):
            from celery.exceptions import Reject

            raise Reject("ordered by the harness", requeue=False)

    def _before_and_raise(self, *, missed: bool = False) -> None:
        self._before()
        if self.raises:
            error = failure(self.raises)
            self._say("fault-injected", fault=f"body_{self.raises}", error=bounded(error), missed=missed)
            raise error

    def _linger(self) -> None:
        lingers_s = float(self.order.get("lingers_s", 0))
        if lingers_s and self.attempt == 0 and not self.redelivered:
            self._hold(lingers_s)

    def _hold(self, hold_s: float) -> None:
        ends = time.monotonic() + hold_s
        while (left := ends - time.monotonic()) > 0:
            try:
                time.sleep(left)
            except BaseException as error:
                if not (self.order.get("ignores_soft") and type(error).__name__ == "SoftTimeLimitExceeded"):
                    raise


def failure(kind: str) -> BaseException:
    """An exception as the real thing raises it, for one of `contract.FAILURE_CLASSES`."""
    if kind == "filesystem":
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "ordered-by-the-harness")
    if kind == "mail":
        return smtplib.SMTPServerDisconnected("Connection unexpectedly closed (ordered by the harness)")
    if kind == "programming":
        return TypeError("unsupported operand type (ordered by the harness)")
    if kind == "database":
        if "django.db" in sys.modules:
            django: Any = sys.modules["django.db"]
            error: BaseException = django.OperationalError("database is locked (ordered by the harness)")
            return error
        import sqlite3

        return sqlite3.OperationalError("database is locked (ordered by the harness)")
    raise ValueError(f"unknown failure class {kind!r}")
