"""The connection is reset at a publish, which Celery then repeats."""

from __future__ import annotations

import pytest

from harness.fault import injected
from harness.faults.broker_command_cut import BrokerCommandCut
from tests.faults.conftest import Shop


@pytest.mark.parametrize(("after", "runs"), [(False, 1), (True, 2)])
def test_a_publish_that_had_not_arrived_runs_once_and_one_that_had_twice(
    proxied: Shop, after: bool, runs: int
) -> None:
    before = proxied.strikes
    with injected(BrokerCommandCut(after=after), proxied.world):
        task_id = proxied.send()
        assert proxied.runs(task_id) == runs
    assert proxied.struck("broker_command_cut", before) == [("LPUSH", "after" if after else "before")]
    assert proxied.runs(proxied.send()) == 1


def test_the_strike_names_the_task_and_the_process(proxied: Shop) -> None:
    with injected(BrokerCommandCut(where="shop.sell"), proxied.world):
        task_id = proxied.send()
        proxied.outcome(task_id)
    (struck,) = proxied.events("fault-struck")[-1:]
    assert task_id in struck.get("concerns")
    assert struck.get("pid") == proxied.inner.client.process.pid
