"""A result is stored two times."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.results_command_twice import ResultsCommandTwice
from tests.faults.conftest import Shop


def told(shop: Shop) -> int:
    """How often those who wait for a result are told that a task has succeeded."""
    with shop.inner.results.client.pubsub() as listener:
        listener.psubscribe("celery-task-meta-*")
        shop.runs(shop.send())
        shop.inner.results.client.publish("celery-task-meta-last", b"")
        found = []
        while (message := listener.get_message(timeout=20)) and message["data"] != b"":
            found.append(message["data"])
    assert message, "the last one was lost"
    return sum(b'"SUCCESS"' in data for data in found if isinstance(data, bytes))


def test_who_waits_for_it_is_told_twice_and_the_worker_is_none_the_wiser(proxied: Shop) -> None:
    before = proxied.strikes
    with injected(ResultsCommandTwice(where='"SUCCESS"'), proxied.world):
        assert told(proxied) == 2
    assert proxied.struck("results_command_twice", before) == [("EXEC", "forwarded twice")]
    assert told(proxied) == 1
    assert proxied.works()
