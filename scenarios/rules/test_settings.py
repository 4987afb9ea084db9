"""Settings that nobody reads, or that mean something else than they say."""

from __future__ import annotations

from scenarios.rules.proof import Shown, acked_early, attempts, queue


def test_an_unknown_setting_changes_nothing(bad: Shown, good: Shown) -> None:
    assert (bad.has("CFG001", "task_time_limits"), good.has("CFG001", "task_time_limits")) == (True, False)
    """`task_time_limits = 20` lets a task of 60 s run; `task_time_limit` does not."""
    assert bad.life("hang").outcome == "succeeded"
    assert good.life("hang").outcome == "failed"


def test_a_setting_that_only_tasks_have_changes_no_retry(bad: Shown, good: Shown) -> None:
    assert (
        bad.has("CFG002", "task_default_max_retries"),
        good.has("CFG002", "task_default_max_retries"),
    ) == (True, False)
    """`task_default_max_retries = 1` leaves three retries; ``max_retries=1`` of the task leaves one."""
    assert attempts(bad.life("flaky")) == 4
    assert attempts(good.life("flaky")) == 2


def test_a_prefix_without_a_namespace_hides_the_setting(bad: Shown, good: Shown) -> None:
    assert (
        bad.has("CFG003", "CELERY_TASK_DEFAULT_QUEUE"),
        good.has("CFG003", "CELERY_TASK_DEFAULT_QUEUE"),
    ) == (True, False)
    """`CELERY_TASK_DEFAULT_QUEUE = "orders"` is read with the namespace only."""
    assert queue(bad.life("unrouted")) == "celery"
    assert queue(good.life("unrouted")) == "orders"


def test_a_shadowed_setting_is_not_the_one_in_force(bad: Shown, good: Shown) -> None:
    assert (bad.has("CFG004", "task_soft_time_limit"), good.has("CFG004", "task_soft_time_limit")) == (
        True,
        False,
    )
    """The soft limit of 10 s of the settings object holds only where nothing overrides it."""
    assert bad.life("hang").error_type == ""
    assert good.life("hang").error_type == "SoftTimeLimitExceeded"


def test_text_for_a_switch_is_true(bad: Shown, good: Shown) -> None:
    assert (bad.has("CFG005", "task_acks_late"), good.has("CFG005", "task_acks_late")) == (True, False)
    """With `task_acks_late = "no"` the message is acknowledged when the body is done: late."""
    assert not acked_early(bad.life("hang"))
    assert acked_early(good.life("hang"))
