"""Nothing more can be opened, and can be again."""

from __future__ import annotations

import resource

from harness.fault import injected
from harness.faults.worker_too_many_open_files import WorkerTooManyOpenFiles
from tests.faults.conftest import Shop


def test_no_file_can_be_opened_while_it_holds_and_the_limit_comes_back(filing: Shop) -> None:
    for task_id in [filing.send(body={"hold_s": 2.0}) for _ in range(2)]:  # each child has its connections
        filing.outcome(task_id)
    worker = filing.world.workers["main"]
    usual = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    with injected(WorkerTooManyOpenFiles(), filing.world):
        assert "Too many open files" in filing.error("shop.write", 20_200)
    assert not filing.error("shop.write", 20_200)
    assert {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in worker.processes()} == {usual}


def test_as_many_as_are_spare_can_be_opened(shop: Shop) -> None:
    with injected(WorkerTooManyOpenFiles(spare=8), shop.world):
        assert not shop.error("shop.write", 20_210)
