"""What no contract says yet: two workers on one queue, messages that are no tasks, replays, old letters."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from harness.plugin import OpenWorld, Target
from scenarios.document.bench import APPS, INTENDED, Bench

PAYROLL, PAYMENT = "payroll.tasks.calculate_payroll", "payroll.tasks.process_salary_payment"
SLOT_S = 60 / 200
"""The critical tier starts 200 tasks a minute."""


@pytest.fixture(scope="module")
def edges(open_world: OpenWorld, myhours_target: Target) -> Iterator[Bench]:
    """Two workers for the critical queue, one for the normal; letters are old as soon as they are filed."""
    layouts = {each.name: each for each in myhours_target.contract.workers}
    workers = (replace(layouts["critical"], replicas=2), layouts["normal"])
    contract = replace(myhours_target.contract, workers=workers)
    target = Target("intended:app", contract, APPS)
    with open_world(target, environment={"DEAD_LETTER_RETENTION_DAYS": "0"}) as world:
        yield Bench(world, INTENDED, world.settings.broker)


def test_two_workers_share_one_rate(edges: Bench) -> None:
    """Both of them run tasks, and no two of these start closer to each other than the tier's rate allows."""
    sent = [edges.send(PAYROLL, n, "2026-03", body={"stub": True, "hold_s": 1.0}) for n in range(1, 13)]
    assert edges.ended(*sent)
    began = edges.all("body-entered", *sent)
    assert len({event.source.split(":")[1] for event in began}) == 2
    gaps = [later.at_s - earlier.at_s for earlier, later in pairwise(began)]
    assert min(gaps) >= 0.9 * SLOT_S, gaps


def test_an_unknown_task_becomes_one_letter(edges: Bench) -> None:
    """A deployment that removed a task before its queue was empty."""
    sent = edges.send("payroll.tasks.renamed", 7, "2026-01", queue="critical")
    [letter] = letters_of(edges, sent)
    assert (letter["name"], letter["reason"]) == ("payroll.tasks.renamed", "unknown task")
    assert letter["args"] == '[7, "2026-01"]'


@pytest.mark.parametrize("broken", ["{not json", "[[1"])
def test_a_body_that_cannot_be_decoded_becomes_one_letter(edges: Bench, broken: str) -> None:
    """Celery logs it and acknowledges; the letter has the message itself."""
    task_id = str(uuid.uuid4())
    headers = {"id": task_id, "task": PAYMENT, "lang": "py"}
    edges.ask("publish_raw", queue="critical", body=broken, headers=headers)
    [letter] = letters_of(edges, task_id)
    assert letter["reason"] == "undecodable"
    assert broken in letter["raw"].encode().decode("unicode_escape")


def test_a_message_that_is_no_task_becomes_one_letter(edges: Bench) -> None:
    """Another program wrote into the queue."""
    before = {row["task_id"] for row in edges.world.database.rows("core_deadletter")}
    edges.ask("publish_raw", queue="critical", body='{"hello": "world"}', headers={})
    assert edges.wait(lambda: len(edges.world.database.rows("core_deadletter")) > len(before), within_s=60)
    new = [row for row in edges.world.database.rows("core_deadletter") if row["task_id"] not in before]
    assert [row["reason"] for row in new] == ["invalid message"]


def test_a_letter_is_replayed_once_and_done(edges: Bench) -> None:
    """The cause is gone: the same arguments, a new task, one payment; a second replay is refused."""
    failed = edges.send(PAYMENT, 77, "2026-05", 100, body={"raises": "programming"})
    letters_of(edges, failed)
    new = edges.world.client.ask("call", function="core.replay:replay", kwargs={"task_id": failed})["value"]
    assert edges.ended(new)
    paid = [row for row in edges.world.database.rows("payroll_salarypayment") if row["employee_id"] == 77]
    assert len(paid) == 1
    with pytest.raises(Exception, match="was replayed at"):
        edges.world.client.ask("call", function="core.replay:replay", kwargs={"task_id": failed})


def test_what_is_rolled_back_is_not_sent_and_a_repeated_pay_day_pays_once(edges: Bench) -> None:
    """Sending waits for the commit; and the command may be repeated, after an error for instance."""
    assert edges.ended(edges.send(PAYROLL, 88, "2026-06"))
    place = len(edges.world.arrived())
    function, month = "intended:pay_and_roll_back", {"month": "2026-06"}
    assert edges.world.client.ask("call", function=function, kwargs=month)["value"] == 1
    edges.passes(10)
    assert not edges.since(place, "task-sent", PAYMENT)
    for expected in (1, 0):
        found = edges.world.client.ask("call", function="payroll.services:pay_month", kwargs=month)
        assert found["value"] == expected
        sent = [str(event.task_id) for event in edges.since(place, "task-sent", PAYMENT)]
        assert edges.ended(*sent)
    paid = [row for row in edges.world.database.rows("payroll_salarypayment") if row["month"] == "2026-06"]
    assert [row["employee_id"] for row in paid] == [88]


def test_old_letters_are_announced_once_and_stay(edges: Bench) -> None:
    """Nothing removes them but `deadletters purge`, and what it removes was announced before."""
    letters_of(edges, edges.send(PAYMENT, 99, "2026-07", 100, body={"raises": "programming"}))
    count = len(edges.world.database.rows("core_deadletter"))
    for _ in range(2):
        assert edges.ended(edges.send("core.tasks.watch_dead_letters"))
        edges.passes(5)
    warned = [e for e in edges.all("alert-sent") if "older than 0 days" in str(e.get("subject"))]
    rows = edges.world.database.rows("core_deadletter")
    assert len(rows) == count
    assert all(row["retention_alerted_at"] for row in rows)
    assert len(warned) == 1


def letters_of(bench: Bench, task_id: str) -> list[dict[str, Any]]:
    """The dead letters of a task, when there is one, and a little later."""

    def rows() -> list[dict[str, Any]]:
        return [dict(r) for r in bench.world.database.rows("core_deadletter") if r["task_id"] == task_id]

    assert bench.wait(lambda: bool(rows()), within_s=120)
    bench.passes(5)
    return rows()
