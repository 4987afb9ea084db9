"""`priority_order`: who waits at the same time for the same worker, and who is given out first."""

from __future__ import annotations

from typing import Any

from harness.checkers.priority_order import PriorityOrder
from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import event, option, run, sent, started

HIGH, LOW = "payroll.pay", "core.report"
TOP = Tier("critical", ("payroll.*",), queue="critical", urgency=9, members=(HIGH,))
BOTTOM = Tier("low", ("core.*",), queue="low", urgency=2, members=(LOW,))
CONTRACT = Contract((TOP, BOTTOM))
RESUMED = event("fault-healed", 5.0, fault="worker_pause")


def judged(history: History, tier: Tier = TOP) -> Verdict:
    verdict = PriorityOrder().verdict(CONTRACT, tier, history)
    assert verdict is not None
    return verdict


def waits(
    task_id: str, task: str, sent_s: float, given_s: float, worker: str = "w1", **data: Any
) -> list[Event]:
    """A message from its publish to its start: three events."""
    return [
        sent(task_id, task, sent_s, "priority_order/critical", **data),
        event("message-delivered", given_s, task_id, task, worker=worker),
        started(task_id, task, given_s + 0.01, worker=worker),
    ]


def priorities(high: int | None, low: int | None, **conf: Any) -> dict[str, Any]:
    values = {name: option(value) for name, value in conf.items()}
    return {"conf": values, "tasks": {HIGH: {"priority": high}, LOW: {"priority": low}}}


def test_kept_where_the_shared_worker_is_given_the_urgent_first() -> None:
    history = run(waits("l", LOW, 1.0, 5.2), waits("h", HIGH, 1.5, 5.1), RESUMED, broker="redis")
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1, 5, 3))
    assert verdict.observed == "critical before low"
    assert judged(history, BOTTOM).outcome is Outcome.KEPT


def test_broken_where_a_less_urgent_one_overtakes() -> None:
    history = run(
        waits("l1", LOW, 1.0, 5.1),
        waits("l2", LOW, 1.0, 5.2),
        waits("h", HIGH, 1.5, 5.3),
        broker="redis",
        settings=priorities(9, 2),
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2, 5, 7))
    assert verdict.observed == "low before critical: 1 task overtook"
    assert verdict.blame == "priority = 9 on Redis: 0 is the highest there, and so is no priority"
    assert judged(history, BOTTOM).outcome is Outcome.BROKEN


def test_the_blame_is_the_shared_worker_where_no_number_is_wrong() -> None:
    low = [waits(f"l{n}", LOW, 1.0, 5.1 + n / 10) for n in range(2)]
    verdict = judged(run(*low, waits("h", HIGH, 1.5, 5.3), broker="redis", settings=priorities(None, None)))
    assert verdict.blame == "worker w1 consumes both queues, in turn: priority never crosses queues"


def test_what_the_worker_may_have_been_given_before_the_pause_is_left_out() -> None:
    first = [waits("l", LOW, 1.0, 5.1), waits("h", HIGH, 1.5, 5.2)]
    assert judged(run(*first, broker="redis")).outcome is Outcome.UNKNOWN
    ready = event("worker-ready", 0.0, worker="w1", concurrency=2)
    low = [waits(f"l{n}", LOW, 1.0, 5.1 + n / 100) for n in range(3)]
    settings = priorities(None, None, worker_prefetch_multiplier=1)
    verdict = judged(run(ready, *low, waits("h", HIGH, 1.5, 5.2), broker="rabbitmq", settings=settings))
    assert verdict.observed == "low before critical: 1 task overtook"


def test_one_that_was_published_after_the_delivery_did_not_wait() -> None:
    low = [waits(f"l{n}", LOW, 1.0, 5.1 + n / 10) for n in range(2)]
    assert judged(run(*low, waits("h", HIGH, 6.0, 6.1), broker="redis")).outcome is Outcome.UNKNOWN


def test_tiers_with_workers_of_their_own_must_not_wait_for_each_other() -> None:
    low = waits("l", LOW, 1.0, 5.1, "w2")
    verdict = judged(run(low, waits("h", HIGH, 1.5, 5.2), RESUMED, broker="redis"))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (6, 4))
    assert verdict.observed == "critical and low have workers of their own"
    verdict = judged(run(low, waits("h", HIGH, 1.5, 20.0), RESUMED, broker="redis"))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (6, 4))
    assert verdict.observed == "critical began 10.01 s after the backlog of low was done"


def within(zero_s: float, nine_s: float) -> list[Event]:
    zeros = [waits(f"z{n}", HIGH, 1.0, zero_s + n / 100, options={"priority": 0}) for n in range(2)]
    nine = waits("n", HIGH, 1.1, nine_s)
    low = waits("l", LOW, 1.0, 9.0, "w2")
    return [e for group in [*zeros, nine, low] for e in group]


def test_broken_where_priority_zero_overtakes_nine_in_one_queue() -> None:
    verdict = judged(run(within(5.1, 5.3), RESUMED, broker="redis", settings=priorities(9, 2)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3, 7, 9))
    assert verdict.observed == "priority 0 before 9 within critical: 1 task overtook"
    assert verdict.blame == "priority = 9 on Redis: 0 is the highest there, and so is no priority"
    history = run(within(5.1, 5.3), RESUMED, broker="rabbitmq", settings=priorities(9, 2))
    assert judged(history).blame == "queue critical has no x-max-priority, so its priorities are ignored"


def test_kept_where_nine_comes_before_priority_zero() -> None:
    verdict = judged(run(within(5.3, 5.1), RESUMED, broker="rabbitmq", settings=priorities(9, 2)))
    assert verdict.outcome is Outcome.KEPT
    assert (
        verdict.observed == "critical and low have workers of their own; priority 9 before 0 within critical"
    )


def test_the_order_within_a_queue_is_not_judged_without_a_number_or_where_lower_ones_are_urgent() -> None:
    for settings in (priorities(None, None), priorities(0, 6), priorities(3, 6), {}):
        history = run(within(5.1, 5.3), RESUMED, broker="redis", settings=settings)
        assert judged(history).observed == "critical and low have workers of their own"


def test_unknown_where_nothing_competed() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    alone = PriorityOrder().verdict(Contract((TOP,)), TOP, run())
    assert alone is not None
    assert alone.observed == "no tier of another urgency competes with this one"


def test_one_experiment_fills_the_queues_from_the_least_urgent_up() -> None:
    (one,) = PriorityOrder().experiments(CONTRACT, BOTTOM)
    assert (one.name, one.tier, one.phase) == ("priority_order/critical", "critical", "limits")
    assert [(s.task, s.at_s, s.count, dict(s.options)) for s in one.sends] == [
        (LOW, 1.0, 4, {"priority": 0}),
        (LOW, 1.1, 4, {}),
        (HIGH, 1.5, 4, {"priority": 0}),
        (HIGH, 1.6, 4, {}),
    ]
    assert one.strikes[0].settings == {"queues": ["critical", "low"]}
    assert one.strikes[0].when.heal_after_s == 5.0
