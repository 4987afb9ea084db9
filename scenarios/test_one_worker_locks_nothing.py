"""A queue with one process needs no lock, until somebody starts a second worker: it joins, and all shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.checkers.deduplication import Deduplication
from harness.contract import Contract, Sample, Tier, WorkerLayout
from harness.contract import Deduplication as Promise
from harness.contract_file import resolve
from harness.plugin import Judgement, OpenWorld, conducted, target_of
from harness.stage import World

BOOTHS = ("shared", "own", "none")
CONTRACT = Contract(
    tiers=tuple(Tier(name, (f"{name}.*",), queue="booths", deduplication=Promise()) for name in BOOTHS),
    workers=(WorkerLayout("seller", queues=("booths",), concurrency=1),),
    samples={f"{name}.sell": Sample(args=(1,), vary=0) for name in BOOTHS},
)


@pytest.fixture(scope="module")
def fair(open_world: OpenWorld, pytestconfig: pytest.Config) -> Iterator[World]:
    """One worker with one process."""
    target = target_of(pytestconfig, app="booths:app", workdir="scenarios/apps", contract=CONTRACT)
    with open_world(target) as world:
        yield world


@pytest.fixture
def judged(fair: World, request: pytest.FixtureRequest) -> Judgement:
    """The experiments of one booth; a worker joined and left."""
    promises = resolve(CONTRACT, fair.tasks)
    booth = next(tier for tier in promises.tiers if tier.name == request.param)
    experiments = Deduplication().experiments(promises, booth)
    found = conducted(fair, promises, *experiments, guarantees=["deduplication"])
    assert [event.get("fault") for event in found.history.of("fault-injected")] == ["worker_joins"]
    assert list(fair.workers) == ["seller"]
    return found


@pytest.mark.parametrize("judged", ["shared"], indirect=True)
def test_a_lock_that_all_processes_share_holds(judged: Judgement) -> None:
    """An equal task came to the second worker and was kept out."""
    judged.assert_kept("deduplication", "shared")


@pytest.mark.parametrize("judged", ["own", "none"], indirect=True)
def test_a_lock_of_one_process_is_none(judged: Judgement, request: pytest.FixtureRequest) -> None:
    """With one worker neither would ever have sold a seat twice at once."""
    booth = request.node.callspec.params["judged"]
    judged.assert_broken("deduplication", booth, says="were in their bodies at once")
