"""Simulated workers do what real ones do, behaviour by behaviour, or the table says what not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from harness import discovery
from harness.history import Event
from harness.stage import Stage
from scenarios.conformance.behaviours import ALL, BROKERS, Behaviour
from scenarios.conformance.differences import DIFFERENCES, Difference, stale, undocumented
from scenarios.conformance.normal import Record, Unlike, record, unlike
from scenarios.conformance.play import Player, player

STAGES = ("simulated", "processes")


def both(config: pytest.Config, broker: str, stack: ExitStack) -> dict[str, Player]:
    """Both stages, up; where one cannot be had the test is skipped, and fails when CI is set."""
    if config.getoption("--stage") == "simulated":
        pytest.skip("compares with real workers: run without --stage simulated")
    for name in STAGES:
        kind: type[Stage] = discovery.find("stages", name)
        found = kind.available(broker)
        if not found.ok:
            text = f"stage {name} with {broker}: {found.why}: {found.remedy}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(text)
    return {name: stack.enter_context(player(name, broker)) for name in STAGES}


@pytest.fixture(scope="module", params=BROKERS)
def players(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, Player]]]:
    """Both stages with one broker, for all behaviours."""
    with ExitStack() as stack:
        yield request.param, both(request.config, request.param, stack)


@pytest.mark.parametrize("behaviour", ALL.values(), ids=lambda one: one.name)
def test_simulated_workers_do_what_real_ones_do(
    players: tuple[str, dict[str, Player]], behaviour: Behaviour
) -> None:
    """The same history up to timing and the order of concurrent events, but for what the table has."""
    broker, stages = players
    if broker not in behaviour.brokers:
        pytest.skip(f"not a behaviour of {broker}")
    ours, theirs = (stages[name].play(behaviour) for name in STAGES)
    found = unlike(ours, theirs)
    unknown = undocumented(behaviour.name, broker, found)
    assert not unknown, "\n".join([f"{behaviour.name} differs:", *map(str, unknown)])
    old = stale(behaviour.name, broker, found)
    assert not old, f"no longer differs, take it out of the table: {old}"
    assert ours.lines or ours.facts, "the behaviour showed nothing"


def test_the_suite_has_more_than_thirty_behaviours_on_each_broker() -> None:
    for broker in BROKERS:
        assert sum(broker in each.brokers for each in ALL.values()) >= 30


def test_every_difference_is_about_a_behaviour() -> None:
    for one in DIFFERENCES:
        assert one.behaviour in ALL
        assert set(one.brokers) <= set(ALL[one.behaviour].brokers)
        assert one.why.endswith(".")


@pytest.mark.parametrize(
    ("broker", "mistake"), [("redis", "forget_the_visibility_timeout"), ("rabbitmq", "keep_nothing_back")]
)
def test_a_mistake_planted_into_the_simulation_is_noticed(
    pytestconfig: pytest.Config, broker: str, mistake: str
) -> None:
    """What a killed worker held never comes back there; the suite says so, and did not before."""
    behaviour = ALL["worker_killed_late"]
    with ExitStack() as stack:
        stages = both(pytestconfig, broker, stack)
        theirs = stages["processes"].play(behaviour)
        simulated = stages["simulated"]
        assert not undocumented(behaviour.name, broker, unlike(simulated.play(behaviour), theirs))
        simulated.world.client.ask("call", function=f"planted:{mistake}", kwargs={})
        found = undocumented(behaviour.name, broker, unlike(simulated.play(behaviour), theirs))
    assert "starts" in [each.where for each in found]


def test_a_difference_is_excused_only_where_the_table_says_so() -> None:
    found = [Unlike("starts", "1", "2"), Unlike("result", "a", "b")]
    table = (Difference("late", "starts", "Because.", ("redis",)),)
    assert undocumented("late", "redis", found, table) == found[1:]
    assert undocumented("late", "rabbitmq", found, table) == found
    assert undocumented("early", "redis", found, table) == found


def test_an_entry_that_no_longer_differs_is_told() -> None:
    table = (Difference("late", "starts", "Because.", ("redis",)),)
    assert stale("late", "redis", [], table) == list(table)
    assert not stale("late", "redis", [Unlike("starts", "1", "2")], table)
    assert not stale("early", "redis", [], table)


def test_deliveries_on_two_connections_are_two_although_their_tags_are_equal() -> None:
    """RabbitMQ counts delivery tags by channel (https://www.rabbitmq.com/docs/confirms)."""
    sent = Event(0, "task-sent", "client:1", "a", "conform.add", {"args": [1]})
    delivered = [
        Event(at_s, kind, "worker:main:2", "a", "conform.add", {"delivery_tag": tag})
        for at_s, kind, tag in (
            (1, "message-delivered", 1),
            (2, "message-delivered", 1),
            (3, "message-acked", 1),
        )
    ]
    other = [replace(event, data={"delivery_tag": 5}) for event in delivered[:1]] + delivered[1:]
    found = record([sent, *delivered], ()).lines["add(1), worker main"]
    assert found == ("message-delivered", "message-delivered; message-acked")
    assert record([sent, *other], ()).lines["add(1), worker main"] == found


def test_a_record_that_lacks_a_line_differs() -> None:
    whole = Record({"add(1), worker main": ("message-delivered; message-acked",)}, ())
    assert unlike(whole, whole) == []
    assert [each.where for each in unlike(whole, replace(whole, lines={}))] == ["add(1), worker main"]
