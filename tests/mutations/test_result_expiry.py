"""Results expire at another time."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_results_are_gone_early_late_or_never() -> None:
    app = target({"result_expires": 3600, "result_failure_expires": 60.0})
    assert told("result_expiry", app) == [
        ("result_expires", 3600, 360), ("result_expires", 3600, 36000), ("result_expires", 3600, None),
        ("result_failure_expires", 60.0, 6.0), ("result_failure_expires", 60.0, 600.0),
        ("result_failure_expires", 60.0, 0),
    ]  # fmt: skip


def test_results_that_stay_are_left_alone() -> None:
    assert mutants("result_expiry", target({"result_expires": None})) == []
