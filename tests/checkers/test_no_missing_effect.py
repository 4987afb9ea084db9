"""`no_missing_effect`: a task that says that it is done has done it."""

from __future__ import annotations

import pytest

from harness.checkers.no_missing_effect import NoMissingEffect
from harness.contract import Contract, Effect, Sample, Tier
from harness.history import History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import MAIL, PAY, effect, failed, life, run, sent, started

SAMPLES = {PAY: Sample(args=(1,)), MAIL: Sample(body="stub")}


def judged(history: History, counts: str = "row:app.Row", at_least: int = 1) -> Verdict | None:
    tier = Tier("critical", ("payroll.*",), effect=Effect(counts, 9, at_least), members=(PAY, MAIL))
    return NoMissingEffect().verdict(Contract((tier,), samples=SAMPLES), tier, history)


def outcome(history: History, counts: str = "row:app.Row", at_least: int = 1) -> Outcome:
    verdict = judged(history, counts, at_least)
    assert verdict is not None
    return verdict.outcome


def test_kept_where_each_task_that_succeeded_has_had_its_effect() -> None:
    verdict = judged(run(life("a", PAY, 0.0), effect("a", PAY, 0.25)))
    assert verdict is not None
    assert (verdict.outcome, verdict.observed) == (Outcome.KEPT, "1 task succeeded, each with the effect")


def test_broken_where_one_has_not_with_the_task_as_the_witness() -> None:
    history = run(life("a", PAY, 0.0), effect("a", PAY, 0.25), life("b", PAY, 1.0))
    verdict = judged(history)
    assert verdict is not None
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.observed == f"1 task of {PAY} succeeded with the effect (row:app.Row) had 0 times"
    assert {history.events[place].task_id for place in verdict.events} == {"b"}


def test_more_than_one_can_be_promised() -> None:
    assert outcome(run(life("a", PAY, 0.0), effect("a", PAY, 0.25)), at_least=2) is Outcome.BROKEN


def test_other_effects_do_not_count_and_patterns_do() -> None:
    mailed = run(life("a", PAY, 0.0), effect("a", PAY, 0.25, "mail", "boss@example.com"))
    assert outcome(mailed) is Outcome.BROKEN
    assert outcome(mailed, "mail") is Outcome.KEPT
    assert outcome(mailed, "mail:boss@*") is Outcome.KEPT
    assert outcome(mailed, "mail:staff@*") is Outcome.BROKEN


def test_unknown_where_none_succeeded_with_its_own_code() -> None:
    assert outcome(run()) is Outcome.UNKNOWN
    assert outcome(run(life("m", MAIL, 0.0))) is Outcome.UNKNOWN
    ended = run(sent("a", PAY, 0.0), started("a", PAY, 0.1), failed("a", PAY, 0.2))
    assert outcome(ended) is Outcome.UNKNOWN
    stubbed = run(sent("a", PAY, 0.0, body={"stub": True}), life("a", PAY, 0.0)[1:])
    assert outcome(stubbed) is Outcome.UNKNOWN


def test_nothing_is_judged_where_nothing_is_promised() -> None:
    assert judged(run(), at_least=0) is None


@pytest.mark.parametrize("counts", ["row:app.Row", "body"])
def test_it_is_put_to_the_test_by_the_steady_state(counts: str) -> None:
    tier = Tier("critical", ("payroll.*",), effect=Effect(counts, 1, 1), members=(PAY,))
    (experiment,) = NoMissingEffect().experiments(Contract((tier,), samples=SAMPLES), tier)
    assert (experiment.name, experiment.strikes) == ("steady/critical", ())
