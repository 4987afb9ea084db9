"""What a test is about: an app, its promises, and a stage; else it is skipped, with the reason."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import discovery
from harness.broker import Availability
from harness.choice import find_contract
from harness.contract import Contract
from harness.contract_file import load
from harness.stage import Stage


@dataclass(frozen=True, slots=True)
class Target:
    """Which app a test is about, under which promises."""

    app: str
    contract: Contract
    workdir: Path


_DRAFTS = pytest.StashKey[dict[tuple[object, ...], Contract]]()
"""Contracts found or drafted in this session, by app, folder and environment: a draft imports the app."""


def target_of(
    config: pytest.Config, *, app: str = "", contract: str | Contract | None = None, workdir: str | Path = ""
) -> Target:
    """What is given, else the options, else the ini file; paths are relative to the root of the tests."""
    app = app or _default(config, "app")
    if not app:
        pytest.fail("No app was named: give --harness-app, or mark the test with harness_app.")
    folder = (config.rootpath / (workdir or _default(config, "workdir") or ".")).resolve()
    promises = contract or _default(config, "contract")
    if isinstance(promises, Contract):
        return Target(app, promises, folder)
    if promises:
        return Target(app, load(config.rootpath / promises), folder)
    drafts = config.stash.setdefault(_DRAFTS, {})
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    key = (app, folder, frozenset(variables.items()))
    if key not in drafts:
        drafts[key] = find_contract(app, folder, None)[0]
    return Target(app, drafts[key], folder)


def _default(config: pytest.Config, name: str) -> str:
    return str(config.getoption(f"--harness-{name}") or config.getini(f"harness_{name}") or "")


def stage_for(config: pytest.Config, broker: str, name: str = "") -> type[Stage]:
    """The stage, that of the option unless named; a test skips where it is missing, and fails with CI set."""
    name = name or str(config.getoption("--stage"))
    found = available(name, broker)
    if not found.ok:
        text = f"stage {name} with {broker}: {found.why}: {found.remedy}"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    kind: type[Stage] = discovery.find("stages", name)
    return kind


def available(stage: str, broker: str) -> Availability:
    """Whether this machine has the stage, with that broker."""
    kind: type[Stage] = discovery.find("stages", stage)
    return kind.available(broker)


def only_on(config: pytest.Config, *stages: str, why: str) -> None:
    """Skip on any other stage than these, with the reason, also from within a fixture."""
    stage = str(config.getoption("--stage"))
    if stage not in stages:
        pytest.skip(f"not on stage {stage}: {why}; run with --stage {stages[0]}")
