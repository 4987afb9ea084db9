"""The pytest plugin: options, markers, and fixtures to write scenarios with.

High level: `verify` judges guarantees of an app on a stage; whole runs are shared within a session.
Low level: `world` is a stage of the test's own, with `worker`, `workers`, `broker`, `mailbox`,
`filesystem`, `database`, `inject` and `conduct` to hold it by; `open_world` opens one for a whole module
or session. pytest-celery's names for a running worker and broker, `celery_worker` and `celery_broker`,
mean the same here, unless pytest-celery is installed: then they are its own.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import discovery, pytest_celery_stage, run, schedule_fixtures
from harness.broker import Broker
from harness.conduct import Conductor
from harness.contract import Contract
from harness.contract_file import resolve
from harness.errors import StageError
from harness.experiments import checkers
from harness.fault import Fault, injected
from harness.judgement import Judgement as Judgement  # noqa: PLC0414 - a name of the plugin's
from harness.nemesis import proxies
from harness.stage import Stage, StageSettings, Worker, World
from harness.target import Target as Target  # noqa: PLC0414 - as above
from harness.target import available
from harness.target import only_on as only_on  # noqa: PLC0414 - as above
from harness.target import stage_for as stage_for  # noqa: PLC0414 - as above
from harness.target import target_of as target_of  # noqa: PLC0414 - as above
from harness.workload import Experiment

Verify = Callable[..., "Judgement"]
OpenWorld = Callable[..., AbstractContextManager[World]]

LASTING = frozenset({"worker-ready"})
"""Kinds of events that say something about a world however long ago they happened."""

CONTAINERS_ARE_A_MUST = "CELERY_HARNESS_CONTAINERS"
"""With this variable set, no other stage is taken in the place of containers."""
FELL_BACK = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; each has an ini name without the dashes' prefix, so that a project can set them once."""
    group = parser.getgroup("celery-harness")
    group.addoption("--stage", default="processes", help="where scenarios run: processes, ...")
    group.addoption("--broker", default="redis", help="redis or rabbitmq")
    group.addoption("--warp", default="auto", help="auto, off, or a rate from 1 to 60")
    group.addoption("--seed", type=int, default=None, help="seed of everything random")
    group.addoption("--harness-app", default=None, help="what Celery's -A takes")
    group.addoption("--harness-contract", default=None, help="the contract; else found as verify finds it")
    group.addoption("--harness-workdir", default=None, help="the folder to import the app from")
    group.addoption(
        "--celery-harness-stage", default="", help="pytest-celery's containers run on: processes, containers"
    )
    for name in ("app", "contract", "workdir"):
        parser.addini(f"harness_{name}", f"the default of --harness-{name}", default="")


def pytest_configure(config: pytest.Config) -> None:
    """The markers, and the names that pytest-celery leaves free."""
    config.addinivalue_line("markers", "harness_app(app, contract=None, workdir=None): the app of a scenario")
    config.addinivalue_line("markers", "harness_broker(name): a scenario for one kind of broker")
    config.addinivalue_line("markers", "harness_proxies(*servers): proxies that the faults of a test need")
    config.addinivalue_line("markers", "harness_stage(*names, why): the stages on which a test makes sense")
    config.addinivalue_line("markers", "chaos: a scenario in which faults strike a system at work")
    _fall_back(config)
    config.pluginmanager.register(schedule_fixtures, "celery-harness-schedules")
    if stage := config.getoption("--celery-harness-stage"):
        _stand_in(config, stage)
    if not config.pluginmanager.hasplugin("celery"):  # the name of pytest-celery's entry point
        config.pluginmanager.register(PytestCeleryNames(), "celery-harness-names")


def _stand_in(config: pytest.Config, stage: str) -> None:
    """Give pytest-celery's fixtures our containers; registered after it, so that ours are the ones found."""
    try:
        pytest_celery_stage.check(config, stage)
    except StageError as error:
        raise pytest.UsageError(f"{error.fact} {error.remedy}") from error
    config.pluginmanager.register(pytest_celery_stage, "celery-harness-stand-in")


def _fall_back(config: pytest.Config) -> None:
    """Where containers cannot be had, scenarios run on processes as far as these can, and it is said why."""
    stage, broker = config.getoption("--stage"), config.getoption("--broker")
    if stage != "containers" or os.environ.get(CONTAINERS_ARE_A_MUST):
        return
    found = available(stage, broker)
    if not found.ok:
        config.option.stage = "processes"
        config.stash[FELL_BACK] = (
            f"no stage containers: {found.why} ({found.remedy}); on processes what can be"
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that says that it makes no sense on this stage, before it opens anything."""
    for mark in item.iter_markers("harness_stage"):
        only_on(item.config, *mark.args, why=mark.kwargs["why"])


class PytestCeleryNames:
    """The names of pytest-celery for what both have."""

    @pytest.fixture
    def celery_worker(self, worker: Worker) -> Worker:
        """The first of the running workers."""
        return worker

    @pytest.fixture
    def celery_broker(self, broker: Broker) -> Broker:
        """The running broker."""
        return broker


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which stage, and why."""
    fell_back = config.stash.get(FELL_BACK, "")
    stage, broker = config.getoption("--stage"), config.getoption("--broker")
    found = available(stage, broker)
    state = found.version or "ready" if found.ok else f"not to be had: {found.why} ({found.remedy})"
    now = f"celery-harness: stage {stage}, broker {broker} ({state}), warp {config.getoption('--warp')}"
    return [*([f"celery-harness: {fell_back}"] if fell_back else []), now]


def conducted(
    world: World, contract: Contract, *experiments: Experiment, guarantees: Sequence[str] = ()
) -> Judgement:
    """Run experiments on a world and judge guarantees by what happened since: one world, many questions.

    Tasks of earlier experiments are left out of the record, and so is what was done to the world then.
    """
    promises = resolve(contract, world.tasks)
    began_s = world.clock.now_s()
    before = {event.task_id for event in world.arrived() if event.task_id}
    Conductor(world, promises, _silent).run(experiments)
    settings = world.settings
    request = run.Request(
        app=settings.app, contract=promises, workdir=settings.workdir, broker=settings.broker,
        warp=settings.warp, seed=settings.seed,
    )  # fmt: skip
    whole = run.record_of(world, promises, request)
    events = tuple(
        event
        for event in whole.events
        if event.task_id not in before and (event.at_s >= began_s or event.kind in LASTING)
    )
    history = replace(whole, events=events)
    verdicts = run.judge(promises, history, only=guarantees or tuple(each.name for each in checkers()))
    return Judgement(tuple(run.unless_unstruck(verdicts, history)), history, promises)


@pytest.fixture(scope="session")
def harness_seed(pytestconfig: pytest.Config) -> int:
    """The seed of the session."""
    given = pytestconfig.getoption("--seed")
    return random.randrange(10**6) if given is None else int(given)


@pytest.fixture
def harness_broker_name(request: pytest.FixtureRequest) -> str:
    """The broker of a test: its marker, else the option."""
    marker = request.node.get_closest_marker("harness_broker")
    return str(marker.args[0]) if marker else str(request.config.getoption("--broker"))


@pytest.fixture
def stage(pytestconfig: pytest.Config, harness_broker_name: str) -> type[Stage]:
    """The stage; where it cannot be had the test is skipped, and fails when CI is set."""
    return stage_for(pytestconfig, harness_broker_name)


@pytest.fixture
def celery_app_target(request: pytest.FixtureRequest) -> Target:
    """The app of a test: its marker, else options, else the ini file."""
    marker = request.node.get_closest_marker("harness_app")
    given: dict[str, Any] = dict(marker.kwargs) if marker else {}
    if marker and marker.args:
        given["app"] = marker.args[0]
    return target_of(request.config, **given)


@pytest.fixture
def contract(celery_app_target: Target) -> Contract:
    """The promises of the app."""
    return celery_app_target.contract


@pytest.fixture(scope="session")
def _judgements() -> dict[tuple[Any, ...], Judgement]:
    return {}


@pytest.fixture(scope="session")
def _stage_session(pytestconfig: pytest.Config) -> Iterator[None]:
    """What worlds of one session may share: servers in containers are handed on."""
    kind: type[Stage] = discovery.find("stages", str(pytestconfig.getoption("--stage")))
    with kind.session():
        yield


@pytest.fixture(scope="session")
def judged(
    pytestconfig: pytest.Config, harness_seed: int, _stage_session: None,
    _judgements: dict[tuple[Any, ...], Judgement],
) -> Verify:  # fmt: skip
    """Judge guarantees of any app, named by `target_of`; see `verify`."""

    def judge(
        target: Target, *guarantees: str, tiers: Sequence[str] = (), alone: bool = False, broker: str = ""
    ) -> Judgement:
        broker = broker or str(pytestconfig.getoption("--broker"))
        key = (target.app, target.workdir, repr(target.contract), broker)
        if not alone and key in _judgements:
            return _judgements[key]
        stage = stage_for(pytestconfig, broker)
        made = run.verify(
            run.Request(
                app=target.app, contract=target.contract, workdir=target.workdir, stage=_name(stage),
                broker=broker, warp=pytestconfig.getoption("--warp"), seed=harness_seed,
                only=guarantees if alone else (), tiers=tuple(tiers) if alone else (),
                reports=pytestconfig.rootpath / "reports",
            )
        )  # fmt: skip
        judgement = Judgement(made.verdicts, made.history, made.contract)
        if not alone:
            _judgements[key] = judgement
        return judgement

    return judge


@pytest.fixture
def verify(
    judged: Verify, open_world: OpenWorld, harness_broker_name: str, celery_app_target: Target
) -> Verify:
    """Judge guarantees of the app: ``verify("retry_cap", tiers=["critical"], alone=True)``.

    A whole run is made once a session for each app, contract and broker, and shared by all tests that
    ask for it. `alone` makes a run of its own, with only what these guarantees and tiers need. With
    `experiments` the run has just these workloads and faults. `workdir` imports the app from another
    folder, a copy of the project for instance.
    """

    def judge(
        *guarantees: str, tiers: Sequence[str] = (), alone: bool = False, contract: Contract | None = None,
        workdir: Path | None = None, experiments: Sequence[Experiment] = (),
    ) -> Judgement:  # fmt: skip
        target = replace(
            celery_app_target,
            contract=contract or celery_app_target.contract,
            workdir=workdir or celery_app_target.workdir,
        )
        if not experiments:
            return judged(target, *guarantees, tiers=tiers, alone=alone, broker=harness_broker_name)
        with open_world(target, broker=harness_broker_name, proxies=proxies(experiments)) as opened:
            return conducted(opened, target.contract, *experiments, guarantees=guarantees)

    return judge


@pytest.fixture(scope="session")
def open_world(pytestconfig: pytest.Config, harness_seed: int, _stage_session: None) -> OpenWorld:
    """Open a stage for an app, for as long as a fixture of any scope wants it.

    ``with open_world(target_of(pytestconfig, app="payments:app", workdir="apps")) as world: ...``
    `database` is ``sqlite`` or ``postgres``; `services` are containers of testcontainers by name, which stand
    beside the stage (`docs/containers.md`).
    """

    def opened(
        target: Target, *, broker: str = "", environment: Mapping[str, str] | None = None,
        proxies: Sequence[str] = (), services: Mapping[str, Any] | None = None, database: str = "sqlite",
    ) -> AbstractContextManager[World]:  # fmt: skip
        broker = broker or str(pytestconfig.getoption("--broker"))
        settings = StageSettings(
            app=target.app, contract=target.contract, workdir=target.workdir, broker=broker,
            warp=pytestconfig.getoption("--warp"), seed=harness_seed, environment=environment or {},
            proxies=tuple(proxies), services=services or {}, database=database,
        )  # fmt: skip
        kind = stage_for(pytestconfig, broker)
        if proxies and not kind.proxies:
            only_on(pytestconfig, "processes", why="no proxy stands before its servers")
        return kind.open(settings)

    return opened


@pytest.fixture
def world(
    request: pytest.FixtureRequest, open_world: OpenWorld, harness_broker_name: str, celery_app_target: Target
) -> Iterator[World]:
    """A stage of the test's own, with the app's workers ready; ``harness_proxies`` puts proxies into it."""
    needed = [name for mark in request.node.iter_markers("harness_proxies") for name in mark.args]
    with open_world(celery_app_target, broker=harness_broker_name, proxies=needed) as opened:
        yield opened


@pytest.fixture
def worker(world: World) -> Worker:
    """The first of the running workers."""
    return next(iter(world.workers.values()))


@pytest.fixture
def workers(world: World) -> Any:
    """The running workers by name."""
    return world.workers


@pytest.fixture
def broker(world: World) -> Broker:
    """The running broker."""
    return world.broker


@pytest.fixture
def mailbox(world: World) -> Any:
    """The stage's mail server: `mails()` and `behave(...)`."""
    return world.mail


@pytest.fixture
def database(world: World) -> Any:
    """The stage's own database for the app."""
    return world.database


@pytest.fixture
def filesystem(world: World) -> Path:
    """The folder in which the stage keeps the app's files."""
    return world.folder / "files"


@pytest.fixture
def inject(world: World) -> Callable[..., AbstractContextManager[None]]:
    """Strike a fault by its public name and settings; healed when the context ends.

    ``with inject("worker_kill", queue="critical"): ...``
    """

    def strike(name: str, **settings: Any) -> AbstractContextManager[None]:
        fault: Fault = discovery.find("faults", name)(**settings)
        return injected(fault, world)

    return strike


@pytest.fixture
def conduct(world: World, celery_app_target: Target) -> Callable[..., Judgement]:
    """Run experiments on `world` and judge guarantees, all of them unless some are named."""

    def go(*experiments: Experiment, guarantees: Sequence[str] = ()) -> Judgement:
        return conducted(world, celery_app_target.contract, *experiments, guarantees=guarantees)

    return go


def _silent(text: str) -> None:
    """Say nothing: pytest reports in its own way."""


def _name(stage: type[Stage]) -> str:
    return stage.__module__.rpartition(".")[2]
