"""Steps that several processes count together, and faults that strike at one of them from inside."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import redis

from harness.probe import plan
from harness.probe.config import ProbeConfig
from harness.probe.plan import SharedSteps
from harness.probe.record import Recorder
from harness.probe.steps import Point


def steps(folder: Path, *, role: str = "client", broker: str = "redis", port: int = 1) -> SharedSteps:
    """The steps of one process of a stage in this folder, whose servers listen on one port."""
    config = ProbeConfig(
        str(folder), f"{broker}://127.0.0.1:{port}", "", "", ("127.0.0.1", 2), (("127.0.0.1", port),)
    )
    return SharedSteps(config, Recorder(config.events, role))


def told(folder: Path, kind: str, when: str, action: str, nth: int = 0) -> None:
    """Plan one fault at a step of task `a`."""
    plan.write(folder, [asdict(Point(kind, "a", nth, when, action))], ["a"])


def acts(found: SharedSteps, kind: str, times: int = 1) -> list[int]:
    """How often the step has been made after each of some steps of task `a`."""
    made: list[int] = []
    counts = []
    for _ in range(times):
        found.around(kind, "a", "shop.pay", lambda: made.append(1))
        counts.append(len(made))
    return counts


def ended(act: Callable[[], Any]) -> int:
    """How a process ends that does this: its exit status, or less than zero for a signal."""
    pid = os.fork()
    if not pid:
        try:
            act()
        finally:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_steps_before_there_is_a_plan_are_not_counted(tmp_path: Path) -> None:
    found = steps(tmp_path)
    assert acts(found, "ack", 2) == [1, 2]
    plan.write(tmp_path, [], ["a"])
    acts(found, "ack", 3)
    assert plan.steps_seen(tmp_path) == {("ack", "a"): 3}


def test_a_task_that_the_plan_does_not_know_is_counted_by_its_name(tmp_path: Path) -> None:
    plan.write(tmp_path, [], ["a"])
    found = steps(tmp_path)
    found.around("publish", "b", "shop/letter", lambda: None)
    found.around("publish", None, None, lambda: None)
    assert plan.steps_seen(tmp_path) == {("publish", "shop_letter"): 1}


def test_processes_count_together(tmp_path: Path) -> None:
    """Four processes with fifty steps each: every number from 0 to 199 is given once."""
    plan.write(tmp_path, [], ["a"])

    def work() -> None:
        own = steps(tmp_path)
        acts(own, "ack")
        numbers = [own.count("ack", "a") for _ in range(49)]
        (tmp_path / f"numbers-{os.getpid()}").write_text(" ".join(map(str, numbers)), encoding="ascii")

    pids = []
    for _ in range(4):
        pid = os.fork()
        if not pid:
            try:
                work()
            finally:
                os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0, 0, 0, 0]
    numbers = [
        int(word) for path in tmp_path.glob("numbers-*") for word in path.read_text(encoding="ascii").split()
    ]
    assert len(set(numbers)) == len(numbers) == 4 * 49
    assert plan.steps_seen(tmp_path) == {("ack", "a"): 200}


@pytest.mark.parametrize(("when", "counts"), [("before", [1, 3, 4]), ("after", [1, 3, 4])])
def test_a_step_is_made_twice(tmp_path: Path, when: str, counts: list[int]) -> None:
    told(tmp_path, "publish", when, "duplicate", nth=1)
    assert acts(steps(tmp_path), "publish", 3) == counts


@pytest.mark.parametrize(
    ("broker", "kind", "error"),
    [
        ("redis", "publish", redis.ConnectionError),
        ("amqp", "publish", ConnectionResetError),
        ("amqp", "result", redis.ConnectionError),
    ],
)
def test_a_step_fails_as_its_client_library_says(
    tmp_path: Path, broker: str, kind: str, error: type[Exception]
) -> None:
    """Before the step nothing was done; after it, the answer was lost."""
    for when, action, made in (("before", "fail", 0), ("after", "lose_reply", 1)):
        folder = tmp_path / action
        folder.mkdir()
        told(folder, kind, when, action)
        found: list[int] = []
        with pytest.raises(error, match="ordered by the harness"):
            steps(folder, broker=broker).around(kind, "a", None, lambda found=found: found.append(1))  # type: ignore[misc]
        assert len(found) == made


def test_connections_to_the_stage_s_servers_are_lost_and_no_others(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        own = socket.create_connection(server.getsockname())
        strange = socket.create_connection(other.getsockname())
        with own, strange:
            told(tmp_path, "ack", "before", "drop_connections")
            made = steps(tmp_path, port=server.getsockname()[1])
            open_before = len(list(Path("/proc/self/fd").iterdir()))
            acts(made, "ack")
            assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1  # the record
            own.settimeout(5)
            assert own.recv(1) == b""
            strange.setblocking(False)
            with pytest.raises(BlockingIOError):
                strange.recv(1)


@pytest.mark.parametrize("action", ["kill_worker", "kill_child"])
def test_a_killed_child_ends_by_sigkill(tmp_path: Path, action: str) -> None:
    """The parent stands for the worker, which is killed with its child where the worker is to be lost."""
    told(tmp_path, "body-begin", "before", action)
    (reading, writing) = os.pipe()

    def worker() -> None:
        status = ended(lambda: acts(steps(tmp_path, role="child:main"), "body-begin"))
        os.write(writing, str(status).encode())
        os._exit(0)

    status = ended(worker)
    os.close(writing)
    said = os.read(reading, 100)
    os.close(reading)
    lost = -int(signal.SIGKILL)
    assert (status, said) == ((lost, b"") if action == "kill_worker" else (0, str(lost).encode()))


def test_a_main_process_has_no_child_to_kill_at_its_own_steps(tmp_path: Path) -> None:
    told(tmp_path, "ack", "before", "kill_child")
    assert ended(lambda: acts(steps(tmp_path, role="worker:main"), "ack")) == 3


def test_each_strike_is_recorded_with_its_step(tmp_path: Path) -> None:
    told(tmp_path, "publish", "after", "duplicate")
    acts(steps(tmp_path), "publish")
    recorded = (tmp_path / "events.jsonl").read_text(encoding="utf-8")
    assert '"fault": "duplicate", "settings": {"at": "after publish 0 of a"}' in recorded
