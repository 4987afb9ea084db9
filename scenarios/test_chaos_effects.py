"""Mails are counted for each task, as the mail server keeps them: at most, at least, exactly once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.contract import Contract, Effect, Sample, Tier, WorkerLayout
from harness.plugin import Judgement, OpenWorld, conducted, target_of
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike, Trigger

pytestmark = pytest.mark.chaos

EXACTLY_ONCE = ("no_duplicate_effect", "no_missing_effect")
CLERKS = ("careless", "careful", "shrugging")
CONTRACT = Contract(
    tiers=tuple(
        Tier(name, (f"{name}.*",), queue="mails", effect=Effect("mail:customer@*", at_most=1, at_least=1))
        for name in CLERKS
    ),
    workers=(WorkerLayout("clerk", queues=("mails",), concurrency=1),),
    samples={f"{name}.tell": Sample(args=(1,), vary=0) for name in CLERKS},
)
UNANSWERED = Strike("broker_reply_lost", {"command": "LPUSH", "where": ".tell"})
"""The publish arrives, and is repeated because nobody knows: the task runs twice."""
AWAY = Strike("mail_replies", {"code": 451, "at": "rcpt"}, Trigger(heal_after_s=10.0))


@pytest.fixture(scope="module")
def office(open_world: OpenWorld, pytestconfig: pytest.Config) -> Iterator[World]:
    """One worker that sends mails, behind a proxy."""
    target = target_of(pytestconfig, app="clerk:app", workdir="scenarios/apps", contract=CONTRACT)
    with open_world(target, broker="redis", proxies=["broker"]) as opened:
        yield opened


def told(office: World, clerk: str, strike: Strike) -> Judgement:
    """One clerk tells three customers while something strikes."""
    send = Send(f"{clerk}.tell", Body(), at_s=1.0, count=3, every_s=1.0)
    experiment = Experiment(f"{clerk}-{strike.fault}", clerk, (send,), (strike,))
    return conducted(office, CONTRACT, experiment, guarantees=EXACTLY_ONCE)


def test_a_task_that_runs_twice_sends_two_mails_and_both_are_shown(office: World) -> None:
    """At least once."""
    found = told(office, "careless", UNANSWERED)
    verdict = found.assert_broken("no_duplicate_effect", "careless", says="up to 2 times")
    mails = [found.history.events[place] for place in verdict.events]
    assert {(event.kind, event.source) for event in mails} == {("effect", "mail")}
    assert len({event.task_id for event in mails}) == 1
    found.assert_kept("no_missing_effect", "careless")


def test_a_task_that_leaves_a_mark_sends_one_mail_however_often_it_runs(office: World) -> None:
    """Exactly once."""
    found = told(office, "careful", UNANSWERED)
    for guarantee in EXACTLY_ONCE:
        found.assert_kept(guarantee, "careful")


def test_a_task_that_is_retried_sends_its_mail_when_the_server_is_back(office: World) -> None:
    """Also with the mark, which is taken back."""
    found = told(office, "careful", AWAY)
    found.assert_kept("no_missing_effect", "careful")
    assert list(found.history.of("task-retried"))


def test_a_task_that_swallows_the_error_succeeds_without_a_mail(office: World) -> None:
    """At most once, and Celery says that it has succeeded."""
    verdict = told(office, "shrugging", AWAY).assert_broken("no_missing_effect", "shrugging")
    assert "had 0 times" in verdict.observed
