"""What the conformance suite asks for inside the client, where the app publishes."""

from __future__ import annotations

import time
from typing import Any

from celery import chain, chord, group
from celery.result import AsyncResult
from conform import add, again, app, boom, nap, told, total


def chained(fails: bool = False) -> None:
    """Three tasks, one after the other; the second fails where it is to."""
    chain(add.s(1, 1), boom.s() if fails else add.s(10), add.s(100)).apply_async()


def seconds_of_the_minute() -> float:
    """What the wall clock shows."""
    return time.time() % 60


def grouped() -> None:
    """Three tasks side by side."""
    group(add.s(place, 1) for place in range(3)).apply_async()


def chorded(fails: bool = False) -> None:
    """Three tasks side by side, and one with their results."""
    header = [add.s(0, 1), add.s(1, 1), boom.s() if fails else add.s(2, 1)]
    chord(header)(total.s())


def chorded_after_retry() -> None:
    """One of the chord's tasks is tried again."""
    chord([add.s(0, 1), again.s(1, 2)])(total.s())


def chain_into_chord() -> None:
    """A chain in which a group stands before a task: Celery makes a chord of it."""
    chain(add.s(1, 1), group(add.s(10), add.s(20)), total.s()).apply_async()


def linked(fails: bool = False) -> None:
    """A task with a callback and an errback."""
    task = boom.s() if fails else add.s(1, 1)
    task.apply_async(link=add.s(100), link_error=told.s())


def state_of(task_id: str) -> str:
    """State and result as the client sees them."""
    result = AsyncResult(task_id, app=app)
    state = result.state
    value = result.result
    told = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else value
    return f"{state} {told!r}"


def fetched(task_id: str, timeout: float) -> Any:
    """What ``get`` gives or raises."""
    try:
        return AsyncResult(task_id, app=app).get(timeout=timeout)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the answer
        return type(error).__name__


def revoke(task_id: str, worker: str, **options: Any) -> None:
    """Tell a worker."""
    app.control.revoke(task_id, destination=[f"{worker}@harness"], **options)


def reconnected() -> bool:
    """Whether remote control has a connection again, after the broker closed those that there were."""
    for _ in range(5):
        try:
            if app.control.ping(timeout=1.0):
                return True
        except app.connection_for_write().connection_errors:
            continue
    return False


def ping(timeout: float = 2.0) -> list[str]:
    """Who answers."""
    return sorted(name for reply in app.control.ping(timeout=timeout) for name in reply)


def control(command: str, arguments: dict[str, Any], destination: str) -> Any:
    """A remote control command, and what the worker says."""
    replies = app.control.broadcast(
        command, arguments=arguments, destination=[f"{destination}@harness"], reply=True, timeout=2.0
    )
    return replies[0][f"{destination}@harness"] if replies else None


def active(destination: str) -> list[str]:
    """The tasks that a worker runs now."""
    found = app.control.inspect([f"{destination}@harness"], timeout=2.0).active() or {}
    return sorted(each["name"] for tasks in found.values() for each in tasks)


def raw(body: str, content_type: str, headers: dict[str, Any], queue: str = "celery") -> None:
    """A message as somebody else would put it into the queue."""
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            body.encode(), routing_key=queue, exchange="", content_type=content_type,
            content_encoding="utf-8", headers=headers, serializer=None,
        )  # fmt: skip


def protocol_1(task_id: str, task: str, args: list[Any]) -> None:
    """A task in the message format of Celery 3."""
    with app.producer_pool.acquire(block=True) as producer:
        body = {"id": task_id, "task": task, "args": args, "kwargs": {}, "retries": 0, "eta": None}
        producer.publish(body, routing_key="celery", exchange="", serializer="json")


def purged(queue: str) -> int:
    """How many messages were thrown away."""
    with app.connection_for_write() as connection:
        return int(connection.default_channel.queue_purge(queue) or 0)


def forgotten(task_id: str) -> str:
    """The state of a result that was forgotten."""
    AsyncResult(task_id, app=app).forget()
    return AsyncResult(task_id, app=app).state


def abort_group(seconds: float) -> None:
    """Three naps, of which the workers can take two at a time."""
    group(nap.s(seconds, place) for place in range(3)).apply_async()
