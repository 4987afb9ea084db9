"""Calls about files fail with the error that was asked for, at the call that was asked for."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.worker_file_error import WorkerFileError
from tests.faults.conftest import Shop


def test_writing_fails_while_it_holds_and_each_strike_is_on_record(filing: Shop) -> None:
    before = filing.strikes
    with injected(WorkerFileError(), filing.world):
        assert "Input/output error" in filing.error("shop.write", 20_001)
        assert filing.struck("worker_file_error", before) == [("write", "before")]
    (strike,) = filing.events("fault-struck")[before:]
    assert str(strike.get("what")).endswith("/files/receipt-20001")
    assert not filing.error("shop.write", 20_001)
    assert filing.strikes == before + 1


def test_it_strikes_at_the_nth_call_so_many_times_and_at_no_other(shop: Shop) -> None:
    with injected(WorkerFileError(error="ENOSPC", nth=2, times=1), shop.world):
        found = [shop.error("shop.write", 20_010 + place) for place in range(3)]
    assert [("No space left on device" in each) for each in found] == [False, True, False]


def test_other_paths_and_other_calls_go_through(shop: Shop) -> None:
    before = shop.strikes
    with injected(WorkerFileError(path="invoice-*"), shop.world):
        assert not shop.error("shop.write", 20_020)
    with injected(WorkerFileError(call="fsync"), shop.world):
        assert not shop.error("shop.write", 20_021)
        assert "Input/output error" in shop.error("shop.save", 3)
    assert shop.struck("worker_file_error", before) == [("fsync", "before")]


def test_reading_and_opening_fail_too(shop: Shop) -> None:
    assert not shop.error("shop.write", 20_030)
    with injected(WorkerFileError(call="open|read", error="ESTALE", path="receipt-20030"), shop.world):
        assert "Stale file handle" in shop.error("shop.read", 20_030)
    assert not shop.error("shop.read", 20_030)


def test_a_path_of_the_whole_system_strikes_no_record_of_the_run(shop: Shop) -> None:
    with injected(WorkerFileError(path="/*"), shop.world):
        assert "Input/output error" in shop.error("shop.write", 20_040)
    assert shop.works()


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"error": "EWHAT"}, "EWHAT"), ({"call": "close"}, "close"), ({"nth": 0}, "no call 0")],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object], says: str, shop: Shop) -> None:
    with pytest.raises(UsageError, match=says), injected(WorkerFileError(**settings), shop.world):  # type: ignore[arg-type]
        pass
    assert shop.works()
