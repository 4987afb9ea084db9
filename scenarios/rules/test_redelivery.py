"""Messages that come back: too early, for ever, or to do their work again."""

from __future__ import annotations

from scenarios.rules.conftest import LintEffects
from scenarios.rules.proof import Shown
from scenarios.since import since


def test_a_wait_beyond_the_visibility_timeout_runs_twice(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTY005", "patient"), good.has("RTY005", "patient")) == (True, False)
    """Redis gives a message that waits for its countdown of 500 s away after 200 s."""
    assert len(bad.life("patient").runs) > 2
    assert len(good.life("patient").runs) == 2


def test_a_run_beyond_the_visibility_timeout_runs_twice(bad: Shown, good: Shown) -> None:
    assert (bad.has("ACK003", "visibility_timeout"), good.has("ACK003", "visibility_timeout")) == (
        True,
        False,
    )
    """While the task still runs, it is started a second time."""
    assert len(bad.life("long").runs) > 1
    assert len(good.life("long").runs) == 1


@since("5.7", "nothing retries the task of a lost worker (`celery/app/task.py`, `retry_on_worker_lost`)")
def test_a_task_that_kills_its_process_comes_back_for_ever(bad: Shown, good: Shown) -> None:
    """Given up by the harness in the bad app; by `max_retries` in the good one."""
    assert (bad.has("ACK001"), good.has("ACK001")) == (True, False)
    assert len(bad.life("poison").runs) > 6
    assert len(good.life("poison").runs) == 3
    assert good.life("poison").error_type == "WorkerLostError"


@since("5.5", "it is rejected for good, not put back (`celery/worker/request.py`, `on_failure`)")
def test_a_task_that_is_too_slow_comes_back_for_ever(bad: Shown, good: Shown) -> None:
    assert (bad.has("ACK002", "requeued"), good.has("ACK002", "requeued")) == (True, False)
    """Given up by the harness in the bad app; it fails once in the good one."""
    assert len(bad.life("requeued").runs) == 5
    assert len(good.life("requeued").runs) == 1


def test_a_redelivered_task_pays_twice(bad: Shown, good: Shown, lint_effects: LintEffects) -> None:
    """Its process dies after the payment and before the acknowledgement."""
    assert lint_effects("bad") == {"bad.pay"}
    assert lint_effects("good") == set()
    assert bad.rows("ledger", "payment") == [(1,), (1,)]
    assert good.rows("ledger", "payment") == [(1,)]
    assert len(good.life("pay").runs) == 2
