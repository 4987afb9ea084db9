"""The runs that the proofs of the rules share, each made once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.contract import Contract, Effect, Tier, WorkerLayout
from harness.lint import lint
from harness.plugin import OpenWorld, only_on, stage_for
from scenarios.rules.proof import (
    FOLDER,
    Shown,
    contract,
    examined,
    look,
    look_at_rabbitmq,
    redis_phases,
    redis_workers,
    wired_phases,
)


def _on_redis(
    app: str, opened: OpenWorld, pytestconfig: pytest.Config, keep: pytest.TempPathFactory
) -> Shown:
    only_on(pytestconfig, "processes", why=STRANGER)
    phases = redis_phases(app)
    tasks = {send.task.removeprefix(f"{app}.") for phase in phases for each in phase for send in each.sends}
    promises = contract(app, tasks, redis_workers(app))
    return examined(app, pytestconfig.rootpath, opened, promises, phases, keep.mktemp(app), last=look)


@pytest.fixture(scope="session")
def bad(
    open_world: OpenWorld, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    """The app with every mistake, on Redis."""
    return _on_redis("bad", open_world, pytestconfig, tmp_path_factory)


@pytest.fixture(scope="session")
def good(
    open_world: OpenWorld, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    """The same app, mended, on Redis."""
    return _on_redis("good", open_world, pytestconfig, tmp_path_factory)


def _on_rabbitmq(
    app: str, opened: OpenWorld, pytestconfig: pytest.Config, keep: pytest.TempPathFactory
) -> Shown:
    only_on(pytestconfig, "processes", why=STRANGER)
    stage_for(pytestconfig, "rabbitmq")
    promises = contract(app, ("slow", "start"), [WorkerLayout("main", ("orders",), concurrency=2)])
    return examined(
        app, pytestconfig.rootpath, opened, promises, wired_phases(app), keep.mktemp(app),
        broker="rabbitmq", last=look_at_rabbitmq,
    )  # fmt: skip


@pytest.fixture(scope="session")
def wired_bad(
    open_world: OpenWorld, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    """What goes wrong around failures and on RabbitMQ."""
    return _on_rabbitmq("wired_bad", open_world, pytestconfig, tmp_path_factory)


@pytest.fixture(scope="session")
def wired_good(
    open_world: OpenWorld, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Shown:
    """The same, mended."""
    return _on_rabbitmq("wired_good", open_world, pytestconfig, tmp_path_factory)


STRANGER = "the proof talks to the broker from outside, which a simulated one cannot hear"


LintEffects = Callable[[str], set[str]]


@pytest.fixture
def lint_effects(pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LintEffects:
    """The tasks of an app of which ACK004 speaks, where a contract promises an effect at most once."""
    monkeypatch.setenv("FILES", str(tmp_path))

    def linted(app: str) -> set[str]:
        promises = Contract((Tier("all", (f"{app}.pay",), effect=Effect()),))
        found = lint(f"{app}:app", pytestconfig.rootpath / FOLDER, promises, ["ACK004"])
        return {finding.subject for finding in found.open}

    return linted
