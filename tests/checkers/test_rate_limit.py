"""`rate_limit`: a burst starts at the promised rate, over all workers or in each."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.rate_limit import RateLimit
from harness.contract import Contract, Limits, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Send
from tests.checkers.histories import PAY, entered, event, option, run, sent, started

TIER = Tier("critical", ("payroll.*",), members=(PAY,), queue="critical", limits=Limits(rate="60/m"))
EACH = Tier("critical", ("payroll.*",), members=(PAY,), limits=Limits(rate="60/m", rate_scope="worker"))
LIMITED = {"tasks": {PAY: {"rate_limit": option("60/m")}}}


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = RateLimit().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def burst(number: int, every_s: float, *, workers: int = 1, count: int = 30) -> list[Event]:
    """`count` publishes at once, then `number` pairs of start and body, one pair each `every_s`."""
    events = [sent(f"t{n}", PAY, 0.0, "rate_limit/critical") for n in range(count)]
    for n in range(number):
        at_s = 1.0 + n * every_s
        events.append(started(f"t{n}", PAY, at_s, worker=f"w{n % workers}"))
        events.append(entered(f"t{n}", PAY, at_s))
    return events


def test_kept_where_the_starts_keep_the_rate() -> None:
    verdict = judged(run(burst(30, 1.0)))
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, "30 starts in 29 s")
    assert verdict.events == tuple(range(31, 31 + 24, 2))


def test_broken_where_two_workers_each_take_the_rate() -> None:
    verdict = judged(run(burst(30, 0.5, workers=2), settings=LIMITED))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.events == tuple(range(31, 31 + 24, 2))
    assert verdict.observed == "30 starts of payroll.tasks.pay in 14.5 s, promised is 60/m"
    assert verdict.blame == "rate_limit = '60/m' counts per worker, and 2 workers run payroll.tasks.pay"
    assert verdict.mend == "one worker for critical, or a token bucket that all workers share"


def test_the_same_starts_keep_a_rate_that_is_promised_for_each_worker() -> None:
    assert judged(run(burst(30, 0.5, workers=2)), EACH).outcome is Outcome.KEPT
    assert judged(run(burst(30, 0.25, workers=2)), EACH).outcome is Outcome.BROKEN


def test_broken_where_no_limit_is_set() -> None:
    verdict = judged(run(burst(30, 0.01)))
    assert (verdict.outcome, verdict.blame) == (Outcome.BROKEN, "rate_limit is not set for payroll.tasks.pay")
    assert verdict.mend == 'rate_limit="60/m"'


def test_starts_of_the_same_task_from_elsewhere_count_too() -> None:
    others = [entered(f"o{n}", PAY, 1.5 + n) for n in range(29)]
    assert judged(run(burst(30, 1.0), others)).outcome is Outcome.BROKEN


def test_unknown_without_a_burst_or_with_one_too_small_or_unfinished() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    assert judged(run(burst(3, 1.0, count=3))).outcome is Outcome.UNKNOWN
    assert judged(run(burst(29, 1.0))).observed == "1 of 30 tasks never started"
    assert judged(run(burst(0, 1.0))).outcome is Outcome.UNKNOWN


def test_the_burst_lasts_half_as_long_again_as_twenty_seconds_or_ten_tasks() -> None:
    (one,) = RateLimit().experiments(Contract((TIER,)), TIER)
    assert (one.name, one.phase) == ("rate_limit/critical", "limits")
    assert one.sends == (Send(PAY, Body(stub=True), count=30),)
    slow = Tier("low", ("*",), members=(PAY,), limits=Limits(rate="20/m"))
    (one,) = RateLimit().experiments(Contract((slow,)), slow)
    assert (one.sends[0].count, one.settle_within_s) == (10, 210.0)


def test_broken_where_the_rate_is_kept_on_average_alone() -> None:
    late = [replace(e, at_s=31.0 + (e.at_s - 2.0) / 100) if e.at_s > 1.0 else e for e in burst(30, 1.0)]
    verdict = judged(run(late))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == "29 starts of payroll.tasks.pay in 0.28 s, promised is 60/m"
    noted = event("clock-bent", 40.0, late_s=1.0, since_s=30.0)
    assert judged(run(late, noted)).outcome is Outcome.UNKNOWN


def test_kept_where_children_without_a_processor_start_a_few_together() -> None:
    bunch = [replace(e, at_s=max(e.at_s, 15.0)) if 11.0 <= e.at_s <= 15.0 else e for e in burst(30, 1.0)]
    assert judged(run(bunch)).outcome is Outcome.KEPT
