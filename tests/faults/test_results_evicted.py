"""Results are thrown away, or are not, as the policy says."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.results_evicted import ResultsEvicted
from tests.faults.conftest import Shop


@pytest.mark.parametrize(("policy", "left"), [("volatile-lru", 0), ("allkeys-lru", 0), ("noeviction", 1)])
def test_a_result_goes_or_stays_by_the_policy(shop: Shop, policy: str, left: int) -> None:
    task_id = shop.send()
    shop.outcome(task_id)
    key = f"celery-task-meta-{task_id}"
    assert shop.world.advance(lambda: shop.world.result_exists(key), within_s=60)
    with injected(ResultsEvicted(policy=policy), shop.world):
        assert shop.world.result_exists(key) == bool(left)
    assert shop.works()
