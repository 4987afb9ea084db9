"""Two containers do not hear each other, and do again."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.network_partition import NetworkPartition
from tests.faults.conftest import Shop


def test_a_worker_without_its_broker_works_on_when_they_hear_each_other(boxed: Shop) -> None:
    with injected(NetworkPartition(one="main", other="broker"), boxed.world):
        waiting = boxed.send()
        boxed.published(waiting)
        assert not boxed.world.advance(
            lambda: bool(boxed.events("task-started", task_id=waiting)), within_s=3
        )
    assert boxed.outcome(waiting).kind == "task-succeeded"
    assert boxed.works()


def test_nobody_of_that_name_is_refused(boxed: Shop) -> None:
    with pytest.raises(UsageError, match="There are: "), injected(NetworkPartition("maine"), boxed.world):
        pass


def test_on_a_stage_without_containers_it_says_what_it_needs(shop: Shop) -> None:
    with pytest.raises(UsageError, match="--stage containers"), injected(NetworkPartition(), shop.world):
        pass
