"""The OOM killer takes a worker, or a task takes its own process down, again and again."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement

TIERS = ("critical", "high", "background", "low", "normal")


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_whose_worker_is_killed_runs_again_in_time(myhours: Judgement, tier: str) -> None:
    """On Redis as soon as the visibility timeout is over, on RabbitMQ at once."""
    myhours.assert_kept("loss_recovered", tier)


@pytest.mark.parametrize("tier", TIERS)
def test_a_task_that_kills_its_process_is_stopped(myhours: Judgement, tier: str) -> None:
    """After three runs it is a dead letter, and the other tasks have the worker for themselves again."""
    loss = myhours.contract.tier(tier).loss
    assert loss is not None
    assert loss.redelivered_at_most == 3
    myhours.assert_kept("poison_braked", tier)


@pytest.mark.parametrize("tier", ["critical", "high", "integrations", "low", "failed"])
def test_as_documented_a_lost_task_comes_back(documented: Judgement, tier: str) -> None:
    """`task_acks_late` is a real setting; on Redis it takes an hour, the default visibility timeout."""
    documented.assert_kept("loss_recovered", tier)


@pytest.mark.parametrize("tier", ["critical", "high", "integrations", "low", "failed"])
def test_as_documented_a_poisonous_task_loops(documented: Judgement, tier: str) -> None:
    """`task_reject_on_worker_lost` without a brake: each redelivery takes another process down."""
    verdict = documented.assert_broken("poison_braked", tier, says="reject_on_worker_lost = True")
    assert "until the harness let it live" in verdict.observed
