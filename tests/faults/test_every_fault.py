"""What every fault keeps to, whatever it does: found by walking the folder, as `celery-harness list` does."""

from __future__ import annotations

import dataclasses
import re
import smtplib
import sqlite3
from contextlib import closing

import pytest

from harness import discovery
from harness.errors import UsageError
from harness.fault import Fault, injected
from harness.stage import World
from tests.faults.conftest import Shop

NAMES = discovery.names("faults")


ELSEWHERE = {
    "broker_disk_full": "--broker rabbitmq",
    "database_failover": "--database postgres",
    "database_pause": "--database postgres",
    "database_read_only": "--database postgres",
    "database_restart": "--database postgres",
    "database_slots_exhausted": "--database postgres",
    "network_partition": "--stage containers",
    "worker_container_stop": "--stage containers",
    "worker_disk_full": "--stage containers",
    "worker_disk_read_only": "--stage containers",
    "worker_out_of_memory": "--stage containers",
}
"""What cannot strike processes with Redis; ``tests/faults/test_NAME.py`` strikes it where it can."""


class Interrupted(Exception):
    """What a scenario raises while a fault holds."""


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_frozen_dataclass_that_needs_no_settings_and_is_named_after_its_file(name: str) -> None:
    kind = discovery.find("faults", name)
    assert dataclasses.is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert kind.__name__ == "".join(word.capitalize() for word in name.split("_"))
    fault = kind()
    assert isinstance(fault, Fault)
    assert fault.name == name
    assert fault.settings() == {field.name: getattr(fault, field.name) for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("name", NAMES)
def test_it_says_in_one_sentence_what_it_does_and_below_how_it_is_healed(name: str) -> None:
    assert discovery.summary("faults", name).endswith(".")
    text = discovery.explanation("faults", name)
    assert name == "no_op" or "Healed" in text or "nothing to heal" in text
    for field in dataclasses.fields(discovery.find("faults", name)):
        assert f"`{field.name}`" in text or field.name == "cold", f"{name}: {field.name} is not explained"


def test_helpers_are_not_listed() -> None:
    assert not any(name.startswith("_") for name in NAMES)
    with pytest.raises(UsageError, match="worker_kill"):
        discovery.find("faults", "worker_kil")


@pytest.mark.parametrize("name", ELSEWHERE)
def test_where_it_cannot_strike_it_says_where_it_can_and_nothing_is_broken(name: str, shop: Shop) -> None:
    fault: Fault = discovery.find("faults", name)()
    with pytest.raises(UsageError) as caught, injected(fault, shop.world):
        pass
    assert ELSEWHERE[name] in caught.value.remedy
    assert shop.works()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ELSEWHERE])
def test_it_is_healed_when_the_scenario_raises(name: str, request: pytest.FixtureRequest) -> None:
    """Afterwards everything that a fault may strike works, and both ends are in the record."""
    needs = {None: "shop", "database": "booking"}.get(discovery.find("faults", name).proxied, "proxied")  # type: ignore[attr-defined]
    shop: Shop = request.getfixturevalue(needs)
    if name == "clock_step" and shop.world.warp == "off":
        pytest.skip("without warp the stage has no clock to step")
    fault: Fault = discovery.find("faults", name)()
    before = len(shop.events("fault-injected", "fault-healed"))
    wall_s = wall_offset_s(shop.world)
    with pytest.raises(Interrupted), injected(fault, shop.world):
        raise Interrupted
    assert [(e.kind, e.get("fault")) for e in shop.events("fault-injected", "fault-healed")[before:]] == [
        ("fault-injected", name),
        ("fault-healed", name),
    ]
    assert shop.works()
    assert shop.inner.results.client.ping()
    assert shop.inner.cache.client.ping()
    with smtplib.SMTP(*shop.inner.mail.address, timeout=60) as client:
        assert client.noop()[0] == 250
    if shop.world.settings.database == "sqlite":
        path = shop.world.folder / "database" / "default.sqlite3"
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
    else:
        assert shop.outcome(shop.send("shop.book")).kind == "task-succeeded"
    assert wall_offset_s(shop.world) == pytest.approx(wall_s, abs=60)


def test_postgresql_is_struck_in_containers_as_on_processes(boxed_booking: Shop) -> None:
    """Behind a proxy, and each fault healed before the next."""
    says = {
        "database_pause": "timeout expired",
        "database_read_only": "read-only transaction",
        "database_restart": "OperationalError|ConnectionTimeout",
        "database_slots_exhausted": "too many clients",
        "database_failover": "^$",
    }
    booked = boxed_booking.booked()
    for name, error in says.items():
        fault: Fault = discovery.find("faults", name)()
        with injected(fault, boxed_booking.world):
            assert re.search(error, boxed_booking.error("shop.book", 1)), name
        assert not boxed_booking.error("shop.book", 1), name
    assert boxed_booking.booked() == booked + 6


def wall_offset_s(world: World) -> float:
    """The stage's wall clock against its monotonic one; moves only when the wall clock is stepped."""
    shared = getattr(world.clock, "shared", None)
    return 0.0 if shared is None else shared.wall_s() - shared.now_s()
