"""The visibility timeout is another."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told

APP = {"broker_transport_options": {"visibility_timeout": 600}}


def test_the_visibility_timeout_is_shorter_longer_or_celerys_own() -> None:
    assert [after for _, _, after in told("redelivery", target(APP))] == [60, 6000, None]


def test_rabbitmq_has_none() -> None:
    assert mutants("redelivery", target(APP, broker="rabbitmq")) == []
