"""What a run showed is said without seeds, jitter or load in it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contract import Contract, DeadLetter, Delay, Limits, Loss, Result, Retry, Tier
from harness.guarantees import Guarantees, merged, nearest, observe, promises_of
from harness.history import Event
from harness.verdict import Outcome, Verdict
from tests.checkers.histories import (
    PAY,
    dead_lettered,
    entered,
    event,
    failed,
    ladder,
    left,
    life,
    run,
    sent,
    started,
    succeeded,
)  # fmt: skip

TIER = Tier(
    "critical",
    ("payroll.*",),
    queue="critical",
    retry=Retry(("mail",), ("programming",), 2, Delay("exponential", 30, 2, 300, "bounded")),
    dead_letter=DeadLetter("table:dead"),
    result=Result(expires_s=3600, failure_expires_s=604800),
    limits=Limits(hard_s=600, soft_s=540),
    loss=Loss(redelivered_at_most=3),
    members=(PAY,),
)
CONTRACT = Contract((TIER,))


def facts(*events: Event | list[Event]) -> dict[str, Any]:
    """What is known of the one task."""
    return dict(observe(CONTRACT, run(*events, app="shop:app"), ()).facts[PAY])


def ordered_to(events: list[Event], **body: Any) -> list[Event]:
    """The same life, whose body was told what to do."""
    first, *rest = events
    return [
        Event(first.at_s, first.kind, first.source, first.task_id, first.task, {**first.data, "body": body}),
        *rest,
    ]


def always_failing(task_id: str, delays_s: list[float]) -> list[Event]:
    """A task that fails in every attempt."""
    return ordered_to(ladder(task_id, PAY, 0.0, "retry_cap/critical", delays_s), raises="mail")


def test_the_steady_state_says_queue_and_priority() -> None:
    steady = sent("a", PAY, 0.0, "steady/critical", queue="critical", priority=9)
    assert facts(steady) == {"queue": "critical", "priority": 9}


def test_attempts_are_counted_by_class_of_failure_and_letters_are_found() -> None:
    found = facts(always_failing("a", [20.0, 50.0]), dead_lettered("a", PAY, 80.0, "table:dead"))
    assert (found["attempts.mail"], found["exhausted"]) == (3, "table:dead")


def test_jitter_does_not_show_in_delays() -> None:
    one, other = facts(always_failing("a", [16.0, 31.0])), facts(always_failing("a", [29.0, 59.9]))
    assert one == other
    assert one["delays"] == ["15 to 30 s", "30 to 60 s"]


@pytest.mark.parametrize(
    ("delay_s", "text"), [(10.0, "under 15 s"), (31.9, "15 to 30 s"), (40.0, "over 30 s")]
)
def test_a_delay_outside_its_envelope_says_on_which_side(delay_s: float, text: str) -> None:
    assert facts(always_failing("a", [delay_s]))["delays"] == [text]


def test_tasks_that_differ_are_said_to_differ() -> None:
    found = facts(always_failing("a", [20.0]), always_failing("b", [20.0, 40.0]))
    assert found["attempts.mail"] == "2 or 3"


def test_a_task_that_never_started_or_ended_says_so() -> None:
    waiting = ordered_to([sent("a", PAY, 0.0, "retry_cap/critical")], raises="mail")
    endless = ordered_to(ladder("a", PAY, 0.0, "retry_cap/critical", [20.0], ends=None), raises="mail")
    assert facts(waiting)["attempts.mail"] == "never started"
    assert facts(endless)["attempts.mail"] == "no end"


def test_one_failure_is_tried_again_or_not() -> None:
    again = ladder("a", PAY, 0.0, "retried_failures/critical", [20.0], ends="succeeded")
    not_again = ladder("b", PAY, 0.0, "retried_failures/critical", [])
    found = facts(ordered_to(again, raises="mail"), ordered_to(not_again, raises="programming"))
    assert found == {"retried.mail": "tried again", "retried.programming": "not tried again"}


def test_what_failed_and_left_no_letter_has_none() -> None:
    assert facts(life("a", PAY, 0.0, "dead_letter/critical", ends="failed"))["dead_letter"] == "none"


def test_a_lost_worker_means_another_run_or_a_lost_task() -> None:
    killed = [sent("a", PAY, 0.0, "loss_recovered/critical"), started("a", PAY, 1.0), entered("a", PAY, 1.0)]
    again = [started("a", PAY, 9.0, pid=2), entered("a", PAY, 9.0, pid=2), succeeded("a", PAY, 9.5)]
    assert facts(killed)["loss"] == "lost"
    assert facts(killed, again)["loss"] == "runs again"


@pytest.mark.parametrize(("runs", "end", "text"), [
    (3, failed, "failed after 3 runs"), (5, failed, "not braked"), (3, succeeded, "not braked"),
])  # fmt: skip
def test_poison_is_braked_or_not(runs: int, end: Any, text: str) -> None:
    made = [
        [started("a", PAY, float(n), pid=n), entered("a", PAY, float(n), pid=n)] for n in range(1, runs + 1)
    ]
    assert (
        facts([sent("a", PAY, 0.0, "poison_braked/critical")], *made, [end("a", PAY, 9.0)])["poison"] == text
    )


def test_limits_are_the_promised_ones_though_a_run_ends_a_little_later() -> None:
    def limited(task_id: str, after_s: float, error_type: str, *, ignores: bool) -> list[Event]:
        body = {"ignores_soft": True} if ignores else {"hold_s": 660.0}
        begun = [sent(task_id, PAY, 0.0, "time_limits/critical"), started(task_id, PAY, 0.0)]
        ended = [
            failed(task_id, PAY, after_s, error_type=error_type),
            left(task_id, PAY, after_s, error_type="SystemExit"),
        ]
        return ordered_to([*begun, *ended], **body)

    found = facts(
        limited("a", 540.2, "SoftTimeLimitExceeded", ignores=False),
        limited("b", 601.3, "TimeLimitExceeded", ignores=True),
    )
    assert (found["limits.soft_s"], found["limits.hard_s"]) == (540, 600)
    outlasted = ordered_to(life("a", PAY, 0.0, "time_limits/critical"), ignores_soft=True)
    assert facts(outlasted)["limits.hard_s"] == "none"


def test_results_are_kept_for_as_long_as_promised_or_for_ever() -> None:
    stored = [
        event("result-stored", 1.0, "a", PAY, status="SUCCESS", ttl_s=3599.993),
        event("result-stored", 1.0, "a", PAY, status="STARTED", ttl_s=12.0),
        event("result-stored", 1.0, "b", PAY, status="FAILURE", ttl_s=None),
    ]
    lives = [life(each, PAY, 0.0, "result_expiry/critical") for each in "ab"]
    found = facts(*lives, stored)
    assert (found["result.success"], found["result.failure"]) == (3600, "for ever")


def test_a_number_that_nobody_promised_is_rounded() -> None:
    assert nearest(604.0, [600.0]) == 600.0
    assert nearest(347.3, [600.0]) == 350.0


def test_promises_are_flat_and_only_what_is_promised() -> None:
    assert promises_of(Tier("low", ("*",), queue="low", retry=Retry(max_retries=3))) == {
        "tasks": ["*"], "queue": "low", "retry.max_retries": 3,
    }  # fmt: skip


def test_outcomes_are_those_of_the_verdicts_and_families_those_that_ran() -> None:
    verdicts = [
        Verdict("retry_cap", "critical", Outcome.BROKEN, "2", "1"),
        Verdict("routes_match", "app", Outcome.KEPT, "", ""),
    ]
    history = run(
        event("experiment-began", 0.0, experiment="retry_cap/critical/x", tier="critical"), app="shop:app"
    )
    found = observe(CONTRACT, history, verdicts)
    assert found.outcomes == {"app": {"routes_match": "kept"}, "critical": {"retry_cap": "broken"}}
    assert (found.app, found.families, found.tiers) == (
        "shop:app",
        frozenset({"retry_cap/critical"}),
        {PAY: "critical"},
    )


def test_a_later_run_has_the_last_word_and_the_first_what_only_it_saw() -> None:
    first = Guarantees(
        "a",
        outcomes={"t": {"x": "broken", "y": "kept"}},
        facts={"f": {"loss": "lost"}},
        families=frozenset("p"),
    )
    later = Guarantees(
        "a", outcomes={"t": {"x": "kept"}}, facts={"f": {"queue": "q"}}, families=frozenset("q")
    )
    both = merged(first, later)
    assert both.outcomes == {"t": {"x": "kept", "y": "kept"}}
    assert both.facts == {"f": {"loss": "lost", "queue": "q"}}
    assert both.families == frozenset("pq")
