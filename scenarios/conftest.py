"""The runs that scenarios share, each made once a session, and the worlds that chaos strikes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import fakeredis
import pytest

from harness.contract import WorkerLayout
from harness.plugin import Judgement, OpenWorld, Target, Verify, target_of
from scenarios import mutations
from scenarios.ahead import Ahead, last, wanted
from scenarios.payments import Bank, OpenBank

_AHEAD = pytest.StashKey[Ahead]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Where many scenarios are asked for, what makes runs beside them is loaded while they are collected."""
    config = session.config
    if _beside(config) and any((config.invocation_params.dir / each).is_dir() for each in config.args):
        config.stash[_AHEAD] = Ahead(config.rootpath)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """It ends with the session, needed or not."""
    if _AHEAD in session.config.stash:
        session.config.stash[_AHEAD].end()
        del session.config.stash[_AHEAD]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Behaviours share one stage and leave traces on it: they are played in the order in which they stand.

    The places stay those that the shuffling of tests gave them; but who waits for a shared run that is made
    beside the others comes last.
    """
    if _beside(config):
        last(items)
    places = [n for n, item in enumerate(items) if item.path.name == "test_conformance.py"]
    in_order = sorted((items[n] for n in places), key=_conformance_order)
    for place, item in zip(places, in_order, strict=True):
        items[place] = item


def _conformance_order(item: pytest.Item) -> tuple[str, int]:
    from scenarios.conformance.behaviours import ALL

    parameters = getattr(item, "callspec", None)
    given = parameters.params if parameters else {}
    names = list(ALL)
    behaviour = given.get("behaviour")
    return str(given.get("players", "")), names.index(behaviour.name) if behaviour else len(names)


@pytest.fixture(scope="session")
def myhours_target(pytestconfig: pytest.Config) -> Target:
    """The app to copy, under `myhours/contract.toml`."""
    return target_of(pytestconfig, app="myhours.celery:app", workdir="myhours")


@pytest.fixture(scope="session")
def documented_target(pytestconfig: pytest.Config) -> Target:
    """The app as documented, under `myhours/contract.documented.toml`."""
    return target_of(pytestconfig, app="myhours.documented:app", workdir="myhours")


@pytest.fixture(scope="session", autouse=True)
def ahead(
    request: pytest.FixtureRequest, harness_seed: int, tmp_path_factory: pytest.TempPathFactory
) -> Ahead | None:
    """The shared runs that this session asks for, begun beside its first scenarios where that can be."""
    config = request.config
    names = wanted(request.session.items) if _beside(config) else []
    if not names:
        return None
    if _AHEAD not in config.stash:
        config.stash[_AHEAD] = Ahead(config.rootpath)
    found = config.stash[_AHEAD]
    folder, broker = tmp_path_factory.mktemp("ahead"), str(config.getoption("--broker"))
    found.begin(names, folder, broker=broker, seed=harness_seed)
    return found


def _beside(config: pytest.Config) -> bool:
    """Whether runs can be made beside others: a simulated one takes one processor, and bends no clock."""
    return config.getoption("--stage") == "simulated" and len(os.sched_getaffinity(0)) > 1


@pytest.fixture(scope="session")
def myhours(ahead: Ahead | None, judged: Verify, myhours_target: Target) -> Judgement:
    """What the whole run of the app to copy came to."""
    return ahead.result("myhours") if ahead and ahead.makes("myhours") else judged(myhours_target)


@pytest.fixture(scope="session")
def documented(ahead: Ahead | None, judged: Verify, documented_target: Target) -> Judgement:
    """What the whole run of the app as documented came to."""
    return ahead.result("documented") if ahead and ahead.makes("documented") else judged(documented_target)


@pytest.fixture(scope="session")
def mutated(
    ahead: Ahead | None, judged: Verify, myhours_target: Target, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Judgement]:
    """What a change of the app to copy came to; scenarios have its name as their parameter `name`."""

    def found(name: str) -> Judgement:
        if ahead and ahead.makes(f"mutated: {name}"):
            made: Judgement = ahead.result(f"mutated: {name}")
            return made
        return mutations.mutated(name, judged, myhours_target, tmp_path_factory.mktemp("mutated"))

    return found


@pytest.fixture(scope="session")
def payroll_target(myhours_target: Target) -> Target:
    """The app to copy, with two of its workers: for worlds of payments."""
    contract = myhours_target.contract
    kept = tuple(each for each in contract.workers if each.name in {"critical", "normal"})
    return replace(myhours_target, contract=replace(contract, workers=kept))


@pytest.fixture(scope="module")
def careful(bank: OpenBank) -> Iterator[Bank]:
    """Payments with settings that hold; one world for the scenarios of a file."""
    with bank("payments:app") as opened:
        yield opened


@pytest.fixture(scope="module")
def careless(bank: OpenBank) -> Iterator[Bank]:
    """Payments with Celery's defaults; one world for the scenarios of a file."""
    with bank("careless:app") as opened:
        yield opened


@pytest.fixture(scope="session")
def bank(open_world: OpenWorld, pytestconfig: pytest.Config) -> OpenBank:
    """Open a world for one of the payments apps."""

    @contextmanager
    def opened(
        app: str, *, broker: str = "", proxies: Sequence[str] = (), workers: Sequence[WorkerLayout] = ()
    ) -> Iterator[Bank]:
        target = target_of(
            pytestconfig, app=app, workdir="scenarios/apps", contract="scenarios/apps/payments.toml"
        )
        if workers:
            target = replace(target, contract=replace(target.contract, workers=tuple(workers)))
        with open_world(target, broker=broker, proxies=proxies) as world:
            yield Bank(world, target.contract)

    return opened


@pytest.fixture(scope="session")
def myhours_code(pytestconfig: pytest.Config) -> Iterator[None]:
    """The project's own code in this process, on an empty database in memory: for what needs no worker.

    Its variables are set while it is loaded only: workers that other scenarios start inherit none of them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_SETTINGS_MODULE", "myhours.settings")
        patch.setenv("DATABASE_URL", "sqlite:///:memory:")
        patch.setenv("TZ", "UTC")  # Django sets it (django/conf/__init__.py)
        # Last: the folder has packages named like ours (tests).
        sys.path.append(str(pytestconfig.rootpath / "myhours"))
        importlib.import_module("django").setup()
        importlib.import_module("myhours.celery")
    management = importlib.import_module("django.core.management")
    management.call_command("migrate", run_syncdb=True, verbosity=0)
    yield
    importlib.import_module("django.db").connections.close_all()
    sys.path.remove(str(pytestconfig.rootpath / "myhours"))


@pytest.fixture
def redis_of_myhours(myhours_code: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[fakeredis.FakeRedis]:
    """The Redis of locks, rates and brake, in this process: scripts run as in Redis, its clock is ours."""
    coordination = importlib.import_module("core.coordination")
    with fakeredis.FakeRedis(decode_responses=True) as client:
        monkeypatch.setattr(coordination, "client", lambda: client)
        yield client
