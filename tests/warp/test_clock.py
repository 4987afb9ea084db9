"""The shared page: what a jump, a step and a rate do to the processes that live on it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from harness.warp import FixedRate, RealTime, SharedClock, Warp, library

Child = Any  # Popen[str]; its pipes are there
Spawn = Callable[..., Child]


_NAP = "import time; print('up', flush=True); time.sleep(float(__import__('sys').argv[1])); print('woke')"
_SAY = "import time\nwhile input(): print(time.monotonic(), time.time(), flush=True)"


def _say(child: Child) -> list[float]:
    child.stdin.write("?\n")
    child.stdin.flush()
    return [float(word) for word in child.stdout.readline().split()]


def _wait_registered(clock: SharedClock, pid: int) -> None:
    end = time.monotonic() + 60
    while not any(slot.pid == pid for slot in clock.slots()):
        assert time.monotonic() < end, "no timed wait was registered within 60 s"
        time.sleep(0.005)


def test_a_jump_wakes_a_sleeper(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 3600)
    _wait_registered(clock, child.pid)
    clock.jump(3601 * 10**9)
    said, _ = child.communicate(timeout=60)
    assert said == "up\nwoke\n"


def test_a_jump_that_falls_short_wakes_nobody(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 3600)
    _wait_registered(clock, child.pid)
    clock.jump(3000 * 10**9)
    (slot,) = [s for s in clock.slots() if s.pid == child.pid]
    assert slot.deadline_s - clock.now_s() == pytest.approx(600, abs=100)
    assert child.poll() is None


def test_a_wall_step_leaves_the_monotonic_clock_alone(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_SAY)
    before_mono, before_wall = _say(child)
    clock.step_wall(3600)
    after_mono, after_wall = _say(child)
    assert after_wall - before_wall == pytest.approx(3600, abs=300)
    assert after_mono - before_mono < 300
    clock.step_wall(-7200)
    assert _say(child)[1] - before_wall == pytest.approx(-3600, abs=300)


def test_harness_and_children_read_the_same_time(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_SAY)
    clock.jump(10**15)
    before = (clock.now_s(), clock.wall_s())
    said = _say(child)
    after = (clock.now_s(), clock.wall_s())
    assert before[0] <= said[0] <= after[0]
    assert before[1] - 1e-3 <= said[1] <= after[1] + 1e-3


def test_time_stands_still_at_rate_zero_and_runs_on_after(clock: SharedClock) -> None:
    clock.set_rate(0)
    assert clock.now_ns() == clock.now_ns()
    clock.set_rate(1)
    first = clock.now_ns()
    assert clock.now_ns() > first


def test_a_sleeper_that_was_killed_gives_its_slot_back(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 3600)
    _wait_registered(clock, child.pid)
    child.kill()
    child.wait(10)
    assert [s.pid for s in clock.slots()] == [child.pid]
    clock.jump(3601 * 10**9)
    assert clock.slots() == []


def test_a_thousand_threads_share_a_few_slots(clock: SharedClock, spawn: Spawn) -> None:
    code = (
        "import threading, time\n"
        "for _ in range(1000):\n"
        "    t = threading.Thread(target=time.sleep, args=(0.0001,)); t.start(); t.join()\n"
        "print('done', flush=True); time.sleep(3600)"
    )
    child = spawn(code)
    assert child.stdout.readline() == "done\n"
    _wait_registered(clock, child.pid)
    assert max(slot.index for slot in clock.slots()) < 8


def test_a_wait_that_ends_late_is_noticed(clock: SharedClock, spawn: Spawn) -> None:
    child = spawn(_NAP, 2)
    _wait_registered(clock, child.pid)
    clock.reset_lateness()
    os.kill(child.pid, signal.SIGSTOP)
    clock.set_rate(60)
    end = clock.now_s() + 12
    while clock.now_s() < end:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait(10) == 0
    assert clock.lateness_s() > 5
    clock.reset_lateness()
    assert clock.lateness_s() == 0


def test_a_passive_process_is_marked_and_its_lateness_does_not_count(
    clock: SharedClock, spawn: Spawn
) -> None:
    child = spawn(_NAP, 3600, passive=True)
    _wait_registered(clock, child.pid)
    assert [slot.passive for slot in clock.slots()] == [True]


def test_what_is_preloaded_already_stays(clock: SharedClock) -> None:
    path = str(library.find())
    assert clock.environment(base={"LD_PRELOAD": "/other.so"})["LD_PRELOAD"] == f"{path} /other.so"
    assert clock.environment(base={"LD_PRELOAD": path})["LD_PRELOAD"] == path
    assert clock.environment(passive=True, base={})["CELERY_HARNESS_CLOCK_PASSIVE"] == "1"


def test_a_clock_is_not_laid_over_another(clock: SharedClock) -> None:
    with pytest.raises(FileExistsError):
        SharedClock.create(clock.path)


def test_a_fixed_rate_reaches_its_virtual_deadline(clock: SharedClock) -> None:
    pace = FixedRate(clock, 60)
    started, real = clock.now_s(), time.monotonic()
    assert not pace.advance(lambda: False, within_s=60)
    assert clock.now_s() - started >= 60
    assert time.monotonic() - real < 50
    pace.close()


def test_real_time_and_warp_have_the_same_face(clock: SharedClock) -> None:
    assert not RealTime().advance(lambda: False, within_s=0.05)
    assert RealTime().advance(lambda: True, within_s=0)
    with Warp(clock, list) as warp:
        assert warp.advance(lambda: True, within_s=0)


def test_real_time_tells_when_the_harness_itself_was_woken_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the clock library nothing else tells a starved machine from a slow app."""
    pace = RealTime()
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda asked_s: sleep(asked_s + 0.6))
    assert not pace.advance(lambda: False, within_s=0.1)
    assert pace.bent_s > 0.5
    pace.reset()
    assert pace.bent_s == 0.0
