"""However a run of the command ends, nothing of it is left: no process, no port, no folder."""

from __future__ import annotations

import os
import random
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.reaper import OWNER, PREFIX, SESSIONS, home, start_time
from harness.stages.processes import Processes
from tests.driver import missing

ROOT = Path(__file__).resolve().parents[1]
KILLS = 20
WITHIN_S = 100.0
SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")

@app.task(name="shop.sell", autoretry_for=(OSError,), retry_backoff=2, max_retries=2)
def sell(n):
    return n
"""
CONTRACT = """
[workers.all]
concurrency = 2

[tiers.sales]
tasks = ["shop.sell"]
retry = { max_retries = 2, on = ["filesystem"] }
"""
FOLDER = re.compile(rf"{home()}/({PREFIX}[^/ ]+)")
PORT = re.compile(r"(?:--port |127\.0\.0\.1:)(\d+)")
COMMAND = """
import signal, sys
from harness.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.argv[0] = 'celery-harness'
main()
"""


class Run:
    """``celery-harness verify`` in a process of its own; whatever it starts inherits a mark."""

    def __init__(self, workdir: Path, *options: str) -> None:
        self.mark = f"INTERRUPTED_TEST={secrets.token_hex(8)}".encode()
        name, _, value = self.mark.decode().partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "verify", "-A", "shop:app", "--quiet", "--seed", "1", *options],
            cwd=workdir, env={**os.environ, "PYTHONPATH": str(ROOT), name: value},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.folders: set[Path] = set()
        self.watched: dict[int, int] = {}
        self.ports: set[int] = set()

    def carriers(self) -> set[int]:
        """The processes of this run that live, whatever session they went to (``proc(5)``)."""
        found = set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.process.pid:
                continue
            try:
                if self.mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
            except OSError:
                continue
        return found

    def look(self) -> set[int]:
        """All processes of the run; what they have is remembered for `left`."""
        for pid in self.carriers():
            self.folders |= {home() / name for name in FOLDER.findall(command_line(pid))}
        for folder in self.folders:
            try:
                lines = (folder / SESSIONS).read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                word, *numbers = line.split()
                if word == "watch":
                    self.watched[int(numbers[0])] = int(numbers[1])
        for pid in self.watched:
            self.ports |= {int(port) for port in PORT.findall(command_line(pid))}
        return self.alive()

    def alive(self) -> set[int]:
        """Marked processes, and those that the run has named: a server may overwrite its environment."""
        named = {pid for pid, began in self.watched.items() if start_time(pid) == began and running(pid)}
        return self.carriers() | named

    def up(self) -> bool:
        """Whether servers, client, reaper and a worker with two children are there."""
        return len(self.look()) >= 9

    def left(self) -> list[str]:
        """What is still there of everything that was seen."""
        found = [f"process {pid} {command_line(pid)}" for pid in self.alive()]
        found += [f"folder {folder}" for folder in self.folders if folder.exists()]
        listening = listeners()
        return found + [f"port {port}" for port in self.ports if port in listening]

    def end(self) -> str:
        """Wait for the command itself; what it printed."""
        out, _ = self.process.communicate(timeout=100)
        return out.decode()


def command_line(pid: int) -> str:
    """The words of a process, or the title that it gave itself; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def listeners() -> set[int]:
    """The ports on which anybody listens (``proc_net(5)``: state 0A)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


def wait_for(fact: Callable[[], object], what: Callable[[], object]) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + WITHIN_S
    while not fact():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)  # processes can only be polled; bounded above


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Begins runs; one that is left is ended."""
    available = Processes.available("redis")
    if not available.ok:
        missing(available)
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    runs: list[Run] = []

    def start(*options: str) -> Run:
        runs.append(Run(tmp_path, *options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        if run.process.stdout and not run.process.stdout.closed:
            run.process.communicate(timeout=100)


Start = Callable[..., Run]


@pytest.mark.parametrize("seed", range(KILLS))
def test_nothing_is_left_after_the_command_was_killed_at_a_random_moment(seed: int, started: Start) -> None:
    """In the middle of the import, of the start, of the experiments: the reaper ends what there is."""
    run = started("--only", "retry_cap", "--only", "loss_recovered")
    ends = time.monotonic() + random.Random(seed).uniform(0.3, 3.0)
    while time.monotonic() < ends and run.process.poll() is None:
        run.look()
    run.look()
    run.process.kill()
    run.end()
    wait_for(lambda: not run.left(), run.left)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, {1, 130}), (signal.SIGTERM, {143}), (signal.SIGHUP, {129})],
)
def test_a_signal_ends_the_run_and_everything_that_it_started(
    number: signal.Signals, status: set[int], started: Start
) -> None:
    run = started()
    wait_for(lambda: run.up() or run.process.poll() is not None, lambda: f"no stage: {run.look()}")
    run.process.send_signal(number)
    said = run.end()
    assert run.process.returncode in status, said
    assert "Traceback" not in said
    assert run.folders
    assert run.ports
    wait_for(lambda: not run.left(), run.left)


def test_a_run_that_is_kept_leaves_nothing_either(started: Start) -> None:
    """By the time that the command has ended, not some time later."""
    run = started("--only", "retry_cap")
    while run.process.poll() is None:
        run.look()
    assert (run.end(), run.process.returncode) == ("", 0)
    assert run.folders
    assert run.left() == []


def test_what_is_left_when_the_reaper_was_killed_as_well_is_ended_by_the_next_run(started: Start) -> None:
    run = started()
    wait_for(lambda: run.up() or run.process.poll() is not None, lambda: f"no stage: {run.look()}")
    assert run.process.poll() is None, run.end()
    (reaper,) = [pid for pid in run.carriers() if "reaper.py" in command_line(pid)]
    os.kill(reaper, signal.SIGKILL)
    run.process.kill()
    run.end()
    assert run.left()
    assert any((folder / OWNER).exists() for folder in run.folders)
    later = started("--only", "retry_cap")
    later.end()
    assert later.process.returncode == 0
    wait_for(lambda: not run.left(), run.left)
