"""Redis and Valkey as brokers: read without being consumed, killed without losing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness.broker import ServerSettings
from harness.brokers.redis import RedisBroker
from harness.errors import StageError, UsageError
from harness.launcher import ProcessLauncher
from tests.brokers.conftest import need, publish


@pytest.fixture(scope="module")
def broker(launcher: ProcessLauncher) -> Iterator[RedisBroker]:
    """One running server for this file."""
    need(RedisBroker)
    running = RedisBroker(launcher)
    running.start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _empty(broker: RedisBroker) -> None:
    broker.server.client.flushall()


def test_a_queue_tells_how_many_messages_and_whose(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "critical")
    publish(broker, "shop.pay", "id-2", [2], "critical")
    state = broker.read(["critical", "low"])
    assert state.queues["critical"].depth == 2
    assert state.queues["critical"].tasks == ("id-1", "id-2")
    assert state.queues["low"].depth == 0


def test_all_priority_steps_belong_to_the_queue(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "none", [1], "critical")
    publish(broker, "shop.pay", "nine", [2], "critical", priority=9)
    assert set(broker.read(["critical"]).queues["critical"].tasks) == {"none", "nine"}


def test_reading_takes_nothing_away(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "critical")
    assert broker.read(["critical"]) == broker.read(["critical"])


def test_a_message_is_decoded_with_its_arguments(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "id-1", [7], "critical")
    (message,) = broker.messages("critical")
    assert (message["id"], message["task"], message["args"], message["kwargs"]) == (
        "id-1",
        "shop.pay",
        [7],
        {},
    )


def test_what_a_worker_holds_is_unacknowledged(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "id-1", [7], "critical")
    raw = broker.server.client.rpop("critical")
    broker.server.client.hset("unacked", "tag", json.dumps([json.loads(raw), "", "critical"]))
    assert broker.read(["critical"]).unacked == ("id-1",)


def test_a_message_of_somebody_else_is_counted_and_has_no_name(broker: RedisBroker) -> None:
    broker.server.client.lpush("critical", b"\xff not a message")
    state = broker.read(["critical"])
    assert (state.queues["critical"].depth, state.queues["critical"].tasks) == (1, ())


def test_a_killed_server_comes_back_with_its_messages(broker: RedisBroker) -> None:
    publish(broker, "shop.pay", "id-1", [1], "critical")
    url = broker.url()
    broker.kill()
    assert broker.pid == 0
    broker.start()
    assert broker.url() == url
    assert broker.read(["critical"]).queues["critical"].tasks == ("id-1",)


def test_dropped_connections_are_counted(broker: RedisBroker) -> None:
    import redis

    with redis.Redis.from_url(broker.url()) as client:
        client.ping()
        assert broker.drop_connections() >= 1


def test_the_servers_settings_are_in_force(launcher: ProcessLauncher) -> None:
    given: ServerSettings = {
        "maxmemory-policy": "allkeys-lru",
        "maxmemory": "64mb",
        "appendonly": False,
    }
    running = RedisBroker(launcher, given)
    running.start()
    try:
        found = running.server.client.config_get("maxmemory*", "appendonly")
        expected = ("allkeys-lru", str(64 * 2**20), "no")
        assert (found["maxmemory-policy"], found["maxmemory"], found["appendonly"]) == expected
    finally:
        running.stop()


def test_a_setting_that_the_server_does_not_know_is_told_in_its_own_words(launcher: ProcessLauncher) -> None:
    running = RedisBroker(launcher, {"maxmemory-polcy": "allkeys-lru"})
    with pytest.raises(StageError, match="ended at once") as caught:
        running.start()
    assert "maxmemory-polcy" in caught.value.remedy
    running.stop()


@pytest.mark.parametrize("name", ["port", "bind", "replicaof", "loadmodule", "tls-port", "Port"])
def test_settings_that_would_lead_out_of_the_stage_are_refused(launcher: ProcessLauncher, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name!r} is the stage's own"):
        RedisBroker(launcher, {name: "1"})
