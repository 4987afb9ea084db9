"""Files may not be opened, and may again."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_permission_denied import WorkerPermissionDenied
from tests.faults.conftest import Shop


def test_files_cannot_be_opened_while_it_holds_also_by_root(filing: Shop) -> None:
    with injected(WorkerPermissionDenied(path="receipt-*"), filing.world):
        assert "PermissionError" in filing.error("shop.write", 20_100)
        assert not filing.error("shop.save", 6)
    assert not filing.error("shop.write", 20_100)
