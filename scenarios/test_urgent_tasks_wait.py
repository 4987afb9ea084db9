"""Work that nobody waits for is done first, and payroll waits behind it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.lives import lives
from harness.plugin import Judgement, Verify
from harness.workload import Body, Experiment, Send

REPORT, PAYMENT = "core.tasks.generate_reports", "payroll.tasks.process_salary_payment"


@pytest.mark.harness_app("myhours.celery:app", workdir="myhours")
def test_a_backlog_of_reports_delays_no_payment(verify: Verify, myhours_target: object) -> None:
    """Each tier has its own queue and workers, so that no number has to say who comes first."""
    contract = myhours_target.contract  # type: ignore[attr-defined]
    layout = tuple(each for each in contract.workers if each.name in {"critical", "low"})
    found = verify(
        "no_lost_task",
        contract=replace(contract, workers=layout),
        experiments=[
            Experiment("backlog", "low", (Send(REPORT, Body(stub=True, hold_s=60), count=8),)),
            Experiment("urgent", "critical", (Send(PAYMENT, at_s=20, count=3),)),
        ],
    )
    found.assert_kept("no_lost_task", "critical")
    found.assert_kept("no_lost_task", "low")
    for life in lives(found.history, "urgent").values():
        assert life.sent is not None
        assert life.attempts[0].began.at_s - life.sent.at_s < 20
    waited = [
        life.attempts[0].began.at_s - life.sent.at_s
        for life in lives(found.history, "backlog").values()
        if life.sent
    ]
    assert max(waited) > 60, "there was no backlog"


@pytest.mark.parametrize("tier", ["critical", "high", "integrations"])
def test_as_documented_priorities_are_upside_down(documented: Judgement, tier: str) -> None:
    """Redis takes 0 for the highest, RabbitMQ 9; the document's numbers are for RabbitMQ."""
    if documented.history.header.broker != "redis":
        pytest.skip("on RabbitMQ 9 is the highest, as the document has it")
    documented.assert_broken("priority_order", tier, says="on Redis: 0 is the highest there")
