"""A history on disk is whole or it is refused; in memory it answers by kind, task and experiment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HistoryError
from harness.history import SCHEMA, Event, Header, History, ordered, read, write

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.builds(
    Event,
    at_s=st.integers(0, 10**12).map(lambda us: us / 1e6),
    kind=st.sampled_from(["task-sent", "task-succeeded", "effect"]) | st.text(min_size=1, max_size=10),
    source=st.text(max_size=10),
    task_id=st.none() | st.text(max_size=10),
    task=st.none() | st.text(max_size=10),
    data=st.dictionaries(st.text(max_size=5), PLAIN, max_size=4),
)
HEADERS = st.builds(
    Header,
    app=st.text(max_size=10),
    seed=st.integers(0, 2**32),
    only=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    tiers=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    notes=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    versions=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    server=st.text(max_size=10),
    images=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    settings=st.dictionaries(st.text(max_size=5), PLAIN, max_size=3),
)
SMALL = History(
    Header(app="shop:app", seed=7, only=("retry_cap",), versions={"celery": "5.7.0"}, notes=("älter",)),
    (
        Event(0.0, "task-sent", "client:1", "a", "shop.sell", {"queue": "celery", "experiment": "cap/x"}),
        Event(
            0.5, "task-started", "child:main:2", "a", "shop.sell", {"retries": 0, "text": "zwölf\u2028\x85é"}
        ),
        Event(1.25, "task-succeeded", "child:main:2", "a", "shop.sell"),
        Event(2.0, "worker-ready", "worker:main:1", data={"queues": ["celery"]}),
    ),
)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    write(SMALL, path)
    return path


def test_what_is_written_is_read_again(stored: Path) -> None:
    assert read(stored) == SMALL


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=HEADERS, events=st.lists(EVENTS, max_size=6))
def test_any_history_is_read_as_it_was_written(header: Header, events: list[Event], tmp_path: Path) -> None:
    """Whatever texts, numbers and nested data the app under test brings."""
    history = History(header, tuple(events))
    path = tmp_path / "any.jsonl"
    write(history, path)
    assert read(path) == history


def test_what_json_cannot_say_is_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write(History(Header(), (Event(0.0, "effect", data={"where": Path("/a"), "set": {1}}),)), path)
    (event,) = read(path).events
    assert event.data == {"where": "/a", "set": "{1}"}


def test_no_half_written_file_is_left_under_its_name(stored: Path) -> None:
    assert [path.name for path in stored.parent.iterdir()] == ["history.jsonl"]


def test_a_history_cut_at_any_byte_is_refused_and_says_where(stored: Path, tmp_path: Path) -> None:
    """In the header, between lines, within a character, in the footer: never half a truth."""
    whole = stored.read_bytes()
    cut = tmp_path / "cut.jsonl"
    for length in range(len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(HistoryError, match=r"cut\.jsonl") as refused:
            read(cut)
        assert refused.value.exit_status == 3
    cut.write_bytes(whole[:-1])
    assert read(cut) == SMALL, "only the last line's end is missing, and that says nothing"


@pytest.mark.parametrize("line", range(6))
def test_a_history_without_one_of_its_lines_is_refused(line: int, stored: Path) -> None:
    lines = stored.read_text(encoding="utf-8").split("\n")
    del lines[line]
    stored.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(HistoryError):
        read(stored)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n", "damaged here"),
        ("[]\n[]\n", "not an event"),
        ("7\n", "not an event"),
        ("null\n", "not an event"),
        ('{"schema": 99}\n{"end": 0}\n', "schema 99, and this version reads schema 1"),
        ('{"app": "shop:app"}\n{"end": 0}\n', "schema None"),
        (f'{{"schema": {SCHEMA}}}\n', "cut after line 1"),
        (f'{{"schema": {SCHEMA}, "end": 0}}\n', "cut after line 1"),
        (f'{{"schema": {SCHEMA}}}\n{{"end": 1}}\n', "cut after line 2"),
        (f'{{"schema": {SCHEMA}}}\n{{"kind": "effect"}}\n{{"end": 1}}\n', ":2: not an event"),
        (f'{{"schema": {SCHEMA}}}\n{{"at_s": "x", "kind": "effect"}}\n{{"end": 1}}\n', ":2: not an event"),
        (f'{{"schema": {SCHEMA}}}\n{{"at_s": 1, "kind": "", "data": 7}}\n{{"end": 1}}\n', ":2: not an event"),
        (f'{{"schema": {SCHEMA}, "only": 7}}\n{{"end": 0}}\n', ":1: "),
        (f'{{"schema": {SCHEMA}, "seed": "seven"}}\n{{"end": 0}}\n', ":1: "),
        (f'{{"schema": {SCHEMA}, "versions": []}}\n{{"end": 0}}\n', ":1: "),
    ],
)  # fmt: skip
def test_what_is_no_history_is_refused_with_the_place(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HistoryError, match=message):
        read(path)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 10, b"[" * 100_000])
def test_bytes_that_are_no_text_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(content)
    with pytest.raises(HistoryError):
        read(path)


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.jsonl", tmp_path):
        with pytest.raises(HistoryError, match="cannot be read"):
            read(path)


def test_a_header_of_a_later_version_is_read_as_far_as_it_is_known(stored: Path) -> None:
    """The same schema may get further fields; what they say is not needed to judge."""
    head, _, rest = stored.read_text(encoding="utf-8").partition("\n")
    document = json.loads(head) | {"moon": "full"}
    stored.write_text(json.dumps(document) + "\n" + rest, encoding="utf-8")
    assert read(stored) == SMALL


def test_real_times_are_pairs_of_seconds(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    write(History(Header(real_times=((0.0, 0.0), (3600.0, 1.5))), ()), path)
    assert read(path).header.real_times == ((0.0, 0.0), (3600.0, 1.5))
    path.write_text(path.read_text().replace("[3600.0, 1.5]", "[3600.0]"))
    with pytest.raises(HistoryError, match="real_times are no pairs of seconds"):
        read(path)


def test_events_of_equal_time_keep_their_order() -> None:
    first, second, third = Event(1.0, "a"), Event(1.0, "b"), Event(0.5, "c")
    assert ordered([first, second, third]) == (third, first, second)


def test_events_are_found_by_kind_task_and_id_in_order() -> None:
    kinds = [event.kind for event in SMALL.of("task-succeeded", "task-sent")]
    assert kinds == ["task-sent", "task-succeeded"]
    assert list(SMALL.of("task-sent", task_id="b")) == []
    assert list(SMALL.of("task-sent", task="shop.other")) == []
    assert list(SMALL.of("never")) == []
    assert [event.kind for event in SMALL.life("a")] == ["task-sent", "task-started", "task-succeeded"]


def test_an_event_is_cited_by_its_place_also_when_others_are_equal() -> None:
    twins = (Event(1.0, "effect"), Event(1.0, "effect"))
    history = History(Header(), twins)
    assert [history.index(event) for event in twins] == [0, 1]


def test_the_workload_is_what_the_harness_sent_first() -> None:
    """Neither the app's own tasks nor retries; of an experiment or of all below its name."""

    def sent(task_id: str, **data: object) -> Event:
        return Event(0.0, "task-sent", task_id=task_id, data=data)

    history = History(
        Header(),
        (
            sent("a", experiment="cap"), sent("b", experiment="cap/gold"), sent("c", experiment="caps"),
            sent("d", experiment="cap", retries=1), sent("e"),
        ),
    )  # fmt: skip
    assert [event.task_id for event in history.workload()] == ["a", "b", "c"]
    assert [event.task_id for event in history.workload("cap")] == ["a", "b"]
