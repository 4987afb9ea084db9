"""What a run is judged by, and the command that shows a verdict again."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import run as runs
from harness.contract import Contract, Loss, Retry, Tier
from harness.errors import UsageError
from harness.history import Event
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import (
    PAY,
    broker_read,
    entered,
    ladder,
    run,
    sent,
    started,
    struck,
    worker_lost,
)

TIER = Tier(
    "critical",
    ("payroll.*",),
    queue="critical",
    members=(PAY,),
    retry=Retry(("mail",), (), 1),
    loss=Loss(within_s=100.0),
)
OTHER = Tier("rest", ("*",), members=("core.clean",))
CONTRACT = Contract((TIER, OTHER))


def judged(guarantee: str, *events: Event | list[Event], tier: str = "critical") -> Verdict:
    history = run(*events, app="shop:app", broker="redis", seed=3)
    (verdict,) = runs.judge(CONTRACT, history, only=[guarantee], tiers=[tier])
    return verdict


def test_a_verdict_is_shown_again_by_its_own_checker() -> None:
    verdict = judged("retry_cap", ladder("a", PAY, 0.0, "retry_cap/critical", [1.0, 1.0]))
    assert verdict.reproduce == (
        "celery-harness verify -A shop:app --broker redis --seed 3 --only retry_cap --tier critical"
    )


@pytest.mark.parametrize(
    ("label", "also"),
    [("loss_recovered/critical", ""), ("no_duplicate_effect/critical", " --only no_duplicate_effect")],
)
def test_what_the_experiment_of_another_checker_has_shown_needs_that_one_too(label: str, also: str) -> None:
    lost = [sent("a", PAY, 0.0, label), started("a", PAY, 0.1), entered("a", PAY, 0.2)]
    verdict = judged("no_lost_task", lost, struck(1.0), worker_lost(1.0), broker_read(9.0))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.reproduce.endswith(f"--only no_lost_task{also} --tier critical")


def test_so_does_what_a_task_of_another_tier_has_sent() -> None:
    parent = [sent("p", PAY, 0.0, "retry_cap/critical")]
    child = sent("c", "core.clean", 1.0, parent="p")
    verdict = judged("no_lost_task", parent, child, broker_read(9.0), tier="rest")
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.reproduce.endswith("--only no_lost_task --only retry_cap --tier rest --tier critical")


def test_a_folder_of_the_app_that_is_gone_is_said_before_anything_is_started(tmp_path: Path) -> None:
    request = runs.Request("shop:app", CONTRACT, tmp_path / "gone", reports=tmp_path)
    with pytest.raises(UsageError, match=r"gone: there is no such folder\."):
        runs.verify(request)
