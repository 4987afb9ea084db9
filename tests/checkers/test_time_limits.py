"""`time_limits`: a run is interrupted at the soft limit and killed at the hard one."""

from __future__ import annotations

from typing import Any

from harness.checkers.time_limits import TimeLimits
from harness.contract import Contract, Limits, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, child_lost, entered, event, failed, left, option, run, sent

TIER = Tier("critical", ("payroll.*",), members=(PAY,), limits=Limits(hard_s=600, soft_s=540))
SOFT = Tier("critical", ("payroll.*",), members=(PAY,), limits=Limits(soft_s=540))
HARD = Tier("critical", ("payroll.*",), members=(PAY,), limits=Limits(hard_s=600))


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = TimeLimits().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def began(
    task_id: str = "a", *, ignores_soft: bool = False, hold_s: float = 660, pid: int = 1
) -> list[Event]:
    """The publish of a body that waits, and its beginning: two events."""
    body: dict[str, Any] = {"stub": True, "hold_s": hold_s, "ignores_soft": ignores_soft}
    return [sent(task_id, PAY, 0.0, "time_limits/critical", body=body), entered(task_id, PAY, 1.0, pid=pid)]


def interrupted(at_s: float, task_id: str = "a") -> Event:
    return left(task_id, PAY, at_s, error_type="SoftTimeLimitExceeded")


def killed(at_s: float, task_id: str = "b") -> Event:
    return failed(task_id, PAY, at_s, error_type="TimeLimitExceeded", where="worker")


def test_kept_where_both_limits_are_enforced() -> None:
    verdict = judged(run(began(), interrupted(541.5), began("b", ignores_soft=True), killed(601.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (2, 4, 3, 5))
    assert verdict.observed == "1 run interrupted after 540.5 s; 1 run killed after 600 s"


def test_a_lost_child_is_a_killed_run_by_task_id_or_by_pid() -> None:
    by_id = event("child-lost", 601.0, "b", PAY, worker="w1")
    assert judged(run(began("b"), by_id), HARD).outcome is Outcome.KEPT
    assert judged(run(began("b", pid=7), child_lost(601.0, pid=7)), HARD).outcome is Outcome.KEPT


def test_broken_where_the_run_goes_on_to_its_end() -> None:
    verdict = judged(run(began(), left("a", PAY, 661.0)), SOFT)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed == "a run ran 660 s to its end; promised is to be interrupted after 540 s"
    assert (verdict.blame, verdict.mend) == (
        "task_soft_time_limit is not set",
        "soft_time_limit=540 on the task",
    )


def test_broken_where_a_global_limit_is_in_force_instead() -> None:
    settings = {"conf": {"task_time_limit": option(300)}}
    verdict = judged(run(began("b"), killed(301.0), settings=settings), HARD)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed == "a run ran 300 s until killed; promised is to be killed after 600 s"
    assert verdict.blame == "time_limit in force for payroll.tasks.pay is 300"


def test_broken_where_the_pool_enforces_none() -> None:
    ready = event("worker-ready", 0.0, worker="w1", pool="thread", queues=["critical"])
    verdict = judged(run(ready, began(), left("a", PAY, 661.0)), SOFT)
    assert verdict.blame == "the pool thread does not enforce task_soft_time_limit"
    assert verdict.mend == "celery worker -P prefork"


def test_broken_where_a_run_is_still_in_its_body_at_the_end() -> None:
    verdict = judged(run(began("b"), event("experiment-ended", 900.0)), HARD)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "a run is still in its body; promised is to be killed after 600 s"


def test_broken_where_a_run_is_killed_without_the_promised_warning() -> None:
    verdict = judged(run(began("b"), killed(601.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert "until killed; promised is to be interrupted" in verdict.observed


def test_the_tolerance_is_one_percent() -> None:
    assert judged(run(began(), interrupted(546.4)), SOFT).outcome is Outcome.KEPT
    assert judged(run(began(), interrupted(546.5)), SOFT).outcome is Outcome.BROKEN
    assert judged(run(began(), interrupted(535.0)), SOFT).outcome is Outcome.BROKEN


def test_unknown_where_no_run_was_long_enough_or_only_one_limit_was_tested() -> None:
    assert judged(run()).outcome is Outcome.UNKNOWN
    assert judged(run(began(hold_s=20), left("a", PAY, 21.0)), SOFT).outcome is Outcome.UNKNOWN
    assert judged(run(began(), interrupted(541.0))).observed == "no run of the tier outlasted the hard limit"
    short = run(began(), event("experiment-ended", 100.0))
    assert judged(short, SOFT).observed == "the record ends before the soft limit of a run"


def test_one_body_respects_the_soft_limit_and_one_ignores_it() -> None:
    (one,) = TimeLimits().experiments(Contract((TIER,)), TIER)
    assert (one.name, one.phase, one.settle_within_s) == ("time_limits/critical", "limits", 1440)
    assert [(s.body.hold_s, s.body.ignores_soft) for s in one.sends] == [(660, False), (660, True)]


def test_unknown_where_the_clock_was_bent_meanwhile() -> None:
    bent = event("clock-bent", 560.0, late_s=20.0, since_s=500.0)
    assert judged(run(began(), interrupted(551.0), bent), SOFT).outcome is Outcome.UNKNOWN
    assert judged(run(began(), interrupted(551.0)), SOFT).outcome is Outcome.BROKEN
    assert judged(run(began(), interrupted(541.0), bent), SOFT).outcome is Outcome.KEPT
    to_its_end = run(began(), left("a", PAY, 661.0), bent)
    assert judged(to_its_end, SOFT).outcome is Outcome.BROKEN
