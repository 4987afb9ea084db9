"""The way to the broker takes seconds, of the stage's clock."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_latency import BrokerLatency
from tests.faults.conftest import Shop


def test_a_publish_takes_there_and_back_and_no_longer(proxied: Shop) -> None:
    assert proxied.works()  # the client is connected
    with injected(BrokerLatency(latency_s=2.0), proxied.world):
        task_id = proxied.send()
        published = proxied.published(task_id)
        (sent,) = proxied.events("task-sent", task_id=task_id)
        assert 4.0 <= published.at_s - sent.at_s < 6.0
    assert proxied.works()
