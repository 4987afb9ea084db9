"""What the probes have written becomes one list of events, as it grows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import HistoryError
from harness.event_log import EventLog
from harness.history import Event

ZERO_NS = 10**9


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = EventLog(tmp_path / "events.jsonl", ZERO_NS)
    yield log
    log.close()


def line(at_s: float, kind: str = "effect", **data: object) -> bytes:
    document = {"mono_ns": int(ZERO_NS + at_s * 1e9), "kind": kind, "source": "child:main:7", "data": data}
    return json.dumps(document).encode() + b"\n"


def append(tmp_path: Path, data: bytes) -> None:
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(data)


def test_times_count_from_zero_of_the_stage_s_clock(log: EventLog, tmp_path: Path) -> None:
    append(tmp_path, line(1.5))
    (event,) = log.refresh()
    assert (event.at_s, event.source) == (1.5, "child:main:7")


def test_a_line_that_is_still_being_written_waits_for_its_end(log: EventLog, tmp_path: Path) -> None:
    """At whichever byte it is seen first."""
    whole = line(1.0, text="zwölf") + line(2.0)
    for place in range(len(whole)):
        append(tmp_path, whole[place : place + 1])
        assert len(log.refresh()) == whole[: place + 1].count(b"\n")


def test_what_has_arrived_only_grows_and_the_order_is_by_time(log: EventLog, tmp_path: Path) -> None:
    append(tmp_path, line(3.0, "late"))
    log.refresh()
    append(tmp_path, line(1.0, "early"))
    log.add(Event(2.0, "own"))
    log.refresh()
    assert [event.kind for event in log.arrived] == ["late", "own", "early"]
    assert [event.kind for event in log.ordered()] == ["early", "own", "late"]


def test_a_countdown_becomes_a_moment(log: EventLog, tmp_path: Path) -> None:
    append(tmp_path, line(10.0, "task-sent", countdown_s=30.5) + line(10.0, "task-sent", countdown_s=None))
    with_eta, without = log.refresh()
    assert with_eta.get("eta_s") == 40.5
    assert without.get("eta_s") is None


def test_characters_that_split_lines_elsewhere_do_not_split_events(log: EventLog, tmp_path: Path) -> None:
    append(tmp_path, line(1.0, text="a\u2028b\x85c\x0bd\re"))
    (event,) = log.refresh()
    assert event.get("text") == "a\u2028b\x85c\x0bd\re"


@pytest.mark.parametrize("damaged", [b'{"mono_ns": 1, "ki\n', b"\xff\n", b"[]\n", b'{"kind": "effect"}\n'])
def test_a_damaged_line_is_a_hole_in_the_record(log: EventLog, tmp_path: Path, damaged: bytes) -> None:
    append(tmp_path, line(1.0) + damaged)
    with pytest.raises(HistoryError, match="damaged at") as caught:
        log.refresh()
    assert caught.value.exit_status == 3
