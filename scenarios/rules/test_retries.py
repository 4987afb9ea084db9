"""Retries: none, too many, all at once, and of what cannot pass."""

from __future__ import annotations

from scenarios.rules.proof import Shown, attempts, delays_s


def test_a_task_without_a_retry_path_fails_at_once(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTY001", "once"), good.has("RTY001", "once")) == (True, False)
    assert attempts(bad.life("once")) == 1
    assert attempts(good.life("once")) == 4


def test_retries_without_jitter_come_in_step(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTY002", "herd"), good.has("RTY002", "herd")) == (True, False)
    assert {delay for life in bad.lives("herd") for delay in delays_s(life)} == {60.0}
    assert len({delay for life in good.lives("herd") for delay in delays_s(life)}) > 3


def test_retries_without_a_bound_do_not_end(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTY003", "endless"), good.has("RTY003", "endless")) == (True, False)
    assert attempts(bad.life("endless")) > 10
    assert attempts(good.life("endless")) == 3


def test_a_mistake_in_the_program_is_retried(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTY004", "broad"), good.has("RTY004", "broad")) == (True, False)
    assert attempts(bad.life("broad")) == 4
    assert attempts(good.life("broad")) == 1
