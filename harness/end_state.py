"""Reads, when a run is over, what the broker, the stores and the logs hold, and writes it into the record."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from harness.contract import Contract, DeadLetter
from harness.history import Event
from harness.stage import World

IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LOG_RECORDS = 8
"""Log records of one task that are kept, at most, of those with structure and of those without."""


def read(world: World, contract: Contract) -> list[Event]:
    """Events for everything that lies somewhere at the end."""
    now_s = world.clock.now_s()
    events = list(world.events())
    names = sorted(_queues(world, contract, events))
    state = world.broker.read(names)
    found = [
        Event(now_s, "broker-read", "broker", data={
            "queues": {n: {"depth": q.depth, "tasks": list(q.tasks)} for n, q in state.queues.items()},
            "unacked": list(state.unacked),
            "consumers": dict(state.consumers) or _consumers(events),
        })
    ]  # fmt: skip
    ids = {event.task_id for event in events if event.kind == "task-sent" and event.task_id}
    for to in {tier.dead_letter.to: tier.dead_letter for tier in contract.tiers if tier.dead_letter}.values():
        found += _dead_letters(world, to, ids, events, now_s)
    found += _gone_results(world, events, now_s)
    found += _log_records(world, ids, now_s)
    return found


def _queues(world: World, contract: Contract, events: list[Event]) -> set[str]:
    names = {str(event.get("queue")) for event in events if event.kind == "task-sent" and event.get("queue")}
    names |= {tier.queue for tier in contract.tiers if tier.queue}
    names |= {str(name) for name in (world.snapshot.get("queues") or {})}
    names |= {t.dead_letter.place for t in contract.tiers if t.dead_letter and t.dead_letter.kind == "queue"}
    return names | {str(world.snapshot.get("default_queue") or "celery")}


def _consumers(events: list[Event]) -> dict[str, int]:
    """Consumers by queue, from the workers' own word: Redis does not know them."""
    latest = {
        event.get("worker"): event.get("queues") or () for event in events if event.kind == "worker-ready"
    }
    counts: dict[str, int] = {}
    for queues in latest.values():
        for queue in queues:
            counts[queue] = counts.get(queue, 0) + 1
    return counts


def _dead_letters(
    world: World, promise: DeadLetter, ids: set[str], events: list[Event], now_s: float
) -> Iterator[Event]:
    for at_s, record in _records(world, promise, events, now_s):
        text = json.dumps(record, default=str)
        concerned = [i for i in IDENTIFIER.findall(text) if i in ids]
        if "args_given" in record:  # a task of its own, about another one: that is named by its arguments
            concerned = [i for i in concerned if i != record.get("id")] or concerned
        task_id = concerned[0] if concerned else None
        yield Event(at_s, "dead-lettered", "end", task_id, data={"destination": promise.to, "record": record})


def _records(
    world: World, promise: DeadLetter, events: list[Event], now_s: float
) -> Iterator[tuple[float, Mapping[str, Any]]]:
    if promise.kind == "table":
        yield from _table(world, promise.place, events, now_s)
    elif promise.kind == "queue":
        yield from _queue(world, promise.place, events, now_s)
    elif promise.kind == "task":
        for event in events:
            if event.kind == "task-sent" and event.task == promise.place and not event.get("retries"):
                yield event.at_s, _arguments(event)
    elif promise.kind == "redis":
        for key, value in world.cache_entries(promise.place):
            yield now_s, {"key": key, **value}


def _table(
    world: World, table: str, events: list[Event], now_s: float
) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """Rows, each at the moment of its commit where the probe saw it."""
    committed = {
        str(event.get("key")).strip("'\""): event.at_s
        for event in events
        if event.kind == "effect" and event.get("table") == table
    }
    for row in world.database.rows(table):
        key = str(row.get("id", next(iter(row.values()), "")))
        yield committed.get(key, now_s), dict(row)


def _queue(
    world: World, queue: str, events: list[Event], now_s: float
) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """What was published to a queue, and what the broker itself has moved there."""
    sent = {
        event.task_id: event
        for event in events
        if event.kind == "task-sent" and event.get("queue") == queue and not event.get("retries")
    }
    for event in sent.values():
        yield event.at_s, {"id": event.task_id, "task": event.task, **_arguments(event)}
    for message in world.broker.messages(queue):
        if message.get("id") not in sent:
            yield now_s, dict(message)


def _arguments(event: Event) -> dict[str, Any]:
    """What a task that stands for a dead letter was given, by the names of its keyword arguments."""
    kwargs = event.get("kwargs")
    return {"args_given": event.get("args"), **(kwargs if isinstance(kwargs, dict) else {})}


def _gone_results(world: World, events: list[Event], now_s: float) -> Iterator[Event]:
    latest = {event.task_id: event for event in events if event.kind == "result-stored"}
    for task_id, event in latest.items():
        if not world.result_exists(str(event.get("key"))):
            data = {"status": event.get("status"), "age_s": round(now_s - event.at_s, 3)}
            yield Event(now_s, "result-gone", "end", task_id, event.task, data)


def _log_records(world: World, ids: set[str], now_s: float) -> Iterator[Event]:
    kept: Counter[tuple[str, bool]] = Counter()
    for worker in sorted(world.workers):
        for line in world.log_lines(f"worker-{worker}"):
            mentioned = next((i for i in IDENTIFIER.findall(line) if i in ids), None)
            if mentioned is None:
                continue
            fields = _fields(line)
            kept[mentioned, fields is None] += 1
            if kept[mentioned, fields is None] > LOG_RECORDS:
                continue
            yield Event(now_s, "log-record", f"worker:{worker}", mentioned, data={
                "worker": worker, "structured": fields is not None, "fields": fields or [],
                "text": line[:500],
            })  # fmt: skip


def _fields(line: str) -> list[str] | None:
    """The names in a JSON log line; None where the line is not JSON."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return sorted(document) if isinstance(document, dict) else None
