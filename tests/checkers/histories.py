"""Histories written by hand: one function an event, and `run` to put them in order of time.

    history = run(sent("a", PAY, 0.0, "steady/critical"), started("a", PAY, 0.1), succeeded("a", PAY, 0.2))

Every builder takes the task id, the task's name and the second; further keywords become data.
"""

from __future__ import annotations

from typing import Any

from harness.history import Event, Header, History, ordered

PAY = "payroll.tasks.pay"
MAIL = "payroll.tasks.mail"


def run(*events: Event | list[Event], settings: dict[str, Any] | None = None, **header: Any) -> History:
    """A history of these events (lists are flattened), in order of time."""
    flat = [event for item in events for event in (item if isinstance(item, list) else [item])]
    return History(Header(settings=settings or {}, **header), ordered(flat))


def event(kind: str, at_s: float, task_id: str | None = None, task: str | None = None, **data: Any) -> Event:
    """Any event."""
    return Event(at_s, kind, "test", task_id, task, data)


def sent(
    task_id: str, task: str, at_s: float, experiment: str | None = None, *, retries: int = 0, **data: Any
) -> Event:
    """The publish: the harness's own where it belongs to an experiment, else the app's."""
    if experiment is not None:
        data["experiment"] = experiment
    return event("task-sent", at_s, task_id, task, retries=retries, **data)


def published(task_id: str, task: str, at_s: float, **data: Any) -> Event:
    """The broker client took the message."""
    return event("message-published", at_s, task_id, task, **data)


def publish_failed(task_id: str, task: str, at_s: float, error: str = "refused") -> Event:
    """The publish raised."""
    return event("publish-failed", at_s, task_id, task, error=error, error_type="OperationalError")


def received(task_id: str, task: str, at_s: float, **data: Any) -> Event:
    """A worker's main process has the message."""
    return event("task-received", at_s, task_id, task, **data)


def started(
    task_id: str, task: str, at_s: float, retries: int = 0, *, pid: int = 1, worker: str = "w1", **data: Any
) -> Event:
    """An attempt began."""
    return event("task-started", at_s, task_id, task, retries=retries, pid=pid, worker=worker, **data)


def entered(task_id: str, task: str, at_s: float, retries: int = 0, *, pid: int = 1) -> Event:
    """The user's own function began."""
    return event("body-entered", at_s, task_id, task, retries=retries, pid=pid)


def left(
    task_id: str, task: str, at_s: float, retries: int = 0, *, pid: int = 1, error_type: str | None = None
) -> Event:
    """The user's own function ended."""
    return event("body-left", at_s, task_id, task, retries=retries, pid=pid, error_type=error_type)


def retried(
    task_id: str, task: str, at_s: float, retries: int = 0, *, countdown_s: float | None = None, **data: Any
) -> Event:
    """The attempt number `retries` failed and is to be made again."""
    return event("task-retried", at_s, task_id, task, retries=retries, countdown_s=countdown_s, **data)


def succeeded(task_id: str, task: str, at_s: float, retries: int = 0) -> Event:
    """The task succeeded."""
    return event("task-succeeded", at_s, task_id, task, retries=retries, runtime_s=0.1)


def failed(
    task_id: str,
    task: str,
    at_s: float,
    retries: int = 0,
    *,
    error_type: str = "OSError",
    where: str = "child",
) -> Event:
    """The task failed for good."""
    return event(
        "task-failed",
        at_s,
        task_id,
        task,
        retries=retries,
        error=error_type,
        error_type=error_type,
        where=where,
    )


def rejected(task_id: str, task: str, at_s: float, *, requeue: bool = False) -> Event:
    """The message was rejected."""
    return event("task-rejected", at_s, task_id, task, requeue=requeue)


def revoked(
    task_id: str, task: str, at_s: float, *, expired: bool = False, terminated: bool = False
) -> Event:
    """The task was revoked, or had expired."""
    return event("task-revoked", at_s, task_id, task, expired=expired, terminated=terminated)


def dead_lettered(
    task_id: str, task: str, at_s: float, destination: str = "table:dead", **data: Any
) -> Event:
    """The dead letter was found at its destination."""
    return event(
        "dead-lettered", at_s, task_id, task, destination=destination, **{"count": 1, "record": {}} | data
    )


def effect(
    task_id: str, task: str, at_s: float, kind: str = "row", what: str = "app.Row", key: str = "1"
) -> Event:
    """The task had its effect."""
    return event("effect", at_s, task_id, task, effect=kind, what=what, key=key)


def life(
    task_id: str,
    task: str,
    at_s: float,
    experiment: str | None = None,
    *,
    retries: int = 0,
    ends: str = "succeeded",
) -> list[Event]:
    """Sent, started, entered, left and ended within half a second, in one attempt."""
    error_type = None if ends == "succeeded" else "OSError"
    end = succeeded if ends == "succeeded" else failed
    return [
        sent(task_id, task, at_s, experiment),
        started(task_id, task, at_s + 0.1, retries),
        entered(task_id, task, at_s + 0.2, retries),
        *([] if error_type is None else [made_to_fail(task_id, task, at_s + 0.2, retries)]),
        left(task_id, task, at_s + 0.3, retries, error_type=error_type),
        end(task_id, task, at_s + 0.4, retries),
    ]


def ladder(
    task_id: str,
    task: str,
    at_s: float,
    experiment: str,
    delays_s: list[float],
    *,
    ends: str | None = "failed",
) -> list[Event]:
    """A task that fails, and is made again after each of these delays; then it ends (None: not yet)."""
    events = [sent(task_id, task, at_s, experiment)]
    for number, delay_s in enumerate([*delays_s, None]):
        events += [
            started(task_id, task, at_s, number),
            entered(task_id, task, at_s, number),
        ]
        if delay_s is not None or ends == "failed":
            events.append(made_to_fail(task_id, task, at_s, number))
        if delay_s is not None:
            events.append(left(task_id, task, at_s, number, error_type="Retry"))
            events.append(retried(task_id, task, at_s, number, countdown_s=delay_s, error_type="OSError"))
            at_s += delay_s
    last = len(delays_s)
    if ends is not None:
        wrong = None if ends == "succeeded" else "OSError"
        events.append(left(task_id, task, at_s, last, error_type=wrong))
        events.append((succeeded if ends == "succeeded" else failed)(task_id, task, at_s, last))
    return events


def made_to_fail(task_id: str, task: str, at_s: float, retries: int = 0) -> Event:
    """The probe raised the ordered failure inside the body."""
    return event("fault-injected", at_s, task_id, task, retries=retries, fault="body_mail")


def struck(at_s: float, fault: str = "worker_kill", **settings: Any) -> Event:
    """A fault struck."""
    return event("fault-injected", at_s, fault=fault, settings=settings)


def worker_lost(at_s: float, worker: str = "w1", pid: int = 1) -> Event:
    """A worker's main process is gone."""
    return event("worker-lost", at_s, worker=worker, pid=pid, exit_status=-9)


def child_lost(at_s: float, worker: str = "w1", pid: int = 1) -> Event:
    """A child of a worker is gone."""
    return event("child-lost", at_s, worker=worker, pid=pid, signal=9)


def worker_ready(at_s: float, worker: str = "w1", queues: tuple[str, ...] = ("critical",)) -> Event:
    """A worker consumes its queues."""
    return event(
        "worker-ready", at_s, worker=worker, queues=list(queues), concurrency=1, pool="prefork", pid=1
    )


def broker_read(
    at_s: float,
    *,
    queues: dict[str, list[str]] | None = None,
    unacked: list[str] | None = None,
    consumers: dict[str, int] | None = None,
) -> Event:
    """What the broker holds at the end: ids by queue, ids not acknowledged, consumers by queue."""
    held = {name: {"depth": len(ids), "tasks": ids} for name, ids in (queues or {}).items()}
    consumed = {"critical": 1} if consumers is None else consumers
    return event("broker-read", at_s, queues=held, unacked=unacked or [], consumers=consumed)


def ended(at_s: float, experiment: str, *, settled: bool = True, waiting: list[str] | None = None) -> Event:
    """An experiment is over."""
    return event("experiment-ended", at_s, experiment=experiment, settled=settled, waiting=waiting or [])


def clock_bent(at_s: float, late_s: float = 5.0) -> Event:
    """The guard noticed that the clock ran ahead of starving processes."""
    return event("clock-bent", at_s, late_s=late_s)


def option(value: Any, origin: str = "payroll/tasks.py:1") -> dict[str, Any]:
    """One value of the settings snapshot."""
    return {"value": value, "origin": origin}


def lock(at_s: float, task_id: str, task: str, key: str = "lock", *, acquired: bool = True) -> Event:
    """A lock was had, or denied."""
    return event("lock-acquired" if acquired else "lock-denied", at_s, task_id, task, key=key)
