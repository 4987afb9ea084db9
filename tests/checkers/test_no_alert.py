"""`no_alert`: the failures of a quiet tier are announced to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers.no_alert import NoAlert
from harness.contract import Alert, Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, ended, event, failed, run, sent

ID = "0b5f-77"
TIER = Tier("low", ("payroll.*",), members=(PAY,), quiet=True)
FAILURE = [sent(ID, PAY, 0.0, "dead_letter/low"), failed(ID, PAY, 1.0)]
END = ended(200.0, "dead_letter/low")


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = NoAlert().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def mail(at_s: float, **data: Any) -> Event:
    return event("alert-sent", at_s, **({"to": ["ops@example.com"], "subject": "", "concerns": []} | data))


def test_kept_where_no_mail_came_for_two_minutes() -> None:
    verdict = judged(run(FAILURE, END))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1,))
    assert verdict.observed == "1 task failed for good, and no mail came within 120 s"


@pytest.mark.parametrize(
    "said",
    [
        {"concerns": [ID]},
        {"text": f"see task {ID}: it failed"},
        {"subject": f"{PAY} failed"},
    ],
)
def test_broken_where_a_mail_names_the_task_or_its_id(said: dict[str, Any]) -> None:
    verdict = judged(run(FAILURE, mail(5.0, **said), END))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert "ops@example.com" in verdict.observed


@pytest.mark.parametrize(
    "said", [{"subject": "good morning"}, {"subject": f"{PAY} failed", "concerns": ["another"]}]
)
def test_a_mail_about_something_else_wakes_nobody(said: dict[str, Any]) -> None:
    assert judged(run(FAILURE, mail(5.0, **said), END)).outcome is Outcome.KEPT


def test_a_mail_that_only_names_the_task_counts_only_soon_after_the_failure() -> None:
    later = mail(150.0, subject=f"{PAY}: monthly figures")
    assert judged(run(FAILURE, later, END)).outcome is Outcome.KEPT


def test_unknown_where_the_record_ends_too_early_or_nothing_failed() -> None:
    assert judged(run(FAILURE, ended(60.0, "dead_letter/low"))).outcome is Outcome.UNKNOWN
    assert judged(run(END)).outcome is Outcome.UNKNOWN


def test_nothing_is_promised_of_a_tier_that_is_not_quiet() -> None:
    loud = Tier("low", ("payroll.*",), members=(PAY,), alert=Alert(("ops@example.com",)))
    assert NoAlert().promise(loud) is None
    assert not list(NoAlert().experiments(Contract((loud,)), loud))
