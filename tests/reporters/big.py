"""A long run made by hand: retries, losses, effects and dead letters, as many events as wanted."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from harness.contract import Contract, Delay, Retry, Tier, WorkerLayout
from harness.history import Event, Header, History, ordered

CONTRACT = Contract(
    tuple(
        Tier(
            name,
            (f"{name}.*",),
            queue=name,
            retry=Retry(("mail",), max_retries=5, delay=Delay("exponential", 30, 2, 300, "bounded")),
        )
        for name in ("critical", "high", "low")
    ),
    tuple(WorkerLayout(name, (name,), 4) for name in ("critical", "high", "low")),
    path="contract.toml",
)


def long_run(events: int) -> History:
    """A history of about this many events: every third task is retried twice and fails, or succeeds."""
    made: list[Event] = []
    for name in ("critical", "high", "low"):
        data = {"worker": name, "queues": [name], "concurrency": 4, "pool": "prefork", "pid": 1}
        made.append(Event(0.0, "worker-ready", f"worker:{name}:1", None, None, data))
    number = 0
    while len(made) < events:
        made += _task(number)
        number += 1
    header = Header(
        app="shop:app", stage="processes", broker="redis", seed=7, warp="idle", real_times=((0, 0), (9e4, 60))
    )
    return History(header, ordered(made))


def _task(number: int) -> Iterator[Event]:
    tier = ("critical", "high", "low")[number % 3]
    task, task_id = f"{tier}.work", f"{number:08x}-{number * 2654435761 % 2**48:012x}-{number:04x}"
    at_s, pid = number * 2.5, 100 + number % 4
    attempts = 3 if number % 3 == 0 else 1
    for retries in range(attempts):
        at_s = yield from _attempt(task_id, task, tier, pid, at_s, retries, attempts, number)
    if attempts == 3:
        where = {"destination": "table:dead", "record": {"id": number}}
        yield Event(at_s + 0.4, "dead-lettered", "end", task_id, task, where)


def _attempt(
    task_id: str, task: str, tier: str, pid: int, at_s: float, retries: int, attempts: int, number: int
) -> Generator[Event, None, float]:
    client, worker, child = "client:9", f"worker:{tier}:1", f"child:{tier}:{pid}"

    def one(after_s: float, kind: str, source: str, **data: object) -> Event:
        return Event(at_s + after_s, kind, source, task_id, task, data)

    yield one(0, "task-sent", client, queue=tier, retries=retries, args=[number, "2026-01"], routing_key=tier)
    yield one(0.01, "message-published", client, queue=tier, retries=retries)
    yield one(0.02, "message-delivered", worker, queue=tier, redelivered=False)
    yield one(0.03, "task-received", worker, retries=retries)
    yield one(0.04, "task-started", child, retries=retries, pid=pid, queue=tier, worker=tier)
    yield one(0.05, "body-entered", child, retries=retries, pid=pid)
    last = retries == attempts - 1
    error = None if attempts == 1 else "OSError"
    yield one(0.30, "body-left", child, retries=retries, pid=pid, error_type=error)
    if not last:
        delay_s = 30.0 * 2**retries * (0.5 + (number % 50) / 100)
        yield one(0.31, "task-retried", child, retries=retries, countdown_s=delay_s, error="OSError(28)")
        return float(at_s + 0.31 + delay_s)
    yield one(0.31, "task-failed" if error else "task-succeeded", child, retries=retries, error=error)
    yield one(0.32, "effect", child, effect="row", what="shop.Order", key=str(number))
    yield one(0.33, "result-stored", child, status="FAILURE" if error else "SUCCESS", size_bytes=194 + number)
    yield one(0.34, "message-acked", worker, queue=tier)
    return at_s + 0.34
