"""Whatever strikes, in an order that a seed tells: every account is paid, and once."""

from __future__ import annotations

import pytest

from harness.nemesis import random_strikes
from harness.workload import Body, Strike
from scenarios.payments import Bank

pytestmark = pytest.mark.chaos

FAULTS = (
    Strike("worker_kill", {"worker": "first"}),
    Strike("worker_kill", {"worker": "second"}),
    Strike("child_kill", {"worker": "first"}),
    Strike("worker_stop", {"worker": "second"}),
    Strike("worker_pause", {"worker": "first"}),
    Strike("broker_drops_connections"),
    Strike("results_gone"),
    Strike("database_locked"),
    Strike("database_unreachable"),
    Strike("no_op"),
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_mix_of_faults_loses_no_payment(careful: Bank, seed: int) -> None:
    """Fifty payments in forty seconds, a fault every ten seconds or so, each for some seconds."""
    strikes = random_strikes(seed, FAULTS, duration_s=40, mean_gap_s=10, mean_hold_s=4)
    paid = careful.pay(50, *strikes, every_s=0.8, body=Body(hold_s=0.5))
    paid.assert_each_paid_once()
