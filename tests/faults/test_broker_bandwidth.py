"""The way to the broker is narrow."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_bandwidth import BrokerBandwidth
from tests.faults.conftest import Shop


def test_a_large_message_takes_its_time(proxied: Shop) -> None:
    with injected(BrokerBandwidth(bytes_per_s=1000.0), proxied.world):
        task_id = proxied.world.send("shop.sell", ["x" * 3000], {})
        published = proxied.published(task_id)
        (sent,) = proxied.events("task-sent", task_id=task_id)
        assert published.at_s - sent.at_s >= 3.0
    assert proxied.runs(task_id) == 1
