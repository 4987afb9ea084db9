"""What is left of a failed task."""

from __future__ import annotations

from scenarios.rules.proof import Shown
from scenarios.since import since


def test_without_a_hook_nothing_is_left_of_a_failed_task(bad: Shown, good: Shown) -> None:
    assert (bad.has("DLQ001", ""), good.has("DLQ001", "")) == (True, False)
    assert bad.rows("letters", "letter") == []
    assert (good.life("lost").task_id,) in good.rows("letters", "letter")


def test_on_failure_does_not_hear_of_a_killed_child(bad: Shown, good: Shown) -> None:
    assert (bad.has("DLQ003", "Hooked.on_failure"), good.has("DLQ003", "Hooked.on_failure")) == (True, False)
    """In the good app the signal does."""
    assert bad.life("hooked").error_type == "WorkerLostError"
    assert not (bad.files / "hooked").exists()
    assert (good.life("hooked").task_id,) in good.rows("letters", "letter")


def test_a_consumed_queue_keeps_nothing(bad: Shown, good: Shown) -> None:
    assert (bad.has("DLQ006", "failed"), good.has("DLQ006", "failed")) == (True, False)
    assert bad.life("letter").outcome == "succeeded"
    assert bad.seen["depths"]["failed"] == 0
    assert good.seen["depths"]["failed"] == 1


def test_redis_has_no_dead_letter_exchange(bad: Shown, good: Shown) -> None:
    """A rejected message is gone."""
    assert (bad.has("DLQ007", "failed"), good.has("DLQ007", "failed")) == (True, False)
    assert bad.life("rejected").outcome in ("failed", "rejected")
    assert bad.seen["depths"]["dead"] == 0


@since("5.7", "`task_failure` is not sent for `Reject` (`celery/worker/request.py`; celery#4222)")
def test_a_receiver_of_failures_files_what_is_rejected(good: Shown) -> None:
    assert (good.life("rejected").task_id,) in good.rows("letters", "letter")
