"""`dead_letter_only_failed`: what succeeded leaves no letter."""

from __future__ import annotations

from harness.checkers.dead_letter_only_failed import DeadLetterOnlyFailed
from harness.contract import Contract, DeadLetter, Retry, Tier
from harness.history import History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Send
from tests.checkers.histories import PAY, dead_lettered, ladder, life, run

PLAIN = Tier("critical", ("payroll.*",), members=(PAY,), dead_letter=DeadLetter("table:dead"))
TIER = Tier(
    "critical",
    ("payroll.*",),
    members=(PAY,),
    dead_letter=DeadLetter("table:dead"),
    retry=Retry(("mail",), (), 3),
)


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = DeadLetterOnlyFailed().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def test_kept_where_a_task_that_recovered_left_none() -> None:
    verdict = judged(run(ladder("a", PAY, 0.0, "x/critical", [30], ends="succeeded")))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (9,))
    assert verdict.observed == "1 task succeeded and left no letter, 1 of them late"


def test_broken_where_a_letter_was_filed_before_the_last_attempt() -> None:
    history = run(ladder("a", PAY, 0.0, "x/critical", [30], ends="succeeded"), dead_lettered("a", PAY, 1.0))
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (10, 6))
    assert verdict.observed == "payroll.tasks.pay succeeded and left a dead letter"
    assert verdict.blame == "what files the letter runs before the last attempt has failed"


def test_unknown_where_no_task_recovered_though_retries_are_promised() -> None:
    assert judged(run(life("a", PAY, 0.0, "steady/critical"))).outcome is Outcome.UNKNOWN
    assert judged(run(life("a", PAY, 0.0, "steady/critical", ends="failed"))).outcome is Outcome.UNKNOWN


def test_a_plain_success_is_enough_where_no_retry_is_promised() -> None:
    verdict = judged(run(life("a", PAY, 0.0, "steady/critical")), PLAIN)
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (4,))


def test_the_experiment_recovers_after_one_failure() -> None:
    (one,) = DeadLetterOnlyFailed().experiments(Contract((TIER,)), TIER)
    assert one.name == "dead_letter_only_failed/critical"
    assert one.sends == (Send(PAY, Body(stub=True, raises="mail", failing_attempts=1)),)
    assert list(DeadLetterOnlyFailed().experiments(Contract((PLAIN,)), PLAIN)) == []
