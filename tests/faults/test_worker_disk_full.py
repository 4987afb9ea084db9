"""There is no room left for files, and there is again."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_disk_full import WorkerDiskFull
from tests.faults.conftest import Shop


def test_writing_fails_while_it_holds_and_what_was_there_is_there(boxed: Shop) -> None:
    files = boxed.world.folder / "files"
    assert boxed.outcome(boxed.send("shop.write", 10_000)).kind == "task-succeeded"
    with injected(WorkerDiskFull(), boxed.world):
        failed = boxed.outcome(boxed.send("shop.write", 10_001))
        assert failed.kind == "task-failed"
        assert "No space left on device" in str(failed.data)
    assert (files / "receipt-10000").stat().st_size == 40_000
    assert not (files / "receipt-10001").exists()
    assert boxed.outcome(boxed.send("shop.write", 10_001)).kind == "task-succeeded"
    assert (files / "receipt-10001").exists()
