"""The disk is full while the monthly report is written: it is whole, later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.harness_stage("processes", "containers", why="simulated workers make no system calls"),
]

PAYROLL = "payroll.tasks.calculate_payroll"
REPORT = "core.tasks.generate_reports"


def test_a_report_is_whole_after_a_full_disk_and_nobody_has_seen_half_of_it(
    open_world: OpenWorld, myhours_target: Target
) -> None:
    """It is written beside, renamed when it is whole, and retried."""
    contract = myhours_target.contract
    writers = tuple(each for each in contract.workers if {"low", "critical"} & set(each.queues))
    target = replace(myhours_target, contract=replace(contract, workers=writers))
    full = Strike(
        "worker_file_error",
        {"error": "ENOSPC", "path": "reports/*", "times": 2},
        Trigger(heal_after_s=1800.0),
    )
    payrolls = [Send(PAYROLL, Body(), args=(employee, "2026-01")) for employee in range(1, 11)]
    report = Send(REPORT, Body(), at_s=60.0, args=(2026, 1))
    month = Experiment("reports", "low", (*payrolls, report), (full,), settle_within_s=7200.0)
    with open_world(target) as world:
        found = conducted(world, target.contract, month, guarantees=["no_lost_task"])
        reports = {
            path.name: path.read_text("utf-8") for path in (world.folder / "files" / "reports").iterdir()
        }
        rows = [row for row in world.database.rows("payroll_payroll") if row["month"] == "2026-01"]
    assert len(rows) == 10
    found.assert_kept("no_lost_task", "low")
    assert list(found.history.of("task-retried", task=REPORT))
    assert len(reports["payroll-2026-01.csv"].splitlines()) == len(rows) + 1
