"""`dead_letter_unrun`: what a worker takes and never runs leaves a letter where the contract says so."""

from __future__ import annotations

import pytest

from harness.checkers.dead_letter_unrun import STRANGER, WAITS_S, DeadLetterUnrun
from harness.contract import UNRUN, Contract, DeadLetter, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import PAY, dead_lettered, ended, entered, run, sent

TIER = Tier(
    "critical", ("payroll.*",), "critical", members=(PAY,),
    dead_letter=DeadLetter("table:dead", (), 60, ("unknown",)),
)  # fmt: skip
SENT = sent("a", STRANGER, 0.0, "dead_letter_unrun/critical/unknown")
END = ended(200.0, "dead_letter_unrun/critical/unknown")


def promising(*also: str, queue: str | None = "critical") -> Tier:
    return Tier(
        "critical", ("payroll.*",), queue, members=(PAY,), dead_letter=DeadLetter("table:dead", (), 60, also)
    )


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = DeadLetterUnrun().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def letter(at_s: float, number: int = 7) -> Event:
    return dead_lettered("a", STRANGER, at_s, record={"id": number, "task_id": "a"})


def test_kept_where_one_letter_came() -> None:
    verdict = judged(run(SENT, letter(1.0), END))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (0, 1))
    assert verdict.observed == "what was unknown left one letter in table:dead"


def test_broken_where_none_came_and_the_signal_is_named() -> None:
    verdict = judged(run(SENT, END))
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.blame == "no receiver of task_unknown files it"
    assert "celery.signals.task_unknown" in verdict.mend


def test_broken_where_two_came() -> None:
    verdict = judged(run(SENT, letter(1.0), letter(2.0, 8), END))
    assert verdict.outcome is Outcome.BROKEN
    assert "left 2 letters" in verdict.observed


def test_unknown_where_it_was_run_or_not_sent_or_the_record_ends_early() -> None:
    assert judged(run(SENT, entered("a", STRANGER, 1.0), END)).outcome is Outcome.UNKNOWN
    assert judged(run(END)).outcome is Outcome.UNKNOWN
    assert judged(run(SENT, ended(30.0, "x"))).outcome is Outcome.UNKNOWN


def test_an_expired_task_is_due_after_its_eta() -> None:
    tier, publish = promising("expired"), sent("a", PAY, 0.0, "dead_letter_unrun/critical/expired")
    assert judged(run(publish, ended(60.0 + WAITS_S, "x")), tier).outcome is Outcome.UNKNOWN
    assert judged(run(publish, ended(61.0 + WAITS_S, "x")), tier).outcome is Outcome.BROKEN


@pytest.mark.parametrize("what", UNRUN)
def test_there_is_an_experiment_for_each(what: str) -> None:
    [made] = DeadLetterUnrun().experiments(Contract((promising(what),)), promising(what))
    assert made.name == f"dead_letter_unrun/critical/{what}"
    assert made.watch_s > 60


def test_without_a_queue_nobody_knows_where_a_stranger_goes() -> None:
    tier = promising("unknown", queue=None)
    assert not list(DeadLetterUnrun().experiments(Contract((tier,)), tier))
    assert judged(run(END), tier).observed == "nothing unknown was sent: the tier names no queue"


def test_nothing_is_promised_without_also() -> None:
    assert DeadLetterUnrun().promise(promising()) is None
    assert DeadLetterUnrun().promise(Tier("x", ("*",))) is None
