"""What files dead letters is itself out of order: the letter is filed later, and not forgotten."""

from __future__ import annotations

import pytest

from harness.plugin import OpenWorld, Target, conducted
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = pytest.mark.chaos

PAYMENT = "payroll.tasks.process_salary_payment"


def test_a_letter_that_the_database_refuses_is_filed_when_it_is_back(
    open_world: OpenWorld, payroll_target: Target
) -> None:
    """It is spooled to a file, and one row comes of it when a worker of the machine starts again."""
    strike = Strike("database_locked", {}, Trigger(on="body-entered", heal_after_s=30.0))
    send = Send(PAYMENT, Body(raises="programming", hold_s=1.0), args=(1, "2026-04", 1))
    restart = Strike("worker_stop", {"queue": "critical"}, Trigger(at_s=60.0, heal_after_s=1.0))
    experiment = Experiment("letters-late", "critical", (send,), (strike, restart), watch_s=90.0)
    with open_world(payroll_target, environment={"DEAD_LETTER_SPOOL_DIR": "{files}/spool"}) as world:
        found = conducted(world, payroll_target.contract, experiment, guarantees=["no_lost_task"])
        letters = world.database.rows("core_deadletter")
        spooled = list((world.folder / "files" / "spool").iterdir())
    found.assert_kept("no_lost_task", "critical")
    assert [letter["name"] for letter in letters] == [PAYMENT]
    assert not spooled, "what is filed is not kept in the spool"
