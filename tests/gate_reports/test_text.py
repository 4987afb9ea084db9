"""The gate's answer for people."""

from __future__ import annotations

from dataclasses import replace

from harness.comparison import Comparison
from harness.differences import Difference, Kind
from harness.gate_reports.text import TextGate
from harness.impact import Choice
from tests.gate_reports.compared import ALL, HOSTILE_CHANGE, NOTHING, STRONGER, compared


def render(comparison: Comparison, *, color: bool = False) -> str:
    """The whole report."""
    return TextGate().render(comparison, color=color)


def test_what_changed_is_told_with_its_line() -> None:
    assert "max_retries of shop.pay: 5 -> 2  proj/tasks.py:3" in render(ALL)


def test_what_was_put_to_the_test_says_why() -> None:
    text = render(ALL)
    assert "put to the test: 1 of 23 guarantees\n  retry_cap [critical]: max_retries of shop.pay" in text


def test_what_is_weaker_has_both_observations_the_blame_and_the_command() -> None:
    text = render(ALL)
    assert "WEAKENED retry_cap [critical]: kept, now broken" in text
    for line in (
        "before     6 attempts",
        "promised   given up after 5 retries (contract.toml:9)",
        "observed   3 attempts, promised 6",
        "blame      max_retries = 2",
        "mend       set max_retries=5",
        "reproduce  celery-harness verify -A shop:app --only retry_cap",
    ):
        assert text.count(line) == 1  # the fact that says the same does not say it again


def test_every_kind_is_named_and_what_was_accepted_is_said() -> None:
    lines = render(ALL).splitlines()
    for line in (
        "unknown loss_recovered [low]: kept, now unknown",
        "strengthened time_limits [low]: broken, now kept",
        "neutral queue [shop.pay]: a, now b",
        "WEAKENED retry.max_retries [low]: 5, now 3 (accepted by the lock file)",
        "NEWLY BROKEN CH101 (high)",
        "broken before as well: routes_match [app]",
        (
            "FAILED: 3 weakened, 1 unknown, 1 strengthened, 1 neutral "
            "(1 accepted by the lock file); newly broken rules: 1 high"
        ),
    ):
        assert line in lines


def test_the_last_line_says_what_to_do() -> None:
    assert render(ALL).endswith(
        "celery-harness lock -A shop:app, and commit reports/guarantees.lock.toml with the change.\n"
    )
    assert "is out of date: celery-harness lock -A shop:app" in render(compared(STRONGER))


def test_nothing_is_said_to_be_nothing() -> None:
    text = render(NOTHING)
    assert "no setting in force and no promise changed" in text
    assert "nothing that changed can touch a guarantee" in text
    assert text.endswith("passed: nothing to test\n")


def test_credentials_are_masked_and_markup_is_text() -> None:
    assert "hunter2" not in render(HOSTILE_CHANGE)
    assert "\x1b" not in render(HOSTILE_CHANGE)
    assert "api_key: ******** -> ********" in render(ALL)
    assert "\x1b[" not in render(ALL)
    assert "\x1b[" in render(ALL, color=True)


def test_guarantees_that_are_tried_for_the_same_reason_share_a_line() -> None:
    one = Choice("retry_cap", (), ("code changed",))
    more = replace(NOTHING, choices=(one, replace(one, guarantee="alert_sent")))
    [line] = [line for line in render(more).splitlines() if "alert_sent" in line]
    assert line == "  retry_cap, alert_sent: code changed"


def test_a_fact_that_is_worse_though_its_promise_is_kept_says_why_that_matters() -> None:
    fact = Difference(
        Kind.WEAKENED, "facts", "shop.pay", "poison", "failed after 3 runs", "failed after 1 runs"
    )
    text = render(replace(NOTHING, differences=(fact,)))
    assert "weaker     one child lost (memory, a crash in C) is enough" in text


def test_rules_that_fail_nothing_say_so() -> None:
    mild = replace(ALL.findings[0], severity="medium") if ALL.findings else None
    assert mild is not None
    text = render(replace(NOTHING, findings=(mild,)))
    assert text.splitlines()[-1].endswith("newly broken rules: 1 medium (only high ones fail)")
