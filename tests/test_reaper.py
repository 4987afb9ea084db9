"""Whatever a stage has started ends, also when the harness is killed."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import reaper
from harness.launcher import ProcessLauncher
from harness.reaper import PREFIX, SESSIONS, TOKEN, Reaper, end_session, members, start_time, sweep_stale
from harness.stages.processes import Processes

WITHIN_S = 100.0
KILLS = 20
HOME = str(Path(reaper.__file__).resolve().parent.parent)

TREE = """
import os, signal, subprocess, sys, time
kind = sys.argv[1]
if kind == "stubborn":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
elif kind == "leader":
    for each in ("stubborn", "group", "daemon", "bare", "stopped"):
        environment = {} if each == "bare" else None
        subprocess.Popen([sys.executable, "-I", "-S", __file__, each], env=environment)
elif kind == "group":
    if os.fork():
        os._exit(0)
    os.setpgid(0, 0)
elif kind == "daemon":
    if os.fork():
        os._exit(0)
    os.setsid()
elif kind == "bare":
    os.setsid()
elif kind == "stopped":
    os.kill(os.getpid(), signal.SIGSTOP)
open(os.path.join(os.path.dirname(__file__), "up", f"{kind}-{os.getpid()}"), "w").close()
time.sleep(600)
"""
"""A small stage: what one session may hold. `daemon` is found by the token, `bare` by its parent."""

HARNESS = """
import os, subprocess, sys
from pathlib import Path
from harness.reaper import TOKEN, Reaper
folder, token, tree = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
reaper = Reaper()
reaper.start(token, folder)
print("started", flush=True)
for _ in range(3):
    command = [sys.executable, "-I", "-S", tree, "leader"]
    process = subprocess.Popen(command, env={**os.environ, TOKEN: token}, start_new_session=True)
    reaper.watch(process.pid)
    print(process.pid, flush=True)
sys.stdin.read()
"""

STAGE = """
import sys
from pathlib import Path
from harness import reaper
reaper.MEMORY = Path(sys.argv[1])
from harness.contract import Contract, Tier, WorkerLayout
from harness.stage import StageSettings
from harness.stages.processes import Processes
contract = Contract((Tier("shop", ("shop.*",)),), (WorkerLayout("main", ("celery",), 2),))
print("opening", flush=True)
with Processes.open(StageSettings("shop:app", contract, Path(sys.argv[2]))) as world:
    for _ in range(5):
        world.send("shop.sell", [], {}, body={"hold_s": 1000.0})
    print("open", flush=True)
    sys.stdin.read()
"""
SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")

@app.task(name="shop.sell")
def sell():
    pass
"""


def wait_for(fact: Callable[[], object], what: str) -> None:
    """Poll until something holds; the message says what was waited for."""
    deadline = time.monotonic() + WITHIN_S
    while not fact():
        assert time.monotonic() < deadline, f"{what} did not come within {WITHIN_S:g} s"
        time.sleep(0.01)  # processes can only be polled; bounded above


def running_from(folder: Path) -> list[str]:
    """The command lines that name a folder: everything of a run, whatever session it went to."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in line:
                found.append(f"{entry.name} {line!r}")
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The script of the processes that are to be ended, in a folder of its own."""
    (tmp_path / "up").mkdir()
    path = tmp_path / "tree.py"
    path.write_text(TREE, encoding="ascii")
    return path


@pytest.fixture
def run_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder as a run makes one, under a temporary folder that no real run uses."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(reaper, "MEMORY", tmp_path / "memory", raising=False)
    return Path(tempfile.mkdtemp(prefix=PREFIX))


def a_harness(folder: Path, tree: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HARNESS, str(folder), secrets.token_hex(8), str(tree)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": HOME}
    )


def killed(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


@pytest.mark.parametrize("seed", range(KILLS))
def test_nothing_is_left_after_the_harness_was_killed_at_a_random_moment(
    seed: int, tree: Path, run_folder: Path
) -> None:
    """Half of the moments lie in the middle of the start, half after all is up."""
    harness = a_harness(run_folder, tree)
    assert harness.stdout is not None
    assert harness.stdout.readline() == b"started\n"
    if seed % 2:
        lines = [harness.stdout.readline() for _ in range(3)]
        assert all(lines)
        wait_for(lambda: len(list((tree.parent / "up").iterdir())) >= 3 * 5, "every process of three trees")
    else:
        time.sleep(random.Random(seed).uniform(0.0, 0.3))  # the moment of the kill; nothing is awaited
    killed(harness)
    wait_for(lambda: not running_from(tree.parent), "the end of every process of the run, and of its reaper")
    assert not run_folder.exists()


@pytest.mark.parametrize("seed", range(KILLS))
def test_nothing_is_left_of_a_whole_stage_after_its_harness_was_killed_at_a_random_moment(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broker, results, cache, mail, client and a worker with its children; every fourth one was up."""
    if not Processes.available("redis").ok:
        pytest.skip(Processes.available("redis").remedy)
    (tmp_path / "shop.py").write_text(SHOP, encoding="ascii")
    (tmp_path / "runs").mkdir()
    mark = f"REAPER_TEST={secrets.token_hex(8)}"
    variables = {"REAPER_TEST": mark.partition("=")[2], "TMPDIR": str(tmp_path / "runs"), "PYTHONPATH": HOME}
    harness = subprocess.Popen(
        [sys.executable, "-c", STAGE, str(tmp_path / "runs"), str(tmp_path)],
        env=os.environ | variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert harness.stdout is not None
    assert harness.stdout.readline() == b"opening\n"
    if seed % 4 == 0:
        assert harness.stdout.readline() == b"open\n"
        assert len(carriers(mark, tmp_path)) >= 8
    else:
        time.sleep(random.Random(seed).uniform(0.0, 1.5))  # the moment of the kill; nothing is awaited
    killed(harness)
    wait_for(lambda: not carriers(mark, tmp_path), "the end of every process of the stage, and of its reaper")
    left = list((tmp_path / "runs").glob(f"{PREFIX}*"))
    assert [folder for folder in left if (folder / reaper.OWNER).exists()] == []
    # One that was killed before it had a reaper leaves an empty folder: a later run sweeps it.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "runs"))
    monkeypatch.setattr(reaper, "MEMORY", tmp_path / "runs")
    for folder in left:
        os.utime(folder, (0, 0))
    assert sorted(sweep_stale()) == sorted(left)
    assert not left or seed % 4


def carriers(mark: str, folder: Path) -> list[int]:
    """Processes that inherited a variable, or stand in a folder: Valkey overwrites its environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                inherited = mark.encode() in (entry / "environ").read_bytes().split(b"\0")
                if inherited or (entry / "cwd").readlink().is_relative_to(folder):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_what_writes_into_the_folder_ends_although_nobody_told_of_it(run_folder: Path, tree: Path) -> None:
    """Killed between the start of a server and the word to the reaper; the server shows no environment."""
    (run_folder / "logs").mkdir()
    keeper = Reaper()
    keeper.start(secrets.token_hex(8), run_folder)
    with (run_folder / "logs" / "server.log").open("ab") as log:
        command = [sys.executable, "-I", "-S", str(tree), "stubborn"]
        server = subprocess.Popen(command, env={}, stderr=log, start_new_session=True)
    keeper.close()
    assert server.wait(WITHIN_S) == -signal.SIGKILL


def test_an_orderly_end_leaves_nothing_either_and_waits_for_it(tree: Path, run_folder: Path) -> None:
    token, keeper = secrets.token_hex(8), Reaper()
    keeper.start(token, run_folder)
    command = [sys.executable, "-I", "-S", str(tree), "leader"]
    process = subprocess.Popen(command, env={**os.environ, TOKEN: token}, start_new_session=True)
    keeper.watch(process.pid)
    wait_for(lambda: len(list((tree.parent / "up").iterdir())) >= 5, "every process of the tree")
    keeper.close()
    process.wait()
    assert not run_folder.exists()
    assert running_from(tree.parent) == []


def test_a_session_ends_whole_with_the_sessions_that_it_opened_itself(tree: Path) -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", str(tree), "leader"], start_new_session=True)
    wait_for(lambda: len(list((tree.parent / "up").iterdir())) >= 5, "every process of the tree")
    assert len(list(members(process.pid))) >= 3
    assert end_session(process.pid, within_s=WITHIN_S)
    process.wait()
    # `daemon` left its parent and its session, and nothing but a run's token leads to it.
    for line in running_from(tree):
        assert "daemon" in line
        os.kill(int(line.split()[0]), signal.SIGKILL)


def test_a_session_that_has_ended_already_is_no_error() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""], start_new_session=True)
    process.wait()
    assert end_session(process.pid)


def test_what_was_forgotten_is_left_alone(tree: Path, run_folder: Path) -> None:
    keeper = Reaper()
    keeper.start(secrets.token_hex(8), run_folder)
    stranger = subprocess.Popen([sys.executable, "-I", "-S", str(tree), "stubborn"], start_new_session=True)
    keeper.watch(stranger.pid)
    keeper.forget(stranger.pid)
    keeper.close()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_number_that_somebody_else_got_is_left_alone(
    tree: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start time tells a session leader from a later process of the same number."""
    keeper = Reaper()
    keeper.start(secrets.token_hex(8), run_folder)
    stranger = subprocess.Popen([sys.executable, "-I", "-S", str(tree), "stubborn"], start_new_session=True)
    monkeypatch.setattr(reaper, "start_time", lambda pid: 1)
    keeper.watch(stranger.pid)
    keeper.close()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_the_reaper_itself_carries_neither_the_preload_nor_the_token(
    run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN, "outer")
    keeper = Reaper()
    keeper.start("inner", run_folder)
    assert keeper._process is not None
    environment = Path(f"/proc/{keeper._process.pid}/environ").read_bytes()
    keeper.close()
    assert TOKEN.encode() not in environment
    assert b"LD_PRELOAD" not in environment


def test_a_later_run_sweeps_up_when_the_reaper_was_killed_as_well(tree: Path, run_folder: Path) -> None:
    harness = a_harness(run_folder, tree)
    assert harness.stdout is not None
    assert all(harness.stdout.readline() for _ in range(4))
    wait_for(lambda: len(list((tree.parent / "up").iterdir())) >= 3 * 5, "every process of three trees")
    (own,) = [line for line in running_from(Path(reaper.__file__)) if str(run_folder) in line]
    os.kill(int(own.split()[0]), signal.SIGKILL)
    killed(harness)
    assert sweep_stale() == [run_folder]
    assert not run_folder.exists()
    assert running_from(tree.parent) == []


def test_the_folder_of_a_run_that_goes_on_is_not_swept(run_folder: Path) -> None:
    keeper = Reaper()
    keeper.start(secrets.token_hex(8), run_folder)
    assert sweep_stale() == []
    assert run_folder.exists()
    keeper.close()


@pytest.mark.parametrize(
    ("owner", "swept"),
    [
        ({"boot": "an earlier one"}, True),
        ({"pids": "pid:[1]"}, False),
        ({"start_time": 1}, True),
    ],
)
def test_an_owner_is_gone_with_its_boot_or_its_process_and_out_of_sight_in_another_container(
    owner: dict[str, object], swept: bool, run_folder: Path
) -> None:
    document = {"token": secrets.token_hex(8), **reaper._owner(), **owner}
    (run_folder / reaper.OWNER).write_text(json.dumps(document), encoding="ascii")
    (run_folder / SESSIONS).write_text("", encoding="ascii")
    assert sweep_stale() == ([run_folder] if swept else [])
    assert run_folder.exists() is not swept


def test_a_folder_without_an_owner_is_swept_when_it_is_old(run_folder: Path) -> None:
    assert sweep_stale() == []
    os.utime(run_folder, (0, 0))
    assert sweep_stale() == [run_folder]


def test_an_old_folder_with_things_that_no_run_puts_there_is_left_alone(run_folder: Path) -> None:
    """The clock library is kept in a folder with the same beginning of its name."""
    (run_folder / "libsimtime.so").write_bytes(b"")
    os.utime(run_folder, (0, 0))
    assert sweep_stale() == []


def test_the_start_time_of_a_process_that_is_not_there_is_none() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    assert start_time(process.pid) is not None
    process.wait()
    assert start_time(process.pid) is None


def test_a_run_that_had_no_owner_yet_is_known_by_what_is_made_for_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the folder and its owner: whatever `new_folder` makes is ours to remove."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(reaper, "MEMORY", tmp_path)
    monkeypatch.setattr("harness.launcher.home", lambda: tmp_path)
    folder, _ = ProcessLauncher.new_folder()
    assert list(folder.iterdir())
    assert sweep_stale() == []
    os.utime(folder, (0, 0))
    assert sweep_stale() == [folder]
    assert not folder.exists()
