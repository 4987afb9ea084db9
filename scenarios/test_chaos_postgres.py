"""PostgreSQL fails while sales are entered: each is entered once, where the work knows how to find out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from harness.contract import Contract, Sample, Tier, WorkerLayout
from harness.plugin import OpenWorld, conducted, target_of
from harness.postgres_server import PostgresDatabase
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.harness_stage("processes", "containers", why="it has no PostgreSQL"),
]

CLERKS = ("careful", "careless", "forgetful")
CONTRACT = Contract(
    tiers=tuple(Tier(clerk, (f"{clerk}.*",), queue="books") for clerk in CLERKS),
    workers=(WorkerLayout("clerk", queues=("books",), concurrency=1),),
    samples={f"{clerk}.sell": Sample(args=(1,)) for clerk in CLERKS},
    setup="books:open_books",
)
SLOW = Body(hold_s=3.0)
"""So long that sales are still to be made when the server is gone: a container ends in seconds."""
SALES = range(1, 7)
UNANSWERED = Strike("database_reply_lost", {"command": "COMMIT"}, Trigger(heal_after_s=60.0))
"""The first COMMIT arrives, and nobody is told."""
AT_THE_THIRD = Trigger(on="body-entered", nth=3, heal_after_s=20.0)
FAULTS = {
    "restarts": Strike("database_restart", {}, AT_THE_THIRD),
    "is read-only": Strike("database_read_only", {}, AT_THE_THIRD),
    "has no slot left": Strike("database_slots_exhausted", {}, AT_THE_THIRD),
    "fails over": Strike("database_failover", {}, Trigger(on="body-entered", nth=3, heal_after_s=5.0)),
}


@pytest.fixture(scope="module")
def office(open_world: OpenWorld, pytestconfig: pytest.Config) -> Iterator[World]:
    """One worker, PostgreSQL, and a proxy before it."""
    found = PostgresDatabase.available()
    if not found.ok and pytestconfig.getoption("--stage") == "processes":
        pytest.skip(f"{found.why}: {found.remedy}")
    target = target_of(pytestconfig, app="books:app", workdir="scenarios/apps", contract=CONTRACT)
    opened = open_world(
        target, database="postgres", proxies=["database"], environment={"DATABASE_URL": "{database}"}
    )
    with opened as world:
        yield world


def entered(office: World, clerk: str, strike: Strike, first: int = 0) -> Counter[int]:
    """Six sales, one a second, while something strikes; how often each is in the books."""
    numbers = [first + sale for sale in SALES]
    sends = [
        Send(f"{clerk}.sell", SLOW, at_s=1.0 + place, args=(number,)) for place, number in enumerate(numbers)
    ]
    experiment = Experiment(f"{clerk}-{strike.fault}", clerk, tuple(sends), (strike,), settle_within_s=900.0)
    found = conducted(office, CONTRACT, experiment, guarantees=["no_lost_task"])
    found.assert_kept("no_lost_task", clerk)
    rows = Counter(row["sale"] for row in office.database.rows(clerk))
    return Counter({number: rows[number] for number in numbers})


def test_a_commit_without_an_answer_enters_one_sale_where_the_row_has_a_key(office: World) -> None:
    """The second attempt finds it."""
    assert set(entered(office, "careful", UNANSWERED).values()) == {1}


def test_a_commit_without_an_answer_enters_a_sale_twice_where_it_has_none(office: World) -> None:
    """The error says that the connection is lost, and not whether the transaction is."""
    assert sorted(entered(office, "careless", UNANSWERED).values()) == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_database_that_fails_for_a_while_costs_retries_and_no_sale(office: World, fault: str) -> None:
    first = 100 * (1 + list(FAULTS).index(fault))
    assert set(entered(office, "careful", FAULTS[fault], first).values()) == {1}


def test_a_standby_that_takes_no_writes_costs_sales_where_only_lost_connections_are_retried(
    office: World,
) -> None:
    """After a failover, say: `ReadOnlySqlTransaction` is no `OperationalError` of psycopg's."""
    assert 0 in entered(office, "careless", FAULTS["is read-only"], 100).values()


def test_a_database_that_fails_for_a_while_costs_the_sales_that_are_not_tried_again(office: World) -> None:
    """Celery's default."""
    assert 0 in entered(office, "forgetful", FAULTS["restarts"]).values()
