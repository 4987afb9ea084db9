"""A process dies exactly at its fsync: what it wrote is with the kernel, what comes after never happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.fault import injected
from harness.faults.worker_kill_at_fsync import WorkerKillAtFsync
from tests.faults.conftest import Shop


@pytest.mark.parametrize(("after", "step"), [(False, "before"), (True, "after")])
def test_the_child_dies_at_the_call_once_and_the_task_fails(filing: Shop, after: bool, step: str) -> None:
    before, children = filing.strikes, set(filing.world.workers["main"].children())
    with injected(WorkerKillAtFsync(path="saved-7", after=after), filing.world):
        assert "WorkerLostError" in filing.error("shop.save", 7)
    assert (filing.files() / "saved-7").read_bytes() == b"paid" * 7
    assert filing.struck("worker_kill_at_fsync", before) == [("fsync", step)]
    assert children - set(filing.world.workers["main"].children())
    assert not filing.error("shop.save", 7)


def test_other_files_and_earlier_calls_kill_nobody(
    shop: Shop, eventually: Callable[[Callable[[], object]], bool]
) -> None:
    pool = shop.world.workers["main"]
    assert eventually(lambda: len(pool.children()) == 2)
    children = pool.children()
    with injected(WorkerKillAtFsync(path="saved-8", nth=2), shop.world):
        assert not shop.error("shop.save", 9)
        assert not shop.error("shop.save", 8)
    assert pool.children() == children
