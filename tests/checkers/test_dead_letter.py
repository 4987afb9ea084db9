"""`dead_letter`: failed for good leaves one letter, in time, with what a replay needs."""

from __future__ import annotations

from typing import Any

from harness.checkers.dead_letter import DeadLetter
from harness.contract import Contract, Delay, Retry, Tier
from harness.contract import DeadLetter as Promise
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Body, Send
from tests.checkers.histories import (
    PAY,
    dead_lettered,
    ended,
    event,
    failed,
    life,
    run,
    sent,
    started,
    struck,
    succeeded,
)

CARRIES = ("name", "args", "kwargs", "error", "traceback", "attempts")
TIER = Tier("critical", ("payroll.*",), members=(PAY,), dead_letter=Promise("table:dead", CARRIES, 60))
QUEUE = Tier("critical", ("payroll.*",), members=(PAY,), dead_letter=Promise("queue:failed", (), 60))
RECORD: dict[str, Any] = {
    "id": 7,
    "task_id": "a",
    "name": PAY,
    "args": '[1, "2026-01"]',
    "kwargs": "{'dry': False}",
    "error": "OSError(28)",
    "traceback": "Traceback ...",
    "attempts": 0,
}


def judged(history: History, tier: Tier = TIER) -> Verdict:
    verdict = DeadLetter().verdict(Contract((tier,)), tier, history)
    assert verdict is not None
    return verdict


def failing(task_id: str = "a", at_s: float = 0.0) -> list[Event]:
    """A task that fails for good a second after its publish: two events."""
    publish = sent(task_id, PAY, at_s, "retry_cap/critical", args=[1, "2026-01"], kwargs={"dry": False})
    return [publish, failed(task_id, PAY, at_s + 1)]


def letter(at_s: float, **changes: Any) -> Event:
    return dead_lettered("a", PAY, at_s, record=RECORD | changes)


def test_kept_where_one_letter_says_all_that_a_replay_needs() -> None:
    verdict = judged(run(failing(), letter(2.0)))
    assert (verdict.outcome, verdict.events) == (Outcome.KEPT, (1, 2))
    assert verdict.observed == "1 task failed for good, one letter each in table:dead"


def test_a_letter_is_known_by_the_id_in_its_record() -> None:
    other = event("dead-lettered", 2.0, "b", None, record=RECORD)
    assert judged(run(failing(), other)).outcome is Outcome.KEPT
    mentions = dead_lettered("a", PAY, 2.0, record=RECORD | {"task_id": "b"})
    assert judged(run(failing(), mentions, ended(99.0, "x"))).outcome is Outcome.BROKEN


def test_broken_where_nothing_calls_the_handler() -> None:
    history = run(
        failing(), ended(90.0, "retry_cap/critical"), settings={"tasks": {PAY: {}, "handle_failed_task": {}}}
    )
    verdict = judged(history)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1,))
    assert verdict.observed == "1 of 1 task that failed for good left no letter in table:dead"
    assert verdict.blame == "no handler is wired: nothing calls handle_failed_task"
    assert verdict.mend.startswith("file it from celery.signals.task_failure")


def test_broken_where_the_handler_itself_fails() -> None:
    handler = [
        started("h", "handle_failed_task", 1.5),
        failed("h", "handle_failed_task", 1.6, error_type="TypeError"),
    ]
    verdict = judged(run(failing(), handler, ended(90.0, "x")))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 3))
    assert verdict.blame == "handle_failed_task itself failed: TypeError"


def test_broken_where_redis_is_asked_for_a_dead_letter_exchange() -> None:
    assert "Redis ignores" in judged(run(failing(), ended(90.0, "x"), broker="redis"), QUEUE).blame
    assert "no handler is wired" in judged(run(failing(), ended(90.0, "x"), broker="rabbitmq"), QUEUE).blame


def test_broken_where_two_letters_arrive() -> None:
    verdict = judged(run(failing(), letter(2.0), letter(3.0, id=8)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2, 3))
    assert verdict.observed == "payroll.tasks.pay left 2 letters"
    counted = dead_lettered("a", PAY, 2.0, record=RECORD, count=2)
    assert judged(run(failing(), counted)).observed == "payroll.tasks.pay left 2 letters"


def test_a_row_that_was_read_twice_is_one_letter() -> None:
    assert judged(run(failing(), letter(2.0), letter(3.0))).outcome is Outcome.KEPT


def test_broken_where_the_letter_lacks_the_arguments() -> None:
    record = {"task_id": "a", "error": "OSError", "traceback": "...", "args_given": ["a", "OSError", "..."]}
    verdict = judged(run(failing(), dead_lettered("a", PAY, 2.0, record=record)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed == "the letter of payroll.tasks.pay lacks name, args, kwargs, attempts"
    assert judged(run(failing(), letter(2.0, args="[2]"))).observed.endswith("lacks args")
    assert judged(run(failing(), letter(2.0, traceback=""))).observed.endswith("lacks traceback")


def test_fields_may_have_other_names_and_lie_one_level_deep() -> None:
    record = {
        "id": "a", "task": PAY, "task_args": (1, "2026-01"), "task_kwargs": {"dry": False},
        "headers": {"retries": 5, "exc": "OSError"}, "tb": "...",
    }  # fmt: skip
    assert judged(run(failing(), dead_lettered("a", PAY, 2.0, record=record))).outcome is Outcome.KEPT


def test_no_arguments_are_carried_by_an_empty_field() -> None:
    publish = sent("a", PAY, 0.0, "retry_cap/critical", args=[], kwargs={})
    assert (
        judged(run(publish, failed("a", PAY, 1.0), letter(2.0, args="", kwargs=None))).outcome is Outcome.KEPT
    )


def test_broken_where_the_letter_is_late() -> None:
    verdict = judged(run(failing(), letter(61.5)))
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 2))
    assert verdict.observed == "the letter of payroll.tasks.pay came after 60.5 s"


def test_not_late_where_it_was_read_at_the_end_or_the_database_was_away() -> None:
    assert judged(run(failing(), ended(50.0, "x"), letter(500.0))).outcome is Outcome.KEPT
    assert judged(run(failing(), struck(0.5, "database_pause"), letter(500.0))).outcome is Outcome.KEPT


def test_broken_where_the_dead_letter_queue_has_a_consumer() -> None:
    filed = event(
        "dead-lettered", 2.0, "a", None, destination="queue:failed", record={"id": "d", "args_given": ["a"]}
    )
    acked = event("message-acked", 2.1, "d", "core.tasks.process_dead_letter", queue="failed")
    verdict = judged(run(failing(), filed, acked), QUEUE)
    assert (verdict.outcome, verdict.events) == (Outcome.BROKEN, (1, 3))
    assert verdict.observed == "1 letter in queue:failed, consumed and acknowledged at once: gone"
    assert verdict.blame == "a worker consumes failed: its -Q names it"


def test_a_hard_limit_that_is_reported_twice_is_one_failure_and_a_task_that_began_again_is_none() -> None:
    twice = [*failing(), failed("a", PAY, 1.1, where="worker")]
    assert judged(run(twice, letter(2.0))).events == (1, 3)
    again = [*failing(), started("a", PAY, 5.0, 1)]
    assert judged(run(again, ended(99.0, "x"))).outcome is Outcome.UNKNOWN


def test_unknown_where_nothing_failed_or_the_letter_is_not_due_yet() -> None:
    assert judged(run(life("a", PAY, 0.0, "steady/critical"))).outcome is Outcome.UNKNOWN
    assert judged(run(sent("a", PAY, 0.0, "x/critical"), succeeded("a", PAY, 1.0))).outcome is Outcome.UNKNOWN
    verdict = judged(run(failing(), ended(30.0, "x")))
    assert (verdict.outcome, verdict.events) == (Outcome.UNKNOWN, (1,))


def test_what_the_app_itself_sent_is_not_judged() -> None:
    assert (
        judged(run(sent("a", PAY, 0.0), failed("a", PAY, 1.0), ended(99.0, "x"))).outcome is Outcome.UNKNOWN
    )


def test_the_experiment_fails_a_task_as_it_is_not_retried() -> None:
    (one,) = DeadLetter().experiments(Contract((TIER,)), TIER)
    assert (one.name, one.sends) == (
        "dead_letter/critical",
        (Send(PAY, Body(stub=True, raises="programming")),),
    )
    retry = Retry(("mail",), ("database",), 2, Delay("fixed", 100))
    tier = Tier("critical", ("payroll.*",), members=(PAY,), dead_letter=Promise("table:dead"), retry=retry)
    (one,) = DeadLetter().experiments(Contract((tier,)), tier)
    assert (one.sends[0].body.raises, one.settle_within_s) == ("database", 580)


def test_unknown_where_the_contract_says_a_time_and_the_record_has_none() -> None:
    late = run(failing(), ended(90.0, "retry_cap/critical"), letter(300.0))
    assert judged(late).outcome is Outcome.KEPT
    contract = Contract((TIER,), origins={"tiers.critical.dead_letter.within_s": "contract.toml:9"})
    verdict = DeadLetter().verdict(contract, TIER, late)
    assert verdict is not None
    assert (verdict.outcome, verdict.observed) == (
        Outcome.UNKNOWN,
        "1 letter in table:dead, and when they were filed is not on record",
    )
    in_time = run(failing(), letter(2.0), ended(90.0, "retry_cap/critical"))
    assert DeadLetter().verdict(contract, TIER, in_time).outcome is Outcome.KEPT  # type: ignore[union-attr]
