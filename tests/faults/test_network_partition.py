"""Two containers do not hear each other, and do again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.network_partition import NetworkPartition
from tests.faults.conftest import Shop


def test_a_worker_does_not_hear_its_broker_while_it_holds_and_does_again(
    boxed: Shop, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    """In real time: the kernel sends again what was dropped after seconds of its own clock."""

    def started(task_id: str) -> bool:
        return bool(boxed.events("task-started", task_id=task_id))

    with injected(NetworkPartition(one="main", other="broker"), boxed.world):
        waiting = boxed.send()
        boxed.published(waiting)
        assert not boxed.world.advance(lambda: started(waiting), within_s=2)
    later = boxed.send()
    assert eventually(lambda: started(later))
    assert boxed.works()


def test_nobody_of_that_name_is_refused(boxed: Shop) -> None:
    with pytest.raises(UsageError, match="There are: "), injected(NetworkPartition("maine"), boxed.world):
        pass


def test_on_a_stage_without_containers_it_says_what_it_needs(shop: Shop) -> None:
    with pytest.raises(UsageError, match="--stage containers"), injected(NetworkPartition(), shop.world):
        pass
