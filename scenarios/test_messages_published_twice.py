"""A message is published twice, and one of its two runs hangs until its soft limit: success stands.

A publish whose reply is lost is made again (`kombu/connection.py`, ``ensure``), and both messages are run.
Celery keeps SUCCESS in the result backend (`celery/backends/base.py`, ``_store_result``), but reports the
failure all the same, and a task that has succeeded leaves a dead letter. Found by `celery-harness search`.
"""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from harness.contract_file import load
from harness.probe.steps import Point
from harness.trials import Laboratory, Schedule, Task, Trial, laboratory

pytestmark = pytest.mark.harness_app("myhours.celery:app", workdir="myhours")

TWICE = Point("publish", "0", 0, "after", "fail")  # the client never hears that the broker has it
SCHEDULES = {
    "the first run hangs": Schedule(
        (Task("worktime.tasks.process_time_tracking"),), (TWICE, Point("body-end", "0", 0, "after", "delay"))
    ),
    "the second run hangs": Schedule(
        (Task("worktime.tasks.process_time_tracking"),), (TWICE, Point("body-end", "0", 1, "after", "delay"))
    ),
}
CHECK = "if not isinstance(error, TaskPredicate) and self._has_succeeded(request.id):"


@pytest.fixture(autouse=True)
def newest() -> None:
    """Steps of a life are counted as Celery 5.7 takes them."""
    major, minor, *_ = version("celery").split(".")
    if (int(major), int(minor)) < (5, 7):
        pytest.skip("the schedules name steps of a task's life as Celery 5.7 has them")


def struck(trial: Trial) -> None:
    """Both messages were run, and one run met the soft limit."""
    assert len(list(trial.history.of("body-entered"))) == 2
    assert {event.get("fault") for event in trial.history.of("fault-injected")} == {"fail", "delay"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_task_that_has_succeeded_does_not_fail_as_well(laboratory: Laboratory, name: str) -> None:
    trial = laboratory.try_out(SCHEDULES[name])
    struck(trial)
    assert not trial.broken
    assert len(list(trial.history.of("task-succeeded"))) == 1
    assert not list(trial.history.of("task-failed", "dead-lettered"))


def test_without_a_look_at_the_other_run_it_does_both(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The other half: the look taken out of the project, the contradiction is found."""
    copy = tmp_path / "myhours"
    ignored = shutil.ignore_patterns("__pycache__", "reports", "var", "*.sqlite3")
    shutil.copytree(pytestconfig.rootpath / "myhours", copy, ignore=ignored)
    file = copy / "core" / "task.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(CHECK) == 1
    file.write_text(text.replace(CHECK, "if False:"), encoding="utf-8")
    with laboratory("myhours.celery:app", load(copy / "contract.toml"), copy) as lab:
        trial = lab.try_out(SCHEDULES["the first run hangs"])
    struck(trial)
    assert [(each.guarantee, each.tier) for each in trial.broken] == [("no_lost_task", "high")]
    assert "both succeeded and failed" in trial.broken[0].observed
