"""Schedules on copies of a simulated world: found, shrunk, swept, and the same again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from harness.contract_file import loads
from harness.errors import UsageError
from harness.laboratories import Laboratories, laboratories
from harness.probe.steps import Point
from harness.search import search
from harness.sweep import sweep
from harness.trials import Schedule, Task

APP = """
import time
from celery import Celery

BUG = {bug!r}
app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(
    task_acks_late=BUG != "early ack", task_reject_on_worker_lost=True, task_default_queue="work",
    broker_connection_retry_on_startup=True, broker_transport_options={{"visibility_timeout": 600}},
)


@app.task(name="shop.bury", ignore_result=True)
def bury(name):
    pass


@app.task(bind=True, name="shop.pay", max_retries=5)
def pay(self, order):
    try:
        time.sleep(0.2)
        return order
    except OSError as error:
        tried = self.request.retries
        if tried >= (3 if BUG == "early letter" else 5):
            bury.apply_async(kwargs={{"name": self.request.id}})
        raise self.retry(exc=error, countdown=30 * 2**tried)
"""
CONTRACT = """
[tiers.work]
tasks = ["shop.pay"]
queue = "work"

[tiers.work.retry]
on = ["filesystem"]
max_retries = 5

[tiers.work.dead_letter]
to = "task:shop.bury"

[workers.one]
queues = ["work"]
concurrency = 2

[samples."shop.pay"]
args = [1]
vary = 0
"""
GUARANTEES = ("no_lost_task", "dead_letter_only_failed")


@contextmanager
def shop(folder: Path, bug: str = "", jobs: int = 1) -> Iterator[Laboratories]:
    """Laboratories for a small app, right or with a mistake planted in it."""
    (folder / "shop.py").write_text(APP.format(bug=bug), encoding="utf-8")
    with laboratories("shop:app", loads(CONTRACT), folder, guarantees=GUARANTEES, jobs=jobs) as found:
        yield found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratories]:
    """The app without a mistake."""
    with shop(tmp_path_factory.mktemp("shop")) as found:
        yield found


def test_a_token_is_read_as_the_schedule_that_it_was_made_of() -> None:
    point = Point("ack", "0", 1, "before", "kill_worker")
    schedule = Schedule((Task("shop.pay", 1.0, "mail", 2), Task("shop.pay", twin_of=0)), (point,), 3)
    assert Schedule.read(schedule.token()) == schedule


@pytest.mark.parametrize("token", ["", "nonsense", "eJxLTEpOAQAEAgF-"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="no token"):
        Schedule.read(token)


def test_a_trial_leaves_nothing_behind_for_the_next(lab: Laboratories) -> None:
    schedule = Schedule((Task("shop.pay"),), (Point("ack", "0", 0, "before", "kill_worker"),), 5)
    other = Schedule((Task("shop.pay", raises="filesystem", failing_attempts=3),))
    first = lab.try_out(schedule).digest()
    assert lab.try_out(other).digest() != first
    assert lab.try_out(schedule).digest() == first


def test_a_worker_lost_before_the_acknowledgement_runs_the_task_again(lab: Laboratories) -> None:
    trial = lab.try_out(Schedule((Task("shop.pay"),), (Point("ack", "0", 0, "before", "kill_worker"),)))
    assert sum(event.kind == "body-entered" for event in trial.history.events) == 2
    assert not trial.broken


def test_a_message_that_is_published_twice_runs_twice(lab: Laboratories) -> None:
    trial = lab.try_out(Schedule((Task("shop.pay"),), (Point("publish", "0", 0, "after", "duplicate"),)))
    assert sum(event.kind == "body-entered" for event in trial.history.events) == 2


@pytest.mark.parametrize(("action", "waits_s"), [("clock_back", 3630.0), ("clock_ahead", 0.0)])
def test_a_retry_waits_for_a_moment_of_the_wall_clock(lab: Laboratories, action: str, waits_s: float) -> None:
    """It steps at the publish of the retry, whose ETA it is; the wait is as much longer, or over at once."""
    failing = (Task("shop.pay", raises="filesystem", failing_attempts=1),)
    trial = lab.try_out(Schedule(failing, (Point("publish", "0", 1, "after", action),)))
    [struck] = [event for event in trial.history.of("fault-injected") if event.get("fault") == action]
    assert struck.get("settings")["at"].startswith("after publish 1 of ")
    first, second = [event.at_s for event in trial.history.of("body-entered")][:2]
    assert second - first == pytest.approx(waits_s, abs=1)


def test_a_sweep_strikes_at_every_step_of_a_life(lab: Laboratories) -> None:
    found = sweep(lab, Schedule((Task("shop.pay"),)), lambda _text: None)
    assert [row.kind for row in found.rows] == [
        "publish", "deliver", "body-begin", "body-end", "result", "ack",
    ]  # fmt: skip
    assert found.trials == 2 * (1 + 2 + 2 + 2 + 2 + 2)
    assert not found.broken


def test_a_right_app_is_not_blamed(lab: Laboratories) -> None:
    assert search(lab, examples=60, seeded=1).trial is None


def test_a_dead_letter_that_is_sent_early_is_found_and_shrunk(tmp_path: Path) -> None:
    with shop(tmp_path, "early letter", jobs=2) as labs:
        found = search(labs, examples=1_000, seeded=1)
    assert found.trial is not None
    assert {verdict.guarantee for verdict in found.trial.broken} == {"dead_letter_only_failed"}
    [task] = found.trial.schedule.tasks
    assert (task.failing_attempts, found.trial.schedule.points) == (4, ())


def test_what_is_found_is_the_same_however_many_look_for_it(tmp_path: Path) -> None:
    """The smallest schedule, the number of those tried, and each history."""
    with shop(tmp_path, "early ack") as alone:
        found = search(alone, examples=1_000, seeded=1)
    assert found.trial is not None
    assert {verdict.guarantee for verdict in found.trial.broken} == {"no_lost_task"}
    schedule = found.trial.schedule
    assert (len(schedule.tasks), len(schedule.points)) == (1, 1)
    with shop(tmp_path, "early ack", jobs=2) as two:
        again = search(two, examples=1_000, seeded=1)
        assert again.trial is not None
        assert (again.trial.schedule, again.tried) == (schedule, found.tried)
        assert {one.try_out(schedule).digest() for one in two.each} == {found.trial.digest()}


def test_what_broke_once_is_tried_first(tmp_path: Path) -> None:
    with shop(tmp_path, "early ack") as lab:
        first = search(lab, examples=200, seeded=1, database=tmp_path / "examples")
        again = search(lab, examples=200, seeded=2, database=tmp_path / "examples")
    assert first.trial is not None
    assert again.trial is not None
    assert {verdict.guarantee for verdict in again.trial.broken} == {"no_lost_task"}
    assert again.tried < first.tried


def test_trials_of_several_worlds_are_told_in_order(tmp_path: Path) -> None:
    schedules = [
        Schedule((Task("shop.pay", raises="filesystem", failing_attempts=n),)) for n in (5, 1, 3, 2, 4)
    ]
    with shop(tmp_path, jobs=2) as labs:
        assert [trial.schedule for trial in labs.try_all(schedules)] == schedules
        with closing(labs.try_all(schedules)) as trials:
            assert next(trials).schedule == schedules[0]
        assert not labs.try_out(schedules[0]).broken
