"""Queues that nobody consumes, and routes that nobody takes."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.exceptions import QueueNotFound

from scenarios.rules.proof import Shown, kombu, queue


def test_unrouted_tasks_wait_in_a_queue_that_nobody_declared(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTE001", ""), good.has("RTE001", "")) == (True, False)
    assert bad.life("unrouted").runs == ()
    assert bad.seen["depths"]["celery"] > 0
    assert good.life("unrouted").outcome == "succeeded"


def test_a_queue_without_a_consumer_keeps_its_tasks(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTE002", "lonely"), good.has("RTE002", "lonely")) == (True, False)
    assert bad.life("waiting").runs == ()
    assert bad.seen["depths"]["lonely"] == 1
    assert good.life("waiting").outcome == "succeeded"


def test_a_mistyped_queue_is_made_and_never_consumed(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTE003", "ordres"), good.has("RTE003", "ordres")) == (True, False)
    assert bad.life("typo").runs == ()
    assert good.life("typo").outcome == "succeeded"


def test_a_mistyped_route_leaves_the_task_in_the_default_queue(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTE004", "unfuond"), good.has("RTE004", "unfuond")) == (True, False)
    assert queue(bad.life("unfound")) == "celery"
    assert queue(good.life("unfound")) == "orders"


def test_a_pattern_key_on_a_direct_exchange_drops_messages(bad: Shown, good: Shown) -> None:
    assert (bad.has("RTE005", "wild"), good.has("RTE005", "wild")) == (True, False)
    """A stranger publishes to the exchange with the key ``wild.one``."""
    assert bad.seen["foreign"] is False
    assert good.seen["foreign"] is True


def test_publishing_to_a_queue_that_is_refused_raises() -> None:
    """In the caller, in Celery's own code; where queues are made it does not."""
    with Celery("refusing", broker="memory://", set_as_current=False) as app:
        app.conf.update(task_queues=[kombu.Queue("orders")], task_default_queue="orders")
        app.conf.task_create_missing_queues = False
        with pytest.raises(QueueNotFound):
            app.send_task("pay", queue="ordres")
        app.send_task("pay", queue="orders")
