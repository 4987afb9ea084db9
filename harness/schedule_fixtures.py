"""Fixtures that try schedules of tasks and faults on the simulated stage, whatever `--stage` says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.laboratories import laboratories
from harness.target import Target, stage_for, target_of
from harness.trials import Laboratory, Trial
from harness.trials import laboratory as opened

Search = Callable[..., Any]
EXAMPLES = 200


@pytest.fixture(scope="module")
def laboratory(request: pytest.FixtureRequest) -> Iterator[Laboratory]:
    """A simulated world of the module's app; `try_out(Schedule(...))` tries a schedule on a copy of it."""
    target, broker = _target(request), _broker(request)
    stage_for(request.config, broker, "simulated")
    with opened(
        target.app, target.contract, target.workdir, broker=broker, seed=_seed(request.config)
    ) as found:
        yield found


@pytest.fixture
def search(pytestconfig: pytest.Config, celery_app_target: Target, harness_broker_name: str) -> Search:
    """Fail with the smallest schedule that breaks a guarantee: ``search("no_lost_task", examples=200)``."""
    stage_for(pytestconfig, harness_broker_name, "simulated")
    module: Any = pytest.importorskip("harness.search", reason="Hypothesis is not installed")

    def look(
        *guarantees: str, examples: int = EXAMPLES, clock_steps: bool = False, jobs: int | None = None
    ) -> Any:
        target, seed = celery_app_target, _seed(pytestconfig)
        with laboratories(
            target.app, target.contract, target.workdir, broker=harness_broker_name, seed=seed,
            guarantees=guarantees, jobs=jobs,
        ) as labs:  # fmt: skip
            kept_in = pytestconfig.rootpath / "reports" / "examples"
            found = module.search(
                labs, examples=examples, seeded=seed, clock_steps=clock_steps, database=kept_in
            )
        if found.trial is not None:
            pytest.fail(_story(found.trial, found.tried), pytrace=False)
        return found

    return look


def _story(trial: Trial, tried: int) -> str:
    return "\n".join([
        *(f"BROKEN {each.guarantee} [{each.tier}]: {each.observed}\n  {each.blame}" for each in trial.broken),
        *(f"  {line}" for line in trial.schedule.lines()),
        f"  found in {tried} schedules; search --token {trial.schedule.token()} runs it again",
    ])  # fmt: skip


def _target(request: pytest.FixtureRequest) -> Target:
    marker = request.node.get_closest_marker("harness_app")
    given: dict[str, Any] = dict(marker.kwargs) if marker else {}
    if marker and marker.args:
        given["app"] = marker.args[0]
    return target_of(request.config, **given)


def _broker(request: pytest.FixtureRequest) -> str:
    marker = request.node.get_closest_marker("harness_broker")
    return str(marker.args[0]) if marker else str(request.config.getoption("--broker"))


def _seed(config: pytest.Config) -> int:
    """That of the option, else always the same: what is found is found again."""
    return int(config.getoption("--seed") or 0)
