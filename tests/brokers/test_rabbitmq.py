"""RabbitMQ as a broker: a private node, read without being consumed, killed without losing a message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.brokers.rabbitmq import RabbitmqBroker
from harness.errors import StageError, UsageError
from harness.launcher import ProcessLauncher
from tests.brokers.conftest import need, publish


@pytest.fixture(scope="module")
def broker(launcher: ProcessLauncher) -> Iterator[RabbitmqBroker]:
    """One running node for this file."""
    need(RabbitmqBroker)
    running = RabbitmqBroker(
        launcher, {"consumer_timeout": 3_900_000, "vm_memory_high_watermark.relative": 0.5}
    )
    running.start()
    yield running
    running.stop()


def test_a_queue_tells_how_many_messages_and_whose(broker: RabbitmqBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "counted")
    publish(broker, "shop.pay", "id-2", [2], "counted")
    state = broker.read(["counted", "never-declared"])
    assert state.queues["counted"].depth == 2
    assert state.queues["counted"].tasks == ("id-1", "id-2")
    assert "never-declared" not in state.queues


def test_reading_gives_back_in_order(broker: RabbitmqBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "peeked")
    publish(broker, "shop.pay", "id-2", [2], "peeked")
    first, second = broker.read(["peeked"]), broker.read(["peeked"])
    assert first.queues["peeked"] == second.queues["peeked"]


def test_a_message_is_decoded_with_its_arguments(broker: RabbitmqBroker) -> None:
    publish(broker, "shop.pay", "id-1", [7], "decoded")
    (message,) = broker.messages("decoded")
    assert (message["id"], message["task"], message["args"], message["kwargs"]) == (
        "id-1",
        "shop.pay",
        [7],
        {},
    )


def test_no_queue_no_messages(broker: RabbitmqBroker) -> None:
    assert broker.messages("never-declared") == []


def test_dropped_connections_are_closed_at_the_node(broker: RabbitmqBroker) -> None:
    """An open connection is told so, and new ones are taken."""
    with broker._connection() as connection:
        connection.connect()
        broker.drop_connections()
        with pytest.raises(connection.connection_errors):
            connection.drain_events(timeout=30)
    publish(broker, "shop.pay", "id-1", [1], "after")
    assert broker.read(["after"]).queues["after"].depth == 1


def test_a_paused_node_answers_nobody_until_it_goes_on(broker: RabbitmqBroker) -> None:
    broker.pause()
    try:
        with pytest.raises(TimeoutError), broker._connection() as connection:
            connection.connect()
    finally:
        broker.resume()
    broker.ready()


def test_a_killed_node_comes_back_with_durable_messages(broker: RabbitmqBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "durable")
    assert broker.read(["durable"]).queues["durable"].depth == 1
    broker.kill()
    assert broker.pid == 0
    broker.start()
    assert broker.read(["durable"]).queues["durable"].tasks == ("id-1",)


def test_the_servers_settings_are_in_force(broker: RabbitmqBroker) -> None:
    """The node itself is asked: it fails where the setting is another."""
    broker.control("eval", "{ok, 3900000} = application:get_env(rabbit, consumer_timeout).")
    with pytest.raises(StageError, match="eval"):
        broker.control("eval", "{ok, 1800000} = application:get_env(rabbit, consumer_timeout).")


@pytest.mark.parametrize("name", ["listeners.tcp.default", "cluster_formation.peer_discovery_backend"])
def test_settings_that_would_lead_out_of_the_stage_are_refused(launcher: ProcessLauncher, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name!r} is the stage's own"):
        RabbitmqBroker(launcher, {name: 1})


@pytest.mark.parametrize("alarm", ["out_of_memory", "out_of_disk"])
def test_an_alarm_is_raised_and_lifted(broker: RabbitmqBroker, alarm: str) -> None:
    """``rabbit_alarm:get_alarms()`` names what blocks publishers (https://www.rabbitmq.com/docs/alarms)."""
    ask = ("eval", 'io:format("~p", [rabbit_alarm:get_alarms()]).')
    asked = "vm_memory_monitor:get_vm_memory_high_watermark(), rabbit_disk_monitor:get_disk_free_limit()"
    limits = ("eval", f'io:format("~p ~p", [{asked}]).')
    before = broker.control(*limits)
    with getattr(broker, alarm)():
        assert "resource_limit" in broker.control(*ask)
    assert "resource_limit" not in broker.control(*ask)
    assert broker.control(*limits) == before


def test_a_deleted_queue_is_gone_with_what_it_holds_and_others_are_not(broker: RabbitmqBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "deleted")
    publish(broker, "shop.pay", "id-2", [2], "left")
    assert broker.delete_queue("deleted") == 1
    state = broker.read(["deleted", "left"])
    assert "deleted" not in state.queues
    assert state.queues["left"].tasks == ("id-2",)
    assert broker.delete_queue("never-declared") == 0


def test_what_only_redis_can_says_so(broker: RabbitmqBroker) -> None:
    for cannot in (broker.read_only, lambda: broker.evicted("allkeys-lru")):
        with pytest.raises(UsageError) as caught:
            cannot()
        assert "--broker redis" in caught.value.remedy
