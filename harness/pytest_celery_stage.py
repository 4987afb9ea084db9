"""pytest-celery's fixtures on a stage of ours, the suite unchanged: ``--celery-harness-stage processes``.

All of pytest-celery's containers come from one fixture, `docker_client` (`pytest_docker_tools/plugin.py`);
here it gives a client whose containers are processes (`harness.docker_stand_in`), or containers of the images
that are here (`harness.docker_local`). Waiting looks more often than every second.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness import engine
from harness.docker_local import LocalEngine
from harness.docker_stand_in import StandIn
from harness.errors import StageError

LOOK_AFTER_S, LOOK_EVERY_S = 0.02, 0.25
"""The first look again, and the longest pause between two: in a container a look costs an `exec`."""
WAITING = (
    "pytest_docker_tools.factories.container",
    "pytest_docker_tools.wrappers.container",
    "pytest_celery.api.base",
    "pytest_celery.api.container",
)
"""The modules that have taken `wait_for_callable` over by name."""


CLIENTS: dict[str, type[StandIn | LocalEngine]] = {"processes": StandIn, "containers": LocalEngine}


@pytest.fixture(scope="session")
def docker_client(pytestconfig: pytest.Config) -> Iterator[StandIn | LocalEngine]:
    """What pytest-docker-tools makes containers with."""
    with pytest.MonkeyPatch.context() as patch:
        for name in WAITING:
            patch.setattr(importlib.import_module(name), "wait_for_callable", waited)
        # Published ports are reached by the loopback, also where this session runs in a container itself.
        wrappers: Any = importlib.import_module("pytest_docker_tools.wrappers.container")
        patch.setattr(wrappers, "tests_inside_container", lambda: False)
        client = CLIENTS[pytestconfig.getoption("--celery-harness-stage")]()
        try:
            yield client
        finally:
            client.close()


def waited(message: str, func: Callable[[], object], timeout: float = 30) -> None:
    """As `pytest_docker_tools.utils.wait_for_callable`."""
    tools: Any = importlib.import_module("pytest_docker_tools.exceptions")
    deadline = time.monotonic() + timeout
    pause_s = LOOK_AFTER_S
    while not func():
        if time.monotonic() > deadline:
            raise tools.TimeoutError(f"{message}: timeout of {timeout} s exceeded")
        time.sleep(pause_s)  # a log can only be looked at again; bounded above
        pause_s = min(pause_s * 1.5, LOOK_EVERY_S)


def check(config: pytest.Config, stage: str) -> None:
    """`StageError` where the option cannot be followed."""
    if stage not in CLIENTS:
        remedy = "Give --celery-harness-stage processes, or containers."
        raise StageError(f"pytest-celery's fixtures have no stage {stage!r}.", remedy=remedy)
    if stage == "containers" and not (found := engine.available()).ok:
        raise StageError(f"{found.why}.", remedy=found.remedy)
    if not config.pluginmanager.hasplugin("celery"):
        raise StageError("pytest-celery is not installed.", remedy="pip install 'pytest-celery[all]'")
