"""Limits that bind nobody."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scenarios.rules.proof import Shown, errors, held_s, span_s, started
from scenarios.since import since

APP = """
from celery import Celery, signals

app = Celery("shop", broker="memory://")


@app.task(rate_limit="{limit}")
def pay(): ...


@signals.worker_ready.connect
def stop(sender=None, **_):
    print("it consumes")
    raise SystemExit(0)
"""


def test_a_rate_limit_that_cannot_be_read_stops_the_worker(tmp_path: Path) -> None:
    """``20/d`` is a KeyError of a stock worker when it starts; with ``20/h`` it gets ready."""
    unreadable = worker(tmp_path, "20/d")
    assert "KeyError: 'd'" in unreadable
    assert "it consumes" not in unreadable
    assert "it consumes" in worker(tmp_path, "20/h")


def worker(folder: Path, limit: str) -> str:
    """What a worker says that is told to stop as soon as it is ready."""
    (folder / "shop.py").write_text(APP.format(limit=limit), encoding="utf-8")
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "-P", "solo", "-l", "INFO"]
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def test_a_solo_worker_enforces_no_limit(bad: Shown, good: Shown) -> None:
    assert (bad.has("TIM001", "alone"), good.has("TIM001", "alone")) == (True, False)
    """A limit of 5 s, a task of 30 s."""
    assert bad.life("alone").outcome == "succeeded"
    assert good.life("alone").outcome == "failed"


def test_a_soft_limit_above_the_hard_one_never_strikes(bad: Shown, good: Shown) -> None:
    assert (bad.has("TIM002", "late"), good.has("TIM002", "late")) == (True, False)
    """Equal to it, the worker gives the task up and kills its process at once, whatever that still says."""
    assert "TimeLimitExceeded" in errors(bad.life("late"))
    assert errors(good.life("late")) == {"SoftTimeLimitExceeded"}


@since("5.5", "the two limits are not compared (`celery/app/task.py`, `apply_async`)")
def test_a_task_whose_soft_limit_is_above_the_hard_one_is_not_even_sent(bad: Shown, good: Shown) -> None:
    assert bad.has("TIM002", "unsendable")
    assert bad.lives("unsendable") == []
    assert good.life("unsendable").outcome == "succeeded"


def test_a_broad_except_swallows_the_soft_limit(bad: Shown, good: Shown) -> None:
    assert (bad.has("TIM003", "swallow"), good.has("TIM003", "swallow")) == (True, False)
    assert bad.life("swallow").outcome == "succeeded"
    assert good.life("swallow").error_type == "SoftTimeLimitExceeded"


def test_a_limit_of_zero_is_none(bad: Shown, good: Shown) -> None:
    assert (bad.has("TIM004", "zero"), good.has("TIM004", "zero")) == (True, False)
    assert bad.life("zero").outcome == "succeeded"
    assert good.life("zero").outcome == "failed"


def test_without_a_limit_a_task_that_hangs_holds_its_child(bad: Shown, good: Shown) -> None:
    assert (bad.has("TIM005", ""), good.has("TIM005", "")) == (True, False)
    """For all of its 60 s; the limit frees the child."""
    assert held_s(bad.life("hang")) >= 60
    assert held_s(good.life("hang")) < 20


def test_two_workers_double_a_rate_limit(bad: Shown, good: Shown) -> None:
    assert (bad.has("RAT002", "limited"), good.has("RAT002", "limited")) == (True, False)
    """Twelve tasks at 12/m: half a minute with two workers, a minute with one."""
    assert span_s(started(bad.lives("limited"))) < 45
    assert span_s(started(good.lives("limited"))) > 50
