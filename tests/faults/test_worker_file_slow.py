"""Calls about files take time, on the stage's clock."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.worker_file_slow import WorkerFileSlow
from tests.faults.conftest import Shop


def test_a_task_that_saves_a_file_takes_as_much_longer_while_it_holds(filing: Shop) -> None:
    with injected(WorkerFileSlow(delay_s=20.0), filing.world):
        assert took_s(filing) == pytest.approx(40, abs=5)
    assert took_s(filing) < 5


def test_other_files_are_as_fast_as_before(shop: Shop) -> None:
    with injected(WorkerFileSlow(delay_s=20.0, path="invoice-*"), shop.world):
        assert took_s(shop) < 5


def took_s(shop: Shop) -> float:
    task_id = shop.send("shop.save", 2)
    end = shop.outcome(task_id)
    assert end.kind == "task-succeeded", end.data
    return end.at_s - shop.events("task-started", task_id=task_id)[0].at_s
