"""Tiers of different urgency on one worker are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

CONTRACT = """
[tiers.high]
tasks = ["shop.pay"]
queue = "high"
urgency = 9
[tiers.low]
tasks = ["shop.clean"]
queue = "low"
urgency = 1
[workers.both]
queues = ["high", "low"]
"""


BAD = """
@app.task
def pay(): ...
"""

GOOD = [
    "app.conf.broker_transport_options = {'queue_order_strategy': 'priority'}\n",
]


def test_urgent_and_other_work_in_turns(lint: Lint) -> None:
    (finding,) = lint(BAD, contract=CONTRACT)
    assert (finding.rule, finding.subject, finding.where) == ("PRI003", "both", "contract.toml:12")


@pytest.mark.parametrize("app", GOOD)
def test_redis_can_keep_the_order(lint: Lint, app: str) -> None:
    assert lint(app, contract=CONTRACT) == []


def test_a_worker_for_each_tier_is_fine(lint: Lint) -> None:
    apart = CONTRACT.replace('["high", "low"]', '["high"]') + '[workers.other]\nqueues = ["low"]\n'
    assert lint(BAD, contract=apart) == []
