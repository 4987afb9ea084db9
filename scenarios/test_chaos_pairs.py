"""The same fault meets work that is done carefully, which survives, and as one finds it, which does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.contract import Contract, Sample, Tier, WorkerLayout
from harness.history import Event, History
from harness.plugin import OpenWorld, conducted, target_of
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger
from scenarios.payments import Bank, OpenBank

pytestmark = pytest.mark.chaos

KINDS = ("report", "mail", "close", "claim", "call", "fail", "poison")
CONTRACT = Contract(
    tiers=tuple(Tier(way, (f"{way}.*",), queue="pairs") for way in ("careful", "careless")),
    workers=(WorkerLayout("one", queues=("pairs",), concurrency=2),),
    samples={f"{way}.{kind}": Sample(args=(1,)) for way in ("careful", "careless") for kind in KINDS},
)
FULL = Strike("worker_file_error", {"error": "ENOSPC", "nth": 2, "times": 1})
UNANSWERED = Strike("mail_drops", {"at": "stored"}, Trigger(heal_after_s=8.0))
OWNER_DIES = Strike("worker_kill", {"worker": "one"}, Trigger(on="body-entered", at_s=1.0, heal_after_s=1.0))
NO_CACHE = Strike("cache_gone", {}, Trigger(heal_after_s=20.0))
AWAY = Strike("broker_restart", {}, Trigger(on="body-entered", at_s=0.5, heal_after_s=20.0))
PLAIN = Body()
REAL = pytest.mark.harness_stage(
    "processes", "containers", why="simulated workers make no system calls and have no shell"
)
NUMBERS = iter(range(1, 1000))


class Pairs:
    """The running app, and what is asked of it."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def files(self) -> Path:
        """Where the tasks write."""
        return self.world.folder / "files"

    def run(
        self, task: str, *strikes: Strike, body: Body = PLAIN, runaway_after: int = 20, count: int = 1
    ) -> tuple[int, History]:
        """One task, or several that are equal, while something strikes; the argument and what happened."""
        number = next(NUMBERS)
        send = Send(task, body, at_s=1.0, args=(number,), count=count)
        experiment = Experiment(
            f"{task}-{number}", task.partition(".")[0], (send,), strikes, settle_within_s=900.0,
            runaway_after=runaway_after,
        )  # fmt: skip
        history = conducted(self.world, CONTRACT, experiment, guarantees=["no_lost_task"]).history
        struck = [event.get("fault") for event in history.of("fault-injected") if event.task_id is None]
        assert struck == [strike.fault for strike in strikes]
        return number, history

    def mails(self, number: int) -> int:
        """How many mails about an order were kept."""
        kept: Any = self.world.mail
        return sum(mail["subject"] == f"Order {number}" for mail in kept.mails())

    def letters(self, history: History) -> list[Path]:
        """The dead letters of the tasks that were sent."""
        sent = {
            event.task_id for event in history.of("task-sent") if event.task and ".file" not in event.task
        }
        return [self.files / f"letter-{each}" for each in sent if (self.files / f"letter-{each}").exists()]


def runs(history: History) -> list[Event]:
    """Each time that a body was entered."""
    return list(history.of("body-entered"))


@pytest.fixture(scope="module")
def pairs(open_world: OpenWorld, pytestconfig: pytest.Config) -> Iterator[Pairs]:
    """One worker for all of it."""
    target = target_of(pytestconfig, app="pairs:app", workdir="scenarios/apps", contract=CONTRACT)
    with open_world(target, environment={"FILES": "{files}"}) as world:
        yield Pairs(world)


def lines(path: Path) -> int:
    """How long a report is."""
    return len(path.read_text("ascii").splitlines())


@REAL
def test_a_report_is_whole_where_it_is_written_beside_and_renamed(pairs: Pairs) -> None:
    """The disk is full in the middle of it."""
    number, history = pairs.run("careful.report", FULL)
    assert lines(pairs.files / f"careful-{number}.csv") == 2_000
    assert len(list(history.of("task-retried"))) == 1


@REAL
def test_a_report_that_is_written_in_place_is_cut_off_and_the_task_succeeds(pairs: Pairs) -> None:
    number, history = pairs.run("careless.report", FULL)
    assert 0 < lines(pairs.files / f"careless-{number}.csv") < 2_000
    assert list(history.of("task-succeeded"))


def test_one_mail_is_sent_where_the_mark_is_set_before_the_server_can_have_it(pairs: Pairs) -> None:
    number, history = pairs.run("careful.mail", UNANSWERED)
    assert list(history.of("task-retried"))
    assert pairs.mails(number) == 1


def test_a_mail_is_sent_three_times_where_every_error_is_retried(pairs: Pairs) -> None:
    """The server keeps it, and resets the connection instead of answering: twice, then it answers."""
    number, _ = pairs.run("careless.mail", UNANSWERED)
    assert pairs.mails(number) == 3


def test_a_lock_that_ends_by_itself_lets_the_work_be_done_when_its_owner_has_died(pairs: Pairs) -> None:
    number, history = pairs.run("careful.close", OWNER_DIES, body=Body(hold_s=3.0))
    assert len(runs(history)) > 1
    assert (pairs.files / f"careful-books-{number}").exists()


def test_an_orphaned_lock_keeps_everybody_from_the_work_for_ever(pairs: Pairs) -> None:
    number, history = pairs.run("careless.close", OWNER_DIES, body=Body(hold_s=3.0))
    assert list(history.of("task-succeeded")), "it says that all is well"
    assert not (pairs.files / f"careless-books-{number}").exists()


def test_equal_tasks_are_done_once_where_they_wait_for_a_cache_that_is_away(pairs: Pairs) -> None:
    number, history = pairs.run("careful.claim", NO_CACHE, count=2)
    assert list(history.of("task-retried"))
    assert lines(pairs.files / f"careful-claim-{number}") == 1


def test_equal_tasks_are_done_twice_where_a_cache_that_is_away_is_taken_for_an_empty_one(
    pairs: Pairs,
) -> None:
    number, _ = pairs.run("careless.claim", NO_CACHE, count=2)
    assert lines(pairs.files / f"careless-claim-{number}") == 2


def test_retries_with_a_cap_come_to_an_end(pairs: Pairs) -> None:
    _, history = pairs.run("careful.call", body=Body(raises="filesystem"))
    assert len(runs(history)) == 4
    assert list(history.of("task-failed"))


def test_retries_without_a_cap_go_on_until_somebody_stops_them(pairs: Pairs) -> None:
    _, history = pairs.run("careless.call", body=Body(raises="filesystem"), runaway_after=12)
    assert len(runs(history)) > 12
    assert not list(history.of("task-failed"))


def test_a_dead_letter_that_needs_no_broker_is_kept_while_the_broker_is_away(pairs: Pairs) -> None:
    _, history = pairs.run("careful.fail", AWAY, body=Body(raises="programming", hold_s=3.0))
    assert len(pairs.letters(history)) == 1


def test_a_dead_letter_that_is_published_is_lost_while_the_broker_is_away(pairs: Pairs) -> None:
    _, history = pairs.run("careless.fail", AWAY, body=Body(raises="programming", hold_s=3.0))
    assert list(history.of("task-failed"))
    assert not pairs.letters(history)


def test_a_poison_task_that_counts_its_runs_is_given_up_and_leaves_a_letter(pairs: Pairs) -> None:
    _, history = pairs.run("careful.poison", body=Body(dies=True))
    assert len(runs(history)) == 4
    assert len(pairs.letters(history)) == 1


def test_a_poison_task_without_a_brake_kills_one_process_after_the_other(pairs: Pairs) -> None:
    _, history = pairs.run("careless.poison", body=Body(dies=True), runaway_after=12)
    assert len(runs(history)) > 12


def test_a_task_longer_than_most_is_paid_once_where_the_visibility_timeout_is_longer(careful: Bank) -> None:
    """The other half is in `test_chaos_worker.py`: with a timeout below the run time it is paid twice."""
    paid = careful.pay(4, body=Body(hold_s=60.0))
    assert not paid.redelivered
    paid.assert_each_paid_once()


def test_a_lost_acknowledgement_pays_again_where_nothing_recognises_the_payment(bank: OpenBank) -> None:
    """The other half is in `test_chaos_worker.py`: the careful app finds the row, and pays once."""
    after = Trigger(on="body-left", nth=2, at_s=0.5, heal_after_s=1.0)
    with bank("impatient:app") as impatient:
        paid = impatient.pay(4, Strike("worker_kill", {"worker": "first"}, after), body=Body(lingers_s=3.0))
    assert paid.twice


@pytest.mark.parametrize(
    "shell", [pytest.param(False, id="exec"), pytest.param(True, id="shell", marks=REAL)]
)
def test_a_rolling_restart_under_load_costs_payments_under_a_shell_that_passes_no_signal_on(
    bank: OpenBank, shell: bool
) -> None:
    """With Celery's defaults a warm stop loses nothing; under the shell nobody hears it, and all is
    killed.
    """
    layouts = (
        WorkerLayout("first", queues=("payments",), concurrency=2),
        WorkerLayout("second", queues=("payments",), concurrency=1),
    )
    rolling = [
        Strike("worker_stop", {"worker": name, "within_s": 20.0}, Trigger(at_s=at_s, heal_after_s=1.0))
        for name, at_s in (("first", 5.0), ("second", 30.0))
    ]
    with bank("careless:app", workers=[replace(each, shell=shell) for each in layouts]) as careless:
        paid = careless.pay(30, *rolling, every_s=1.0, body=Body(hold_s=10.0), settle_within_s=600.0)
    assert bool(paid.lost) == shell
    assert not paid.twice
