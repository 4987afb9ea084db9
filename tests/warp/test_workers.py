"""Real prefork workers and a real server on one clock."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from harness.warp import Warp, library
from tests.warp.small_stage import small_stage


@pytest.fixture(autouse=True)
def _need_library() -> None:
    if library.find() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(library.why_missing())


def test_a_ladder_of_750_virtual_seconds_keeps_its_moments(folder: Path) -> None:
    with small_stage(folder / "stage") as stage:
        stage.start_redis()
        stage.start_workers(2)
        stage.send("small_app.ladder.delay(30)")

        def known() -> list[float]:
            return [entry["next"] for entry in stage.record("attempt")]

        with Warp(stage.shared(), stage.pids, precise_s=known) as warp:
            real = time.monotonic()
            assert warp.advance(lambda: bool(stage.record("exhausted")), within_s=1000)
            assert time.monotonic() - real < 375
            slack_s = warp.slack_s
        rungs = list(pairwise(stage.record()))
        assert len(rungs) == 5
        for before, after in rungs:
            assert after["mono"] >= before["next"] - 0.01
            # The clock runs at rate 1 while somebody waits for a CPU; what it jumped is the warp's own.
            jumped_s = after["mono"] - before["mono"] - (after["real_after"] - before["real_before"])
            assert jumped_s <= before["next"] - before["mono"] + slack_s + 0.05


def test_a_killed_workers_task_comes_back_after_the_visibility_timeout(folder: Path) -> None:
    with small_stage(folder / "stage", visibility_s=3600) as stage:
        stage.start_redis()
        (first,) = stage.start_workers(1)
        with Warp(stage.shared(), stage.pids) as warp:
            stage.send("small_app.nap.delay(5000)")
            assert warp.advance(lambda: len(stage.record("nap-start")) == 1, within_s=60)
            stage.kill(first)
            stage.start_workers(1, name="second")
            assert warp.advance(lambda: len(stage.record("nap-start")) == 2, within_s=5000)
        lost, again = stage.record("nap-start")
        assert 3500 < again["mono"] - lost["mono"] < 3800


def test_a_paused_worker_does_not_hold_time_back(folder: Path) -> None:
    with small_stage(folder / "stage") as stage:
        stage.start_redis()
        (worker,) = stage.start_workers(1)
        with Warp(stage.shared(), stage.pids) as warp:
            stage.send("small_app.nap.delay(60)")
            assert warp.advance(lambda: bool(stage.record("nap-start")), within_s=60)
            os.killpg(worker.pid, signal.SIGSTOP)
            assert not warp.advance(lambda: False, within_s=600)
            os.killpg(worker.pid, signal.SIGCONT)
            assert warp.advance(lambda: bool(stage.record("nap-end")), within_s=60)
        (end,) = stage.record("nap-end")
        assert 595 < end["slept"] < 620
