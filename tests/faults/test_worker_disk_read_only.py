"""Files cannot be written, and can again."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_disk_read_only import WorkerDiskReadOnly
from tests.faults.conftest import Shop


def test_writing_fails_while_it_holds(boxed: Shop) -> None:
    with injected(WorkerDiskReadOnly(worker="main"), boxed.world):
        failed = boxed.outcome(boxed.send("shop.write", 7))
        assert failed.kind == "task-failed"
        assert "Read-only file system" in str(failed.data)
    assert boxed.outcome(boxed.send("shop.write", 7)).kind == "task-succeeded"
    assert (boxed.world.folder / "files" / "receipt-7").read_text() == "paid" * 7
