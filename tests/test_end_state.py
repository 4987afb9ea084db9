"""What is read when a run is over: of a talkative app too, every task's lines."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace
from typing import Any

from harness.end_state import LOG_RECORDS, _log_records


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
