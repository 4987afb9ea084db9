"""Rules that a change newly breaks; without rules, or without a base, nothing is said."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.contract import Contract, Tier
from harness.gate_rules import Revision, newly_broken

REVISION: Revision = ({}, Path(), Contract((Tier("t", ("*",)),)))


def test_without_a_base_nothing_is_new() -> None:
    assert newly_broken(None, REVISION) is None


def test_without_rules_nothing_is_asked() -> None:
    if find_spec("harness.lint") is not None:
        pytest.skip("this version has rules")
    assert newly_broken(REVISION, REVISION) is None
