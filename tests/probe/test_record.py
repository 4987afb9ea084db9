"""What the recorder has written stays, whatever becomes of its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.probe.record import TEXT_LIMIT, Recorder, bounded, plain

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import os, signal, sys
from harness.probe.record import Recorder
recorder = Recorder(sys.argv[1], "child:main")
for number in range(int(sys.argv[2])):
    recorder.write("effect", f"id-{number}", "shop.sell", text="zwölf" * 50, number=number)
os.kill(os.getpid(), signal.SIGKILL)
"""


def written(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_an_event_is_there_when_its_process_is_killed_right_after_the_write(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(5):
        command = [sys.executable, "-c", WRITER, str(path), "1"]
        assert subprocess.run(command, cwd=ROOT, check=False, timeout=100).returncode == -signal.SIGKILL
    assert [event["task_id"] for event in written(path)] == ["id-0"] * 5


def test_lines_of_many_processes_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    command = [sys.executable, "-c", WRITER, str(path), "300"]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    for process in processes:
        process.wait(timeout=100)
    events = written(path)
    assert len(events) == 4 * 300
    for process in processes:
        own = [event["data"] for event in events if event["source"] == f"child:main:{process.pid}"]
        assert [data["number"] for data in own] == list(range(300))  # type: ignore[index]


def test_a_forked_child_writes_under_its_own_number_and_role(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    recorder = Recorder(path, "worker:main")
    recorder.write("worker-ready")
    child = os.fork()
    if child == 0:
        recorder.become("child:main")
        recorder.write("task-started")
        os._exit(0)
    os.waitpid(child, 0)
    assert [event["source"] for event in written(path)] == [
        f"worker:main:{os.getpid()}",
        f"child:main:{child}",
    ]


class Hostile:
    """An argument as an app may have it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Hostile(), "<Hostile: repr raised RuntimeError>"),
        ("x" * 10_000, "'" + "x" * (TEXT_LIMIT - 1) + "..."),
        (ValueError("a"), "ValueError('a')"),
    ],
)
def test_anything_becomes_a_text_in_bounds(value: object, text: str) -> None:
    assert bounded(value) == text


def test_what_json_can_say_stays_as_it_is_and_the_rest_becomes_text(tmp_path: Path) -> None:
    endless: list[object] = []
    endless.append(endless)
    assert plain({"a": [1, None]}) == {"a": [1, None]}
    assert plain({1, 2}) == "{1, 2}"
    assert plain(endless) == "[[...]]"
    assert plain(Hostile()).startswith("<Hostile")
    assert len(plain("x" * 100_000)) <= TEXT_LIMIT + 3
    recorder = Recorder(tmp_path / "events.jsonl", "client")
    recorder.write("effect", data={"lone": "\ud800", "own": Hostile()})
    (event,) = written(tmp_path / "events.jsonl")
    assert event["kind"] == "effect"
