"""Which setting to blame, and what mends it, as far as the snapshot in a history's header tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.history import History


class Blame(NamedTuple):
    """The setting to blame, and the change that mends it."""

    blame: str
    mend: str


class Option(NamedTuple):
    """A value in force and the line that put it there; `known` is False where no snapshot has it."""

    value: Any = None
    origin: str = ""
    known: bool = False

    def said(self, name: str) -> str:
        """``max_retries = 3 (celery.app.task.Task)``."""
        return f"{name} = {self.value!r}" + (f" ({self.origin})" if self.origin else "")


def task_option(history: History, task: str, name: str) -> Option:
    """An option of a task, as it is in force after annotations, decorator and defaults."""
    return _option(_table(_table(history.header.settings, "tasks"), task), name)


def conf(history: History, name: str) -> Option:
    """A setting of the app."""
    return _option(_table(history.header.settings, "conf"), name)


def no_retry(history: History, task: str, error_type: str = "") -> Blame:
    """Why a task that failed was not retried (`celery/app/autoretry.py`, `celery/app/task.py:retry`)."""
    error = error_type or "the error"
    mend = f"give {task} autoretry_for=({error_type or 'OSError'}, ...) in its decorator or base class"
    autoretry = task_option(history, task, "autoretry_for")
    if task_option(history, task, "max_retries").value == 0:
        return Blame(f"{task_option(history, task, 'max_retries').said('max_retries')} of {task}", mend)
    if autoretry.known and not autoretry.value and not _calls_retry(history, task):
        fact = f"{task} has no autoretry_for and no self.retry(): a task that raises is never retried"
        return Blame(f"{fact} (celery/app/autoretry.py){_claims(history, task)}", mend)
    if autoretry.value:
        excluded = task_option(history, task, "dont_autoretry_for")
        but = f", {excluded.said('dont_autoretry_for')}" if excluded.value else ""
        return Blame(f"{autoretry.said('autoretry_for')}{but} of {task} leaves {error} out", mend)
    if _calls_retry(history, task):
        return Blame(f"{task} calls self.retry(), but not for {error}", mend)
    return Blame(f"the retry options of {task} do not retry {error}", mend)


def needless_retry(history: History, task: str, error_type: str = "") -> Blame:
    """Why a task was retried after a failure that retrying cannot mend (`celery/app/autoretry.py`)."""
    error = error_type or "that error"
    autoretry = task_option(history, task, "autoretry_for")
    mend = f"name the failures that pass in autoretry_for of {task}, or put {error} in dont_autoretry_for"
    if autoretry.value:
        return Blame(f"{autoretry.said('autoretry_for')} of {task} is so broad that it takes in {error}", mend)
    if _calls_retry(history, task):
        blame = f"{task} calls self.retry() for {error} too"
        return Blame(blame, f"let {task} call self.retry() only in an except clause for failures that pass")
    return Blame(f"the retry options of {task} retry {error}", mend)


def wrong_cap(history: History, task: str, promised: int) -> Blame:
    """Why a task was retried too often or not often enough (`celery/app/task.py:retry`)."""
    cap = task_option(history, task, "max_retries")
    said = cap.said("max_retries") if cap.known else "max_retries"
    return Blame(f"{said} of {task}{_claims(history, task)}", f"set max_retries={promised} on {task}")


def wrong_delay(history: History, task: str) -> Blame:
    """Why the delays are others (`celery/app/task.py:retry`, `get_exponential_backoff_interval`)."""
    backoff = task_option(history, task, "retry_backoff")
    mend = f"set retry_backoff, retry_backoff_max and retry_jitter of {task} beside its autoretry_for"
    if _calls_retry(history, task) and not task_option(history, task, "autoretry_for").value:
        mend = f"give self.retry() in {task} the promised countdown"
    if backoff.value:
        names = ("retry_backoff", "retry_backoff_max", "retry_jitter")
        said = ", ".join(task_option(history, task, name).said(name) for name in names)
        full = task_option(history, task, "retry_jitter").value
        note = ": Celery's jitter is full, 0 to the whole delay (celery/utils/time.py)" if full else ""
        return Blame(f"{said} of {task}{note}", mend)
    delay = task_option(history, task, "default_retry_delay")
    if delay.known:
        fixed = f"{task} has no retry_backoff; {delay.said('default_retry_delay')} (celery/app/task.py)"
        return Blame(f"{fixed}{_claims(history, task)}", mend)
    return Blame(f"the countdown of the retries of {task}{_claims(history, task)}", mend)


def _claims(history: History, task: str) -> str:
    """What is configured and looks as if it were about retries, but that Celery never reads."""
    settings = history.header.settings
    names = [str(row.get("name")) for row in settings.get("unknown", ()) if "retr" in str(row.get("name"))]
    said = f"; Celery reads no {', '.join(names)}" if names else ""
    module = task.rpartition(".")[0]
    for row in settings.get("annotations_without_effect", ()):
        if str(row.get("key", "")).partition("*")[0].rstrip(".") in (task, module):
            said += f"; the annotation {row.get('key')!r} has no effect"
            break
    return said


def _calls_retry(history: History, task: str) -> bool:
    return bool(_table(_table(history.header.settings, "tasks"), task).get("calls_retry"))


def _table(within: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = within.get(name)
    return found if isinstance(found, Mapping) else {}


def _option(table: Mapping[str, Any], name: str) -> Option:
    if name not in table:
        return Option()
    found = table[name]
    if isinstance(found, Mapping) and "value" in found:
        return Option(found["value"], str(found.get("origin") or ""), True)
    return Option(found, "", True)
