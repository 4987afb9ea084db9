"""A variable of the environment is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.mutations.targets import mutants, target


def read(given: Any = None, default: Any = None, shows: Any = None) -> Mapping[str, Any]:
    """What the app reads, what it falls back to, and what it makes of it."""
    return {"given": given, "default": default, "at": "settings.py:3", "shows": shows}


@pytest.mark.parametrize(
    ("reads", "after"),
    [
        (read(default=3600), ["360", "36000"]),
        (read(default=3600, given="20"), ["2", "200"]),
        (read(default="True"), ["False"]),
        (read(default=True), ["0"]),
        (read(default="a@x,b@x"), [""]),
        (read(shows=(5, "policy.TIERS[0].max_retries")), ["0", "50"]),
        (read(shows=(False, "policy.ALERTS")), ["1"]),
        (read(default="redis://user@host/0"), []),
        (read(), []),
    ],
)
def test_numbers_are_scaled_switches_turned_and_addresses_left_alone(
    reads: Mapping[str, Any], after: list[str]
) -> None:
    found = mutants("environment", target(reads={"SHOP_X": reads}))
    assert [each.environment for each in found] == [{"SHOP_X": value} for value in after]
