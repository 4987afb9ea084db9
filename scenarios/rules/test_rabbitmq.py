"""RabbitMQ: what it deletes, refuses, and never confirmed; errbacks and receivers of failures."""

from __future__ import annotations

from scenarios.rules.proof import Shown
from scenarios.since import since


def test_a_ttl_deletes_messages(wired_bad: Shown, wired_good: Shown) -> None:
    """After five seconds one with a TTL of a second is gone."""
    assert (wired_bad.has("DLQ005", "kept"), wired_good.has("DLQ005", "kept")) == (True, False)
    assert wired_bad.seen["kept was sent"]
    assert wired_bad.seen["depths"]["kept"] == 0
    assert wired_good.seen["depths"]["kept"] == 1


def test_another_maximum_priority_is_refused(wired_bad: Shown, wired_good: Shown) -> None:
    """The queue exists already: 406; without the argument it may be declared again."""
    assert (wired_bad.has("PRI002", "ordered"), wired_good.has("PRI002", "ordered")) == (True, False)
    assert wired_bad.seen["refused"] == 406
    assert "refused" not in wired_good.seen


def test_an_unconfirmed_publish_is_lost_without_an_error(wired_bad: Shown, wired_good: Shown) -> None:
    """Five messages for a queue that takes two; who waits for the confirmation hears of three."""
    assert (wired_bad.has("PUB001"), wired_good.has("PUB001")) == (True, False)
    assert wired_bad.seen["depths"]["full"] == wired_good.seen["depths"]["full"] == 2
    assert wired_bad.seen["failed to publish"] == 0
    assert wired_good.seen["failed to publish"] == 3


def test_a_publish_without_retry_fails_where_the_connection_was_lost(
    wired_bad: Shown, wired_good: Shown
) -> None:
    assert (wired_bad.has("PUB003"), wired_good.has("PUB003")) == (True, False)
    assert not wired_bad.seen["without retry"]
    assert wired_bad.seen["with retry"]
    assert wired_good.seen["with retry"]


def test_a_bound_errback_writes_nothing(wired_bad: Shown, wired_good: Shown) -> None:
    assert (wired_bad.has("DLQ002", "errback"), wired_good.has("DLQ002", "errback")) == (True, False)
    assert ("errback",) not in wired_bad.rows("notes", "note")
    assert ("errback",) in wired_good.rows("notes", "note")


@since("5.7", "`task_failure` is sent once for the hard time limit (celery#4827)")
def test_the_hard_limit_calls_the_receiver_twice(wired_bad: Shown, wired_good: Shown) -> None:
    """What is unique by task writes one record all the same."""
    assert (wired_bad.has("DLQ004"), wired_good.has("DLQ004")) == (True, False)
    assert wired_bad.rows("notes", "note").count(("failed slow",)) == 2
    assert wired_good.rows("notes", "note").count(("failed slow",)) == 1


def test_an_alert_by_task_id_is_never_sent(wired_bad: Shown, wired_good: Shown) -> None:
    assert (wired_bad.has("OPS005"), wired_good.has("OPS005")) == (True, False)
    assert ("alert",) not in wired_bad.rows("notes", "note")
    assert ("alert",) in wired_good.rows("notes", "note")
