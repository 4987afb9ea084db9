"""What is sent: too early, in the wrong form, to nobody, or not at all."""

from __future__ import annotations

from celery import Celery

from scenarios.rules.proof import Shown, outcome_of


def test_a_task_in_a_transaction_runs_without_its_row(bad: Shown, good: Shown) -> None:
    assert (bad.has("PUB002", "ship.delay"), good.has("PUB002", "ship.delay")) == (True, False)
    assert outcome_of(bad, "ship") == ("failed", "LookupError")
    assert outcome_of(good, "ship") == ("succeeded", "")


def test_a_pickled_message_runs_code(bad: Shown, good: Shown) -> None:
    assert (bad.has("SEC001", "accept_content"), good.has("SEC001", "accept_content")) == (True, False)
    """A stranger who can write to the broker sends it; the good worker refuses its content."""
    assert bad.seen["unpickled"] is True
    assert good.seen["unpickled"] is False


def test_a_name_that_no_worker_has_is_thrown_away(bad: Shown, good: Shown) -> None:
    """A task that was renamed, mistyped in the schedule, or whose module nothing loads."""
    assert bad.life("unknown").outcome == "unknown-task"
    assert good.life("unknown").outcome == "succeeded"


def test_an_eager_task_is_never_published() -> None:
    """It has run in the caller; without the setting it waits for a worker."""
    ran = []
    with Celery("eager", broker="memory://", set_as_current=False) as app:

        @app.task(name="pay")  # type: ignore[untyped-decorator]
        def pay() -> None:
            ran.append(1)

        task = app.tasks["pay"]
        task.delay()
        assert ran == []
        app.conf.task_always_eager = True
        task.delay()
        assert ran == [1]
