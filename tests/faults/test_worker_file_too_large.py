"""No file gets larger than the limit, and does again."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.worker_file_too_large import WorkerFileTooLarge
from tests.faults.conftest import Shop


def test_a_file_that_gets_too_large_fails_and_smaller_ones_do_not(filing: Shop) -> None:
    with injected(WorkerFileTooLarge(limit_mb=64), filing.world):
        assert "File too large" in filing.error("shop.large", 65)
        assert not filing.error("shop.large", 63)
    assert not filing.error("shop.large", 65)


def test_a_limit_that_the_record_of_the_run_would_meet_is_refused(shop: Shop) -> None:
    with pytest.raises(UsageError, match="needs room"), injected(WorkerFileTooLarge(limit_mb=0), shop.world):
        pass
    assert shop.works()
