"""The idle warp: who is watched, what is waited for, where a jump lands."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.warp import SharedClock, Warp, WarpStalled

Child = Any  # Popen[str]; its pipes are there
Spawn = Callable[..., Child]


_NAP = "import time; time.sleep(float(__import__('sys').argv[1]))"
_SPIN = "print('up', flush=True)\nwhile True: pass"
# Virtual time less the kernel's own, read so that a wait for a CPU between two readings makes it smaller.
_JUMPED = """
import time
from primitives import real_s
def start():
    global real, virtual
    real, virtual = real_s(), time.monotonic()
def jumped():
    passed = time.monotonic() - virtual
    return passed - (real_s() - real)
"""
_BESIDE = str(Path(__file__).parent)


def _warp(clock: SharedClock, *children: Child, **more: Any) -> Warp:
    return Warp(clock, lambda: [child.pid for child in children], **more)


def _slept(clock: SharedClock, child: Child) -> bool:
    return any(slot.pid == child.pid for slot in clock.slots())


def _up(clock: SharedClock, *children: Child) -> None:
    end = time.monotonic() + 60
    while not all(_slept(clock, child) for child in children):
        assert time.monotonic() < end, "no timed wait was registered within 60 s"
        time.sleep(0.005)


def _asked(times: list[float], clock: SharedClock) -> float:
    times.append(clock.now_s())
    return times[-1]


def test_an_hour_passes_at_once_and_no_further_than_asked(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 10000)
    _up(clock, child)
    started, real = clock.now_s(), time.monotonic()
    with _warp(clock, child) as warp:
        assert not warp.advance(lambda: False, within_s=3600)
    assert clock.now_s() - started == pytest.approx(3600, abs=60)
    assert time.monotonic() - real < 360


def test_sleeps_are_never_passed_by_a_jump(clock: SharedClock, spawn: Spawn) -> None:
    code = f"{_JUMPED}\nfor _ in range(20):\n start(); time.sleep(0.9); print(jumped())"
    children = [spawn(code, PYTHONPATH=_BESIDE), spawn(code, PYTHONPATH=_BESIDE)]
    with _warp(clock, *children, slack_s=1.0) as warp:
        assert warp.advance(lambda: all(c.poll() is not None for c in children), within_s=1000)
    for child in children:
        lines = child.stdout.read().split()
        assert len(lines) == 20
        assert all(0.0 < float(line) <= 0.95 for line in lines), lines


def test_the_harness_is_asked_at_its_own_wake_up(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 10000)
    _up(clock, child)
    wake_s = clock.now_s() + 123
    asked: list[float] = []
    with _warp(clock, child) as warp:
        assert warp.advance(
            lambda: _asked(asked, clock) >= wake_s,
            within_s=1000,
            wake_at_s=lambda: wake_s,
        )
    assert asked[-1] == pytest.approx(wake_s, abs=30)
    assert len(asked) < 500


def test_no_jump_passes_a_precise_moment(clock: SharedClock, spawn: Spawn) -> None:
    polls = (
        "import select, socket, sys\n"
        "a, b = socket.socketpair(); select.select([a], [], [], float(sys.argv[1]))"
    )
    children = [spawn(polls, 5000.0), spawn(polls, 5060.0)]
    _up(clock, *children)
    first_s = min(slot.deadline_s for slot in clock.slots())
    landed: list[float] = []
    with _warp(clock, *children, slack_s=100.0, precise_s=lambda: [first_s]) as warp:
        warp.advance(lambda: _asked(landed, clock) >= first_s, within_s=6000)
    assert landed[-1] == pytest.approx(first_s, abs=20)


def test_a_busy_process_holds_time_back(clock: SharedClock, spawn: Spawn) -> None:
    idle, busy = spawn(_NAP, 10000), spawn(_SPIN)
    assert busy.stdout.readline() == "up\n"
    _up(clock, idle)
    with _warp(clock, idle, busy) as warp, pytest.raises(WarpStalled, match=f"process {busy.pid}"):
        warp.advance(lambda: False, within_s=3600, real_limit_s=2)


def test_time_that_never_jumps_is_noticed_over_many_short_waits(clock: SharedClock, spawn: Spawn) -> None:
    """Each of them ends in real time, before its own limit."""
    busy = spawn(_SPIN)
    assert busy.stdout.readline() == "up\n"
    with _warp(clock, busy, stuck_limit_s=1.0) as warp:
        waits = (warp.advance(lambda: False, within_s=0.2) for _ in range(100))
        with pytest.raises(WarpStalled, match=f"process {busy.pid}"):
            list(waits)


def test_a_stopped_process_is_quiet(clock: SharedClock, spawn: Spawn) -> None:
    idle, busy = spawn(_NAP, 10000), spawn(_SPIN)
    assert busy.stdout.readline() == "up\n"
    _up(clock, idle)
    os.kill(busy.pid, signal.SIGSTOP)
    with _warp(clock, idle, busy) as warp:
        assert not warp.advance(lambda: False, within_s=3600, real_limit_s=60)


def test_an_orphan_of_the_session_is_watched(clock: SharedClock, spawn: Spawn) -> None:
    parent = spawn(
        "import os\nif os.fork() == 0:\n"
        "  if os.fork() == 0:\n    print(os.getpid(), flush=True)\n    while True: pass\n  os._exit(0)\n"
        "os.wait(); import time; time.sleep(10000)"
    )
    orphan = int(parent.stdout.readline())
    _up(clock, parent)
    with _warp(clock, parent) as warp, pytest.raises(WarpStalled, match=f"process {orphan}"):
        warp.advance(lambda: False, within_s=3600, real_limit_s=2)


def test_a_busy_thread_of_the_harness_holds_time_back(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 10000)
    _up(clock, child)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with _warp(clock, child) as warp, pytest.raises(WarpStalled):
            warp.advance(lambda: False, within_s=3600, real_limit_s=2)
    finally:
        stop.set()
        thread.join()


def test_children_born_while_time_jumps_are_waited_for(clock: SharedClock, spawn: Spawn) -> None:
    code = (
        f"{_JUMPED}\nimport subprocess, sys\n"
        "for _ in range(8):\n"
        "  time.sleep(100); start()\n"
        "  subprocess.run([sys.executable, '-c', 'import json, decimal'], check=True)\n"
        "  print(jumped())"
    )
    child, idle = spawn(code, PYTHONPATH=_BESIDE), spawn(_NAP, 100000)
    with _warp(clock, child, idle) as warp:
        assert warp.advance(lambda: child.poll() is not None, within_s=2000)
    lines = child.stdout.read().split()
    assert len(lines) == 8
    assert all(float(line) < 1 for line in lines), lines


def test_messages_between_processes_take_no_virtual_time(clock: SharedClock, spawn: Spawn) -> None:
    code = (
        f"{_JUMPED}\nimport os, socket\n"
        "a, b = socket.socketpair()\n"
        "if os.fork() == 0:\n  [b.send(b.recv(1)) for _ in range(2000)]; os._exit(0)\n"
        "a.settimeout(100); start()\n"
        "for _ in range(2000): a.send(b'x'); a.recv(1)\n"
        "print(jumped())"
    )
    child, idle = spawn(code, PYTHONPATH=_BESIDE), spawn(_NAP, 100000)
    with _warp(clock, child, idle) as warp:
        assert warp.advance(lambda: child.poll() is not None, within_s=20000)
    assert float(child.stdout.read()) < 1


def test_a_wait_that_ended_late_bends_the_clock(clock: SharedClock, spawn: Spawn) -> None:
    child, idle = spawn(_NAP, 1.0), spawn(_NAP, 100000)
    _up(clock, child, idle)
    with _warp(clock, child, idle) as warp:
        warp.reset()
        os.kill(child.pid, signal.SIGSTOP)
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGCONT)
        assert warp.advance(lambda: child.poll() is not None, within_s=100)
        assert warp.bent_s > 0.5
