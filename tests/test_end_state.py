"""What is read when a run is over: of a talkative app too, every task's lines."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace
from typing import Any

from harness.contract import DeadLetter
from harness.end_state import LOG_RECORDS, _dead_letters, _log_records
from harness.history import Event


def world(lines: list[str]) -> Any:
    """As much of a stage as has logs."""
    return SimpleNamespace(workers={"w1": None}, log_lines=lambda _name: lines)


def test_no_task_s_lines_are_crowded_out_by_those_of_others() -> None:
    first, last = str(uuid.uuid4()), str(uuid.uuid4())
    lines = [json.dumps({"task_id": first, "n": number}) for number in range(5000)]
    lines += [f"plain {first}", json.dumps({"task_id": last})]
    found = list(_log_records(world(lines), {first, last}, 9.0))
    assert [event.task_id for event in found].count(first) == LOG_RECORDS + 1
    assert [event.get("structured") for event in found if event.task_id == last] == [True]
    assert [event.get("structured") for event in found].count(False) == 1


def letters(record: dict[str, Any], ids: set[str]) -> list[str | None]:
    """Whose letter a record in a queue is taken for."""
    promise = DeadLetter("queue:dead")
    sent = Event(
        1.0, "task-sent", "child:one:1", record["id"], "shop.bury", {"queue": "dead", **record["data"]}
    )
    moved = {key: value for key, value in record.items() if key != "data"}
    broker = SimpleNamespace(messages=lambda _queue: [] if record["data"] else [moved])
    events = [sent] if record["data"] else []
    found = _dead_letters(SimpleNamespace(broker=broker), promise, ids, events, 9.0)
    return [event.task_id for event in found]


def test_a_letter_that_is_a_task_is_about_the_task_that_its_arguments_name() -> None:
    failed, letter = str(uuid.uuid4()), str(uuid.uuid4())
    assert letters({"id": letter, "data": {"args": [failed, "disk full"]}}, {failed, letter}) == [failed]
    assert letters({"id": letter, "data": {"args": ["disk full"]}}, {failed, letter}) == [letter]


def test_a_letter_that_the_broker_moved_is_the_task_itself() -> None:
    failed, parent = str(uuid.uuid4()), str(uuid.uuid4())
    moved = {"id": failed, "headers": {"id": failed, "parent_id": parent}, "data": {}}
    assert letters(moved, {failed, parent}) == [failed]
