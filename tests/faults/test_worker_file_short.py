"""A write moves less than it was given, and does not say that it failed."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_file_short import WorkerFileShort
from tests.faults.conftest import Shop


def test_who_does_not_look_at_what_was_written_has_half_a_file(filing: Shop) -> None:
    with injected(WorkerFileShort(bytes=3), filing.world):
        assert not filing.error("shop.save", 5)
    assert (filing.files() / "saved-5").read_bytes() == b"pai"
    assert not filing.error("shop.save", 5)
    assert (filing.files() / "saved-5").read_bytes() == b"paid" * 5


def test_a_buffered_file_goes_on_where_a_write_has_stopped(shop: Shop) -> None:
    before = shop.strikes
    with injected(WorkerFileShort(bytes=1000), shop.world):
        assert not shop.error("shop.write", 1000)
    assert (shop.files() / "receipt-1000").read_text("ascii") == "paid" * 1000
    assert len(shop.struck("worker_file_short", before)) == 4
