"""The result backend is gone when a task ends: what is paid stays paid, and is not paid again."""

from __future__ import annotations

import pytest

from harness.workload import Strike, Trigger
from scenarios.payments import Bank

pytestmark = pytest.mark.chaos


def test_a_result_backend_that_comes_back_costs_nothing(careful: Bank) -> None:
    """Storing is tried again until the backend answers."""
    strike = Strike("results_gone", {}, Trigger(on="task-succeeded", nth=4, heal_after_s=5.0))
    paid = careful.pay(16, strike)
    paid.assert_each_paid_once()
