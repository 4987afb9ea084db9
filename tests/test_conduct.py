"""The conductor on a real stage: sends, faults and waits as the experiments say, and never for ever."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness import end_state
from harness.conduct import Conductor
from harness.contract import Contract, DeadLetter, Sample, Tier, WorkerLayout
from harness.contract_file import resolve
from harness.history import Event, Header, History
from harness.run import unless_unstruck
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Experiment, Send, Strike, Trigger
from tests.driver import Driver, opened

SHOP = """
from celery import Celery
app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")

@app.task(name="shop.sell")
def sell(n=0):
    return n

@app.task(name="shop.bare")
def bare():
    sell.delay(99)

@app.task(name="shop.letter")
def letter(**record):
    pass

@app.task(name="shop.fails")
def fails(n):
    letter.delay(id=fails.request.id, args=[n])
    raise ValueError(n)
"""
CONTRACT = Contract(
    tiers=(
        Tier("sales", ("shop.sell", "shop.bare")),
        Tier("failing", ("shop.fails",), dead_letter=DeadLetter(to="task:shop.letter")),
    ),
    workers=(WorkerLayout("main", ("celery",), 2),),
    samples={
        "shop.sell": Sample(args=(1,), vary=0), "shop.bare": Sample(), "shop.fails": Sample(args=(1,), vary=0)
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One stage for all tests of this file."""
    with opened(tmp_path_factory.mktemp("shop"), {"shop.py": SHOP}, CONTRACT) as driver:
        yield driver


def conducted(shop: Driver, *experiments: Experiment) -> list[str]:
    """Run these; what the conductor said."""
    said: list[str] = []
    Conductor(shop.world, resolve(CONTRACT, shop.world.tasks), said.append).run(experiments)
    return said


def of(shop: Driver, kind: str, name: str) -> list[Event]:
    return [event for event in shop.events(kind) if event.get("experiment") == name]


def test_every_copy_is_sent_at_its_time_with_arguments_of_its_own(shop: Driver) -> None:
    said = conducted(
        shop, Experiment("copies", "sales", (Send("shop.sell", at_s=5.0, count=3, every_s=10.0),))
    )
    (began,), (ended,) = of(shop, "experiment-began", "copies"), of(shop, "experiment-ended", "copies")
    sent = of(shop, "task-sent", "copies")
    assert [event.at_s - began.at_s for event in sent] == pytest.approx([5, 15, 25], abs=4.9)
    assert len({str(event.get("args")) for event in sent}) == 3
    assert (ended.get("settled"), ended.get("waiting")) == (True, [])
    assert said == ["1/1 main: copies"]


def test_identical_copies_are_identical(shop: Driver) -> None:
    conducted(shop, Experiment("twins", "sales", (Send("shop.sell", count=2, identical=True),)))
    first, second = of(shop, "task-sent", "twins")
    assert first.get("args") == second.get("args")
    assert first.task_id != second.task_id


def test_tasks_without_arguments_follow_each_other(shop: Driver) -> None:
    """Deduplication would take the second for the first while that one runs."""
    conducted(shop, Experiment("bare", "sales", (Send("shop.bare", count=2),)))
    first, second = of(shop, "task-sent", "bare")
    assert first.task_id
    assert shop.events("task-succeeded", task_id=first.task_id)[0].at_s <= second.at_s


def test_what_the_app_sends_itself_has_ended_as_well(shop: Driver) -> None:
    conducted(shop, Experiment("own", "sales", (Send("shop.bare"),)))
    own = [event for event in shop.events("task-sent") if event.get("args") == [99]]
    assert all(shop.events("task-succeeded", task_id=event.task_id) for event in own)


def test_faults_strike_and_are_healed_within_their_experiment(shop: Driver) -> None:
    strike = Strike("no_op", {}, Trigger(on="task-succeeded", nth=2, heal_after_s=7.0))
    conducted(shop, Experiment("struck", "sales", (Send("shop.sell", count=2),), (strike,)))
    (ended,) = of(shop, "experiment-ended", "struck")
    injected, healed = shop.events("fault-injected", "fault-healed")[-2:]
    assert 6.9 <= healed.at_s - injected.at_s < 60
    assert healed.at_s <= ended.at_s


def test_a_broker_that_is_paused_in_the_middle_of_the_sends_is_healed_in_time_and_nothing_is_lost(
    shop: Driver,
) -> None:
    """The publish that waits for it holds neither the nemesis up nor the other sends."""
    strike = Strike("broker_pause", {}, Trigger(at_s=5.0, heal_after_s=12.0))
    sends = (Send("shop.sell", count=20, every_s=2.0), Send("shop.bare", at_s=15.0))
    conducted(shop, Experiment("frozen", "sales", sends, (strike,)))
    (ended,) = of(shop, "experiment-ended", "frozen")
    assert (ended.get("settled"), ended.get("waiting")) == (True, [])
    injected, healed = shop.events("fault-injected", "fault-healed")[-2:]
    assert 11.0 <= healed.at_s - injected.at_s < 26.0
    sent = {event.task_id for event in of(shop, "task-sent", "frozen")}
    assert len(sent) == 21
    assert sent <= {event.task_id for event in shop.events("task-succeeded")}
    assert not shop.events("publish-failed")


def test_more_sends_than_a_pipe_holds_wait_for_a_paused_broker(shop: Driver) -> None:
    strike = Strike("broker_pause", {}, Trigger(at_s=0.0, heal_after_s=12.0))
    words = {"n": "x" * 1000}
    sends = (Send("shop.sell", at_s=1.0, count=150, args=(), kwargs=words),)
    conducted(shop, Experiment("flood", "sales", sends, (strike,)))
    (ended,) = of(shop, "experiment-ended", "flood")
    assert (ended.get("settled"), ended.get("waiting")) == (True, [])
    assert len(of(shop, "task-sent", "flood")) == 150


def test_an_experiment_that_does_not_settle_is_given_up_and_says_who_was_waited_for(shop: Driver) -> None:
    send = Send("shop.sell", Body(hold_s=500.0))
    conducted(shop, Experiment("slow", "sales", (send,), settle_within_s=50.0))
    (began,), (ended,) = of(shop, "experiment-began", "slow"), of(shop, "experiment-ended", "slow")
    (sent,) = of(shop, "task-sent", "slow")
    assert (ended.get("settled"), ended.get("waiting")) == (False, [sent.task_id])
    assert ended.at_s - began.at_s == pytest.approx(50.0, abs=30.0)


def test_an_experiment_is_watched_as_long_as_it_says(shop: Driver) -> None:
    conducted(shop, Experiment("watched", "sales", (Send("shop.sell"),), watch_s=80.0))
    (began,), (ended,) = of(shop, "experiment-began", "watched"), of(shop, "experiment-ended", "watched")
    assert ended.at_s - began.at_s == pytest.approx(80.0, abs=30.0)


def test_what_lingers_holds_nobody_up_and_is_waited_for_at_the_end(shop: Driver) -> None:
    long = Experiment("long", "sales", (Send("shop.sell"),), watch_s=200.0, lingering=True)
    short = Experiment("short", "sales", (Send("shop.sell"),))
    assert conducted(shop, long, short)[-1] == "waiting for long"
    (first,), (second,) = of(shop, "experiment-ended", "short"), of(shop, "experiment-ended", "long")
    assert first.at_s + 100 < second.at_s


def test_at_the_end_the_broker_and_the_dead_letters_are_read(shop: Driver) -> None:
    conducted(shop, Experiment("letters", "failing", (Send("shop.fails"),)))
    (sent,) = of(shop, "task-sent", "letters")
    found = end_state.read(shop.world, resolve(CONTRACT, shop.world.tasks))
    (read,) = [event for event in found if event.kind == "broker-read"]
    assert read.get("queues")["celery"] == {"depth": 0, "tasks": []}
    assert read.get("consumers") == {"celery": 1}
    letters = [event for event in found if event.kind == "dead-lettered" and event.task_id == sent.task_id]
    assert [event.get("destination") for event in letters] == ["task:shop.letter"]
    logged = [event for event in found if event.kind == "log-record" and event.task_id == sent.task_id]
    assert logged
    assert not logged[0].get("structured")


def test_a_fault_whose_moment_never_came_is_named(shop: Driver) -> None:
    late = Strike("no_op", {}, Trigger(on="task-succeeded", nth=9))
    conducted(shop, Experiment("vain", "sales", (Send("shop.sell"),), (late,), settle_within_s=20.0))
    (ended,) = of(shop, "experiment-ended", "vain")
    assert ended.get("unstruck") == ["no_op"]
    (verdict,) = unless_unstruck([Verdict("g", "t", Outcome.KEPT, "", "")], History(Header(), (ended,)))
    assert (verdict.outcome, verdict.observed) == (
        Outcome.UNKNOWN,
        "never struck: no_op of vain: its trigger did not come",
    )
