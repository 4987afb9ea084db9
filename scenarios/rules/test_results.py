"""Results: lost, kept for ever, and waited for."""

from __future__ import annotations

from scenarios.rules.proof import Shown
from scenarios.since import since


@since("5.5", "no error of Redis is one to retry (`celery/backends/redis.py`, `exception_safe_to_retry`)")
def test_a_backend_that_is_down_loses_the_result(bad: Shown, good: Shown) -> None:
    assert (bad.has("RES001", ""), good.has("RES001", "")) == (True, False)
    """It is away for 4 s when the task has done its work."""
    assert bad.life("answer").of("result-stored") == ()
    assert bad.life("answer").outcome != "succeeded"
    assert good.life("answer").outcome == "succeeded"
    assert good.life("answer").of("result-stored") != ()


def test_results_without_an_expiry_stay(bad: Shown, good: Shown) -> None:
    assert (bad.has("RES002", "result_expires"), good.has("RES002", "result_expires")) == (True, False)
    assert set(bad.seen["ttls"]) == {-1}
    lives_s = [event.get("ttl_s") for each in good.histories for event in each.of("result-stored")]
    assert lives_s
    assert all(0 < life_s <= 3600 for life_s in lives_s)


def test_a_task_may_not_wait_for_another(bad: Shown, good: Shown) -> None:
    assert (bad.has("RES004", "asking"), good.has("RES004", "asking")) == (True, False)
    assert bad.life("asking").error_type == "RuntimeError"
    assert good.life("asking").outcome == "succeeded"
