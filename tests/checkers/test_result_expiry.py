"""`result_expiry`: results live as long as promised."""

from __future__ import annotations

from harness.checkers.result_expiry import ResultExpiry
from harness.contract import Contract, Result, Retry, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Send
from tests.checkers.histories import PAY, event, failed, option, run, succeeded

TIER = Tier("critical", ("payroll.*",), members=(PAY,), result=Result(expires_s=3600))
BOTH = Tier(
    "critical", ("payroll.*",), members=(PAY,), result=Result(expires_s=3600, failure_expires_s=604_800)
)


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = ResultExpiry().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def stored(task_id: str, ttl_s: float | None, status: str = "SUCCESS") -> Event:
    return event("result-stored", 1.0, task_id, status=status, ttl_s=ttl_s)


def test_kept_where_the_server_reports_the_promised_life() -> None:
    verdict = judged(run(succeeded("a", PAY, 0.0), stored("a", 3599.9)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1,))
    assert verdict.observed == "1 SUCCESS result with 3600 s to live"


def test_a_state_on_the_way_is_not_a_result() -> None:
    verdict = judged(run(succeeded("a", PAY, 0.0), stored("a", 86_400, "STARTED"), stored("a", 3600)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (2,))


def test_broken_where_results_never_expire() -> None:
    verdict = judged(
        run(succeeded("a", PAY, 0.0), stored("a", None), settings={"conf": {"result_expires": option(0)}})
    )
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "a SUCCESS result (a) never expires, promised are 3600 s"
    assert (verdict.blame, verdict.mend) == ("result_expires = 0", "result_expires = 3600")


def test_the_tolerance_is_two_seconds_or_one_percent() -> None:
    assert judged(run(succeeded("a", PAY, 0.0), stored("a", 3636))).outcome is Outcome.KEPT
    assert judged(run(succeeded("a", PAY, 0.0), stored("a", 3637))).outcome is Outcome.BROKEN
    short = Tier("critical", ("payroll.*",), members=(PAY,), result=Result(expires_s=10))
    assert judged(run(succeeded("a", PAY, 0.0), stored("a", 8)), short).outcome is Outcome.KEPT
    assert judged(run(succeeded("a", PAY, 0.0), stored("a", 7.9)), short).outcome is Outcome.BROKEN


def test_broken_where_failures_expire_with_the_rest() -> None:
    history = run(
        succeeded("a", PAY, 0.0), stored("a", 3600), failed("b", PAY, 0.0), stored("b", 3600, "FAILURE")
    )
    verdict = judged(history, BOTH)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (3,))
    assert verdict.blame.startswith("result_failure_expires is not set")


def test_broken_where_a_result_went_too_early() -> None:
    gone = event("result-gone", 700.0, "a", status="SUCCESS", age_s=699.0)
    verdict = judged(run(succeeded("a", PAY, 0.0), stored("a", 3600), gone))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (2,))
    assert verdict.observed == "a result was gone after 699 s, promised are 3600 s"


def test_broken_where_results_are_ignored() -> None:
    settings = {"tasks": {PAY: {"ignore_result": option(True)}}}
    verdict = judged(run(succeeded("a", PAY, 0.0), settings=settings))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (0,))
    assert verdict.blame == "ignore_result is on for payroll.tasks.pay (task_ignore_result)"
    settings = {"tasks": {PAY: {"ignore_result": option(False)}}}
    assert judged(run(succeeded("a", PAY, 0.0), settings=settings)).blame == "no result backend took it"


def test_unknown_where_no_task_ended_so() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    half = judged(run(succeeded("a", PAY, 0.0), stored("a", 3600)), BOTH)
    assert (half.outcome, half.observed) == (Outcome.UNKNOWN, "no task of the tier failed")


def test_the_experiment_fails_a_task_where_failures_have_a_life_of_their_own() -> None:
    (one,) = ResultExpiry().experiments(Contract((TIER,)), TIER)
    assert (one.name, one.sends) == ("result_expiry/critical", (Send(PAY, Body(stub=True)),))
    tier = Tier(
        "c", ("*",), members=(PAY,), result=Result(failure_expires_s=1), retry=Retry(not_on=("mail",))
    )
    (one,) = ResultExpiry().experiments(Contract((tier,)), tier)
    assert one.sends[1] == Send(PAY, Body(stub=True, raises="mail"))
