"""One child is killed; the worker replaces it."""

from __future__ import annotations

from collections.abc import Callable

from harness.fault import injected
from harness.faults.child_kill import ChildKill
from tests.faults.conftest import Shop


def test_the_child_is_gone_and_the_worker_goes_on_with_another(
    shop: Shop,
    worker_pid: int,
    state: Callable[[int], str],
    eventually: Callable[[Callable[[], object]], bool],
) -> None:
    worker = shop.world.workers["main"]
    assert shop.world.advance(lambda: len(worker.children()) == 2, within_s=60)
    victim = worker.children()[1]
    with injected(ChildKill(place=1), shop.world):
        assert eventually(lambda: state(victim) in {"", "Z"})
    assert shop.works()
    assert worker.pid == worker_pid
    replaced = shop.world.advance(
        lambda: victim not in worker.children() and len(worker.children()) == 2, within_s=60
    )
    assert replaced
    assert shop.events("child-lost")[-1].data == {"worker": "main", "pid": victim, "signal": 9}
