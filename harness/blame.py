"""Which setting to blame, and what mends it, as far as the snapshot in a history's header tells."""

from __future__ import annotations

from typing import NamedTuple

from harness.history import History
from harness.settings import conf_setting, task_setting


class Blame(NamedTuple):
    """The setting to blame, and the change that mends it."""

    blame: str
    mend: str


def said(history: History, task: str | None, name: str) -> str:
    """``max_retries = 3 (Celery's default)`` of a task, or of the app where `task` is None; else the name."""
    settings = history.header.settings
    value, origin = conf_setting(settings, name) if task is None else task_setting(settings, task, name)
    if not origin:
        return name
    return f"{name} = {value!r} ({origin})"


def is_on(history: History, task: str, name: str) -> bool | None:
    """Whether an option of a task is on; None where the snapshot does not say."""
    value, origin = task_setting(history.header.settings, task, name)
    return bool(value) if origin else None


def no_retry(history: History, task: str, error_type: str = "") -> Blame:
    """Why a task that failed was not retried (`celery/app/autoretry.py`, `celery/app/task.py:retry`)."""
    error = error_type or "the error"
    mend = f"name {error_type or 'the failures that pass'} in autoretry_for of {task}"
    settings = history.header.settings
    if task_setting(settings, task, "max_retries").value == 0:
        return Blame(f"{said(history, task, 'max_retries')} of {task}", f"raise max_retries of {task}")
    if is_on(history, task, "autoretry_for") is False and not _calls_retry(history, task):
        fact = f"no autoretry_for and no self.retry() in {task}: a task that raises is never retried"
        return Blame(f"{fact} (celery/app/autoretry.py){_claims(history, task)}", mend)
    if is_on(history, task, "autoretry_for"):
        but = ""
        if is_on(history, task, "dont_autoretry_for"):
            but = f", {said(history, task, 'dont_autoretry_for')}"
        return Blame(f"{said(history, task, 'autoretry_for')}{but} of {task} leaves {error} out", mend)
    if _calls_retry(history, task):
        return Blame(f"{task} calls self.retry(), but not for {error}", mend)
    return Blame(f"the retry options of {task} do not retry {error}", mend)


def needless_retry(history: History, task: str, error_type: str = "") -> Blame:
    """Why a task was retried after a failure that retrying cannot mend (`celery/app/autoretry.py`)."""
    error = error_type or "that error"
    if is_on(history, task, "autoretry_for"):
        blame = f"{said(history, task, 'autoretry_for')} of {task} is so broad that it takes in {error}"
        mend = f"name the failures that pass in autoretry_for of {task}, or put {error} in dont_autoretry_for"
        return Blame(blame, mend)
    if _calls_retry(history, task):
        mend = f"let {task} call self.retry() only in an except clause for failures that pass"
        return Blame(f"{task} calls self.retry() for {error} too", mend)
    return Blame(f"the retry options of {task} retry {error}", f"put {error} in dont_autoretry_for of {task}")


def wrong_cap(history: History, task: str, promised: int) -> Blame:
    """Why a task was retried too often or not often enough (`celery/app/task.py:retry`)."""
    blame = f"{said(history, task, 'max_retries')} of {task}{_claims(history, task)}"
    return Blame(blame, f"set max_retries={promised} on {task}")


def wrong_delay(history: History, task: str) -> Blame:
    """Why the delays are others (`celery/app/task.py:retry`, `get_exponential_backoff_interval`)."""
    if is_on(history, task, "retry_backoff"):
        names = ("retry_backoff", "retry_backoff_max", "retry_jitter")
        blame = f"{', '.join(said(history, task, name) for name in names)} of {task}"
        if is_on(history, task, "retry_jitter"):
            blame += ": Celery's jitter is full, 0 to the whole delay (celery/utils/time.py)"
        return Blame(
            blame, f"compute the countdown in retry() of {task}'s base class, or promise these delays"
        )
    if _calls_retry(history, task):
        return Blame(f"the countdown that {task} gives to self.retry()", "give it the promised delays")
    mend = f"set retry_backoff, retry_backoff_max and retry_jitter of {task} beside its autoretry_for"
    if is_on(history, task, "default_retry_delay") is None:
        return Blame(f"the retry delay of {task}{_claims(history, task)}", mend)
    fixed = f"{task} has no retry_backoff; {said(history, task, 'default_retry_delay')} (celery/app/task.py)"
    return Blame(f"{fixed}{_claims(history, task)}", mend)


def lost_run(history: History, task: str) -> Blame:
    """Why a task whose worker or child was lost does not run again in time (`celery/worker/request.py`)."""
    if is_on(history, task, "acks_late") is False:
        blame = (
            f"{said(history, task, 'acks_late')} of {task}: the message is acknowledged before the body runs"
        )
        return Blame(
            f"{blame} (celery/worker/request.py)", f"set task_acks_late = True, or acks_late=True on {task}"
        )
    options, origin = conf_setting(history.header.settings, "broker_transport_options")
    timeout_s = options.get("visibility_timeout") if isinstance(options, dict) else None
    if history.header.broker == "redis":
        value = (
            f"visibility_timeout = {timeout_s} s ({origin})"
            if timeout_s
            else "visibility_timeout, 3600 s by default"
        )
        return Blame(
            f"{value}: Redis gives a lost worker's messages back no sooner (kombu/transport/redis.py)",
            "lower broker_transport_options['visibility_timeout'], or promise a longer time",
        )
    return Blame(
        f"the redelivery of {task}'s message", "see whether acks_late is on and the queue is durable"
    )


def lost_child(history: History, task: str) -> Blame:
    """Why a task that killed its child does not run again (`celery/worker/request.py:on_failure`)."""
    if is_on(history, task, "acks_late") is False:
        return lost_run(history, task)
    state = ", ".join(said(history, task, name) for name in ("reject_on_worker_lost", "retry_on_worker_lost"))
    return Blame(
        f"{state} of {task} (celery/worker/request.py)", "set task_reject_on_worker_lost = True, with a brake"
    )


def no_brake(history: History, task: str) -> Blame:
    """Why a task that kills its child is delivered for ever (celery#9082, `celery/worker/request.py`)."""
    mend = "set task_retry_on_worker_lost = True (Celery >= 5.7), or use a quorum queue with x-delivery-limit"
    names = ("acks_late", "reject_on_worker_lost", "retry_on_worker_lost")
    state = ", ".join(said(history, task, name) for name in names)
    fact = "a redelivery is no retry, so max_retries does not stop it (celery/worker/request.py)"
    return Blame(f"{state} of {task}: {fact}", mend)


def _claims(history: History, task: str) -> str:
    """What is configured and looks as if it were about retries, but that Celery never reads."""
    settings = history.header.settings
    unknown = dict.fromkeys(str(row.get("name")) for row in settings.get("unknown", ()))
    names = [name for name in unknown if "retr" in name]
    told = f"; Celery reads no {', '.join(names)}" if names else ""
    module = task.rpartition(".")[0]
    for row in settings.get("annotations_without_effect", ()):
        if str(row.get("key", "")).partition("*")[0].rstrip(".") in (task, module):
            return f"{told}; the annotation {row.get('key')!r} has no effect"
    return told


def _calls_retry(history: History, task: str) -> bool:
    return bool(task_setting(history.header.settings, task, "calls_retry").value)
