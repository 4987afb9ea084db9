"""An option of the app's own is turned."""

from __future__ import annotations

from dataclasses import replace

from tests.mutations.targets import PAY, mutants, target, told


def test_switches_are_turned_and_numbers_scaled() -> None:
    app = replace(target(), options={PAY: {"deduplicate": True, "weight": 20}})
    assert told("own_option", app) == [
        ("deduplicate", True, False), ("weight", 20, 2), ("weight", 20, 200),
    ]  # fmt: skip


def test_an_app_without_options_of_its_own_has_none() -> None:
    assert mutants("own_option", target()) == []
