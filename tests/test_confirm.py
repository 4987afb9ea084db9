"""A counterexample of the simulated stage on real workers: confirmed, refuted, or unknown with the reason."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from harness.confirm import Answer, Replayed, answer, cannot_strike, replay, workers
from harness.contract_file import loads
from harness.history import Header, History
from harness.probe.steps import Point
from harness.trials import Schedule, Task, Trial, laboratory
from harness.verdict import Outcome, Verdict

APP = """
import os, time
from celery import Celery

BUG = {bug!r}
SIMULATED = os.environ.get("CELERY_HARNESS_CLOCK") == "virtual"
EARLY = BUG == "early ack" or (BUG == "only simulated" and SIMULATED)
app = Celery("shop", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(
    task_acks_late=not EARLY, task_reject_on_worker_lost=True, task_default_queue="work",
    broker_connection_retry_on_startup=True,
    broker_transport_options={{"visibility_timeout": 600, "unacked_restore_throttle": 1}},
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
schema = 1

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
KILLED = Schedule((Task("shop.pay"),), (Point("body-end", "0", 0, "before", "kill_worker"),))
LETTER = Schedule((Task("shop.pay", raises="filesystem", failing_attempts=4),))
GUARANTEES = ("no_lost_task", "dead_letter_only_failed")


def replayed(folder: Path, bug: str, schedule: Schedule, broker: str = "redis") -> Replayed:
    """What the simulation breaks, tried on real workers."""
    (folder / "shop.py").write_text(APP.format(bug=bug), encoding="utf-8")
    contract = loads(CONTRACT)
    with laboratory("shop:app", contract, folder, broker=broker, guarantees=GUARANTEES) as lab:
        trial = lab.try_out(schedule)
    assert trial.broken
    opened = partial(workers, "shop:app", contract, folder, broker=broker, seed=0, guarantees=GUARANTEES)
    return replay(schedule, trial.broken, opened)


@pytest.mark.parametrize("broker", ["redis", "rabbitmq"])
def test_an_early_acknowledgement_is_confirmed(tmp_path: Path, broker: str) -> None:
    found = replayed(tmp_path, "early ack", KILLED, broker)
    assert found.answer is Answer.CONFIRMED, found.why
    assert "no_lost_task" in found.why


def test_a_dead_letter_too_early_is_confirmed(tmp_path: Path) -> None:
    found = replayed(tmp_path, "early letter", LETTER)
    assert found.answer is Answer.CONFIRMED, found.why


def test_a_mistake_of_the_simulation_alone_is_refuted(tmp_path: Path) -> None:
    found = replayed(tmp_path, "only simulated", KILLED)
    assert found.answer is Answer.REFUTED, found.why
    assert sum(event.kind == "body-entered" for event in found.trial.history.events) >= 2


def test_a_fault_that_never_comes_to_its_step_leaves_it_unknown(tmp_path: Path) -> None:
    """Real workers acknowledge late here: there is no fifth acknowledgement to strike at."""
    points = (*KILLED.points, Point("ack", "0", 4, "before", "kill_worker"))
    found = replayed(tmp_path, "only simulated", Schedule(KILLED.tasks, points))
    assert found.answer is Answer.UNKNOWN
    assert "ack 4" in found.why


BANK = """
import os, time
import redis
from celery import Celery

app = Celery("bank", broker="redis://example.invalid/0", backend="redis://example.invalid/1")
app.conf.update(
    task_acks_late=True, task_reject_on_worker_lost=True, task_default_queue="work",
    broker_connection_retry_on_startup=True, broker_transport_options={"visibility_timeout": 600},
)
cache = redis.Redis(host="cache.example.invalid")


@app.task(bind=True, name="bank.pay", max_retries=5)
def pay(self, order):
    try:
        time.sleep(5)
        return order
    except OSError as error:
        raise self.retry(exc=error, countdown=30)


@app.task(bind=True, name="bank.settle", max_retries=5)
def settle(self, order):
    taken = cache.set(f"settling-{order}", self.request.id, nx=True, ex=60)
    if taken:
        time.sleep(5)
        cache.delete(f"settling-{order}")


class Noted(app.Task):
    def __call__(self, order):
        answer = super().__call__(order)
        try:
            cache.set(f"paid-{order}", self.request.id)
        except redis.ConnectionError as error:
            raise self.retry(exc=error, countdown=30)
        return answer


@app.task(base=Noted, name="bank.note", max_retries=5)
def note(order):
    return order
"""
BANK_CONTRACT = """
[tiers.payments]
tasks = ["bank.pay", "bank.note"]
queue = "work"

[tiers.payments.effect]
counted = "body"
at_most = 1

[tiers.settlements]
tasks = ["bank.settle"]
queue = "work"

[tiers.settlements.deduplication]
lock_s = 3600

[workers.one]
queues = ["work"]
concurrency = 2

[samples."bank.pay"]
args = [1]
vary = 0

[samples."bank.note"]
args = [1]
vary = 0

[samples."bank.settle"]
args = [1]
vary = 0
"""
PAY = (Task("bank.pay"),)
TWO = (Task("bank.pay"), Task("bank.pay", 2.0))
NOTE = (Task("bank.note"),)
TWINS = (Task("bank.settle"), Task("bank.settle", 120.0, twin_of=0))


@pytest.mark.parametrize(
    ("schedule", "broker", "guarantee"),
    [
        (Schedule(PAY, (Point("publish", "0", 0, "after", "duplicate"),)), "redis", "no_duplicate_effect"),
        (Schedule(PAY, (Point("publish", "0", 0, "after", "lose_reply"),)), "redis", "no_duplicate_effect"),
        (Schedule(PAY, (Point("ack", "0", 0, "before", "drop_connections"),)), "rabbitmq", "no_duplicate_effect"),  # noqa: E501
        (Schedule(TWO, (Point("deliver", "1", 0, "after", "drop_connections"),)), "redis", "no_duplicate_effect"),  # noqa: E501
        (Schedule(NOTE, (Point("cache", "0", 0, "after", "lose_reply"),)), "redis", "no_duplicate_effect"),
        (Schedule(TWINS, (Point("cache", "0", 1, "before", "delay"),)), "redis", "deduplication"),
    ],
    ids=lambda each: each.points[0].action if isinstance(each, Schedule) else str(each),
)  # fmt: skip
def test_a_fault_strikes_real_workers_at_the_step_at_which_it_struck_simulated_ones(
    tmp_path: Path, schedule: Schedule, broker: str, guarantee: str
) -> None:
    """A message is published twice, once because nobody said that it was; it is given back as the connection
    went, on RabbitMQ before its acknowledgement and on Redis while its task runs; a payment is made again as
    nobody said that it is noted; a lock is over before the task that took it.
    """
    (tmp_path / "bank.py").write_text(BANK, encoding="utf-8")
    contract = loads(BANK_CONTRACT)
    with laboratory("bank:app", contract, tmp_path, broker=broker, guarantees=[guarantee]) as lab:
        trial = lab.try_out(schedule)
    assert [verdict.guarantee for verdict in trial.broken] == [guarantee]
    opened = partial(workers, "bank:app", contract, tmp_path, broker=broker, seed=0, guarantees=[guarantee])
    found = replay(schedule, trial.broken, opened)
    assert found.answer is Answer.CONFIRMED, found.why


def celery_harness(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, in the app's folder."""
    command = [sys.executable, "-c", "from harness.cli import main; main()", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def test_the_command_that_search_prints_replays_what_it_found(tmp_path: Path) -> None:
    """Exit status 1, and the story of both stages."""
    (tmp_path / "shop.py").write_text(APP.format(bug="early ack"), encoding="utf-8")
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    options = ["-A", "shop:app", "--contract", "contract.toml", "--guarantee", "no_lost_task", "--quiet"]
    found = celery_harness(tmp_path, "search", "--token", KILLED.token(), *options)
    assert found.returncode == 1, found.stderr
    [line] = [line for line in found.stdout.splitlines() if line.startswith("  replay ")]
    _, program, *words = shlex.split(line)
    assert (program, *words[:2]) == ("celery-harness", "replay", KILLED.token())
    done = celery_harness(tmp_path, *words, "--quiet")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("CONFIRMED on real workers: no_lost_task")
    assert "kill_worker before body-end 0 of task 0" in done.stdout


def test_a_schedule_that_breaks_nothing_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP.format(bug=""), encoding="utf-8")
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    options = ["-A", "shop:app", "--contract", "contract.toml", "--quiet"]
    done = celery_harness(tmp_path, "replay", KILLED.token(), *options)
    assert done.returncode == 2
    assert "nothing to confirm" in done.stderr


def test_tiers_to_which_no_task_was_sent_leave_nothing_open() -> None:
    """Of a contract with several tiers each schedule concerns a few: the others are unknown everywhere."""
    kept = Verdict("no_lost_task", "work", Outcome.KEPT, "promised", "kept")
    quiet = Verdict("no_lost_task", "other", Outcome.UNKNOWN, "promised", "no task was sent")
    broken = (replace(kept, outcome=Outcome.BROKEN),)
    history = History(Header(), ())
    said = [
        answer(Schedule((Task("shop.pay"),)), broken, Trial(Schedule(()), history, verdicts, ())).answer
        for verdicts in ((kept, quiet), (replace(kept, outcome=Outcome.UNKNOWN), quiet), (*broken, quiet))
    ]
    assert said == [Answer.REFUTED, Answer.UNKNOWN, Answer.CONFIRMED]


@pytest.mark.parametrize(
    ("action", "can"), [("kill_child", True), ("clock_ahead", False), ("clock_back", False)]
)
def test_a_clock_step_at_a_protocol_step_is_said_to_be_beyond_real_workers(action: str, can: bool) -> None:
    point = Point("publish", "0", 0, "before", action)
    assert (cannot_strike(Schedule((), (point,))) == "") is can
