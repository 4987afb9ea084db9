"""`retry_delays`: inside the envelope, and spread as promised."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from harness.checkers._chance import distance_from_uniform
from harness.checkers.retry_delays import RetryDelays
from harness.contract import Contract, Delay, Jitter, Limits, Retry, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import (
    PAY,
    clock_bent,
    event,
    ladder,
    life,
    option,
    run,
    sent,
    started,
    succeeded,
    worker_ready,
)

NAME = "retry_cap/critical"


def tier(jitter: Jitter = "bounded", max_retries: int | None = 2) -> Tier:
    delay = Delay(base_s=30.0, cap_s=300.0, jitter=jitter)
    return Tier("critical", ("payroll.*",), retry=Retry(("mail",), (), max_retries, delay), members=(PAY,))


def judged(history: History, promised: Tier) -> Verdict:
    verdict = RetryDelays().verdict(Contract((promised,)), promised, history)
    assert verdict is not None
    return verdict


def climbs(*ladders: list[float], ends: str | None = "failed") -> list[Event]:
    events = []
    for place, delays_s in enumerate(ladders):
        events += ladder(f"task-{place}", PAY, 0.0, NAME, delays_s, ends=ends)
    return events


def drawn(low: float, high: float, *, tasks: int = 12, seed: int = 1) -> list[list[float]]:
    """Two retries for each task, at shares of 30 s and 60 s drawn between low and high."""
    chance = random.Random(seed)
    return [[30.0 * chance.uniform(low, high), 60.0 * chance.uniform(low, high)] for _ in range(tasks)]


def test_kept_without_jitter_where_each_delay_is_the_promised_one() -> None:
    verdict = judged(run(climbs([30.0, 60.1])), tier("none"))
    assert verdict.outcome is Outcome.KEPT
    assert verdict.promised == "retries come after 30 s, 60 s (exponential, no jitter)"
    assert verdict.observed == (
        "retry 1: promised 30 s, observed 30.0 s (1x); retry 2: promised 60 s, observed 60.1 s (1x)"
    )
    assert verdict.events == (5, 6, 10, 11)


@pytest.mark.parametrize("first_s", [29.8, 30.0, 32.3])
def test_kept_within_the_tolerances(first_s: float) -> None:
    assert judged(run(climbs([first_s, 60.0])), tier("none")).outcome is Outcome.KEPT


@pytest.mark.parametrize("first_s", [29.7, 32.4, 0.0])
def test_broken_outside_the_tolerances(first_s: float) -> None:
    assert judged(run(climbs([first_s, 60.0])), tier("none")).outcome is Outcome.BROKEN


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize(("jitter", "low"), [("bounded", 0.5), ("full", 0.0)])
def test_kept_where_the_jitter_is_real_whatever_the_seed(jitter: Jitter, low: float, seed: int) -> None:
    verdict = judged(run(climbs(*drawn(low, 1.0, seed=seed))), tier(jitter))
    assert verdict.outcome is Outcome.KEPT
    assert "spread evenly" in verdict.observed


def test_kept_where_jitter_comes_in_whole_seconds() -> None:
    chance = random.Random(3)
    whole = [[float(chance.randrange(31)), float(chance.randrange(61))] for _ in range(12)]
    assert judged(run(climbs(*whole)), tier("full")).outcome is Outcome.KEPT


def test_broken_by_what_an_unconfigured_celery_does() -> None:
    settings: dict[str, Any] = {
        "tasks": {
            PAY: {"default_retry_delay": option(180, "celery.app.task.Task"), "retry_backoff": option(False)}
        }
    }
    verdict = judged(run(climbs(*[[180.0, 180.0]] * 12), settings=settings), tier())
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == (
        "retry 1: promised 15-30 s, observed 180.0 s (12x); retry 2: promised 30-60 s, observed 180.0 s (12x)"
    )
    assert verdict.blame == (
        f"{PAY} has no retry_backoff; default_retry_delay = 180 (celery.app.task.Task) (celery/app/task.py)"
    )
    assert verdict.mend
    assert len(verdict.events) == 12


def test_broken_where_full_jitter_stands_for_bounded() -> None:
    settings: dict[str, Any] = {"tasks": {PAY: {"retry_backoff": option(30), "retry_jitter": option(True)}}}
    verdict = judged(run(climbs([2.0, 45.0], [20.0, 58.0]), settings=settings), tier())
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == "retry 1: promised 15-30 s, observed 2.0 s (1x)"
    assert verdict.events == (5, 12)
    assert "Celery's jitter is full" in verdict.blame


def test_broken_by_a_delay_of_zero_under_a_bounded_jitter_however_short() -> None:
    promised = Tier(
        "critical", ("*",), retry=Retry(("mail",), (), 1, Delay(base_s=0.2, jitter="bounded")), members=(PAY,)
    )
    assert judged(run(climbs([0.0])), promised).outcome is Outcome.BROKEN


@pytest.mark.parametrize("share", [0.5, 0.75, 1.0])
def test_broken_where_all_delays_are_equal(share: float) -> None:
    verdict = judged(run(climbs(*[[30.0 * share, 60.0 * share]] * 12)), tier())
    assert verdict.outcome is Outcome.BROKEN
    assert "retry 1 always after the same time: no bounded jitter" in verdict.observed


def test_broken_where_the_delays_gather_at_one_end() -> None:
    verdict = judged(run(climbs(*drawn(0.85, 1.0, tasks=20))), tier("full"))
    assert verdict.outcome is Outcome.BROKEN
    assert "unevenly spread" in verdict.observed


def test_broken_where_a_task_fails_for_good_without_a_retry() -> None:
    verdict = judged(run(life("a", PAY, 0.0, NAME, ends="failed")), tier())
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0, 1, 3, 5))
    assert verdict.observed == f"{PAY} failed for good without a retry"


def test_broken_where_the_retry_has_not_begun_long_after_its_time() -> None:
    begun = ladder("a", PAY, 0.0, NAME, [3600.0], ends=None)[:-2]
    verdict = judged(run(begun, sent("z", "other", 600.0)), tier())
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (5,))
    assert verdict.observed == "retry 1: promised 15-30 s, did not start (1x)"


def test_unknown_where_the_retry_may_still_come() -> None:
    begun = ladder("a", PAY, 0.0, NAME, [30.0], ends=None)[:-2]
    verdict = judged(run(begun, sent("z", "other", 20.0)), tier())
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == "retry 1: promised 15-30 s, did not start (1x) when the record ends"


def test_unknown_where_a_bent_clock_made_the_retry_late() -> None:
    verdict = judged(run(climbs([50.0, 60.0]), clock_bent(49.0, late_s=20.0)), tier("none"))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed == (
        "retry 1: promised 30 s, observed 50.0 s (1x); but the stage's clock was bent meanwhile"
    )


def test_a_bent_clock_excuses_no_delay_that_is_too_short_nor_one_at_another_time() -> None:
    early = run(climbs([10.0, 60.0]), clock_bent(9.0, late_s=20.0))
    assert judged(early, tier("none")).outcome is Outcome.BROKEN
    elsewhere = run(climbs([50.0, 60.0]), clock_bent(105.0, late_s=1.0))
    assert judged(elsewhere, tier("none")).outcome is Outcome.BROKEN


def test_unknown_where_too_few_retries_were_seen_to_tell_jitter() -> None:
    verdict = judged(run(climbs([20.0, 40.0])), tier())
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith("2 retries are too few to tell jitter from none")


@pytest.mark.parametrize("history", [run(), run(sent("a", PAY, 0.0, NAME))])
def test_unknown_where_nothing_was_retried(history: History) -> None:
    assert judged(history, tier()).outcome is Outcome.UNKNOWN


def test_it_judges_the_experiment_of_the_retry_cap() -> None:
    (experiment,) = RetryDelays().experiments(Contract((tier(),)), tier())
    assert experiment.name == NAME
    (endless,) = RetryDelays().experiments(Contract((tier(),)), tier(max_retries=None))
    assert {s.body.failing_attempts for s in endless.sends} == {4}


def test_nothing_is_promised_without_an_envelope() -> None:
    assert RetryDelays().promise(Tier("low", ("*",), retry=Retry(("mail",), max_retries=1))) is None
    assert RetryDelays().promise(tier(max_retries=0)) is None


def test_the_distance_from_uniform_is_that_of_kolmogorov_and_smirnov() -> None:
    assert distance_from_uniform([1.0] * 5) == 1.0
    assert distance_from_uniform([0.5]) == 0.5
    assert distance_from_uniform([0.25, 0.75]) == 0.25
    assert distance_from_uniform([]) == 0.0


def short(base_s: float, jitter: Jitter = "full") -> Tier:
    delay = Delay(shape="fixed", base_s=base_s, jitter=jitter)
    return Tier("critical", ("payroll.*",), retry=Retry(("mail",), (), 1, delay), members=(PAY,))


def test_unknown_where_a_short_jitter_may_well_give_the_same_delay_every_time() -> None:
    verdict = judged(run(climbs(*[[2.0]] * 12)), short(2.0))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith("12 retries are too few to tell jitter from none")
    drawn_s = [[float(number % 3)] for number in range(12)]
    assert judged(run(climbs(*drawn_s)), short(2.0)).outcome is Outcome.KEPT


def test_broken_where_bounded_jitter_stands_for_full() -> None:
    verdict = judged(run(climbs(*drawn(0.5, 1.0, tasks=14))), tier("full"))
    assert verdict.outcome is Outcome.BROKEN
    assert "never in the first 5" in verdict.observed


def test_kept_where_a_spread_of_nothing_is_promised() -> None:
    delay = Delay(base_s=30.0, jitter="bounded", spread=0.0)
    promised = Tier("critical", ("*",), retry=Retry(("mail",), (), 1, delay), members=(PAY,))
    assert judged(run(climbs([30.0])), promised).outcome is Outcome.KEPT


def test_the_spread_is_that_of_the_delays_asked_for_not_of_a_queue() -> None:
    limited = replace(tier("bounded", 1), limits=Limits(rate="10/m"))
    events: list[Event] = []
    chance = random.Random(5)
    for place in range(14):
        asked_s = chance.uniform(15.0, 30.0)
        late = [e if e.get("retries") == 0 else replace(e, at_s=max(e.at_s, 30.0 + 5.0 * place))
                for e in ladder(f"task-{place}", PAY, 0.0, NAME, [asked_s])]  # fmt: skip
        events += late
    assert judged(run(events), limited).outcome is Outcome.KEPT


def test_unknown_where_a_promised_retry_was_never_made() -> None:
    verdict = judged(run(climbs([30.0])), tier("none", 3))
    assert verdict.outcome is Outcome.UNKNOWN
    assert verdict.observed.endswith("2 retries of 3 never made, from retry 2 on")


def test_a_task_that_failed_for_a_reason_of_its_own_says_nothing() -> None:
    events = [e for e in life("a", PAY, 0.0, NAME, ends="failed") if e.kind != "fault-injected"]
    assert judged(run(events), tier()).outcome is Outcome.UNKNOWN


def test_nobody_is_to_blame_for_the_time_in_which_the_worker_was_busy_with_others() -> None:
    waiting = climbs([45.0, 60.0])
    asked = [replace(e, data={**e.data, "countdown_s": 30.0}) if e.get("countdown_s") == 45.0 else e
             for e in waiting]  # fmt: skip
    other = [sent("z", "core.long", 20.0), started("z", "core.long", 20.0), succeeded("z", "core.long", 44.0)]
    ready = worker_ready(0.0)
    assert judged(run(ready, asked, other), tier("none")).outcome is Outcome.KEPT
    assert judged(run(ready, asked), tier("none")).outcome is Outcome.BROKEN
    elsewhere = [replace(e, data={**e.data, "worker": "w2"}) for e in other]
    assert judged(run(ready, asked, elsewhere), tier("none")).outcome is Outcome.BROKEN


@pytest.mark.parametrize(("taken_s", "outcome"), [(44.0, Outcome.KEPT), (0.1, Outcome.BROKEN)])
def test_nor_for_the_time_in_which_the_message_lay_behind_others_in_its_queue(
    taken_s: float, outcome: Outcome
) -> None:
    """Tasks that wait for a token of their rate fill the prefetch; a message taken early is not excused."""
    waiting = climbs([45.0, 60.0])
    asked = [replace(e, data={**e.data, "countdown_s": 30.0}) if e.get("countdown_s") == 45.0 else e
             for e in waiting]  # fmt: skip
    taken = event("message-delivered", taken_s, "task-0", PAY, worker="w1")
    assert judged(run(worker_ready(0.0), asked, taken), tier("none")).outcome is outcome


def test_a_clock_that_bent_long_before_the_guard_looked_excuses_too() -> None:
    noted = event("clock-bent", 150.0, late_s=1.0, since_s=10.0)
    assert judged(run(climbs([50.0, 60.0]), noted), tier("none", 2)).outcome is Outcome.UNKNOWN
    later = event("clock-bent", 150.0, late_s=1.0, since_s=60.0)
    assert judged(run(climbs([50.0, 60.0]), later), tier("none", 2)).outcome is Outcome.BROKEN
