"""The broker has the message, and the client does not know it."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.broker_reply_lost import BrokerReplyLost
from tests.faults.conftest import Shop


def test_a_publish_whose_reply_is_lost_is_repeated_and_the_task_runs_twice(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(BrokerReplyLost(), proxied.world):
        assert proxied.runs(proxied.send()) == 2
    assert proxied.struck("broker_reply_lost", before) == [("LPUSH", "reply")]
    assert proxied.runs(proxied.send()) == 1
