"""One command is lost between app and broker: what Celery and its broker make of it, at each of them.

Found with Celery and kombu 5.7.0; the scenarios say which settings survive, where any do.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.contract import WorkerLayout
from harness.workload import Strike, Trigger
from scenarios.payments import Bank, OpenBank

pytestmark = pytest.mark.chaos

ALONE = (WorkerLayout("first", queues=("payments",), concurrency=1),)
"""One worker with one child: with `worker_prefetch_multiplier` 1 it holds one message at a time."""
BEFORE_THE_ACK = Strike("broker_command_cut", {"command": "ZREM"})
PUBLISH_UNANSWERED = Strike("broker_reply_lost", {"command": "LPUSH", "where": "payments.pay"})
CUT_IN_THE_BODY = Strike("broker_command_cut", {"command": "basic.publish.end", "where": "payments.pay"})
SETTLE_WITHIN_S = 700.0
"""Twice the visibility timeout of these apps, and more than any retry of a connection."""


@pytest.fixture(scope="module")
def lone(bank: OpenBank) -> Iterator[Bank]:
    """Careful payments on Redis, one worker, behind a proxy."""
    with bank("payments:app", broker="redis", proxies=["broker"], workers=ALONE) as opened:
        yield opened


@pytest.fixture(scope="module")
def unconfirmed(bank: OpenBank) -> Iterator[Bank]:
    """Careful payments on RabbitMQ with Celery's default: nobody confirms a publish."""
    with bank("payments:app", broker="rabbitmq", proxies=["broker"], workers=ALONE) as opened:
        yield opened


@pytest.fixture(scope="module")
def confirmed(bank: OpenBank) -> Iterator[Bank]:
    """The same with `confirm_publish`."""
    with bank("confirmed:app", broker="rabbitmq", proxies=["broker"], workers=ALONE) as opened:
        yield opened


def test_a_reset_before_the_acknowledgement_silences_a_redis_worker_that_fetches_one_at_a_time(
    lone: Bank,
) -> None:
    """It is connected, and takes nothing any more; a restart heals it (see celery issue 10302)."""
    silenced = lone.pay(4, BEFORE_THE_ACK, every_s=1.0, settle_within_s=SETTLE_WITHIN_S)
    assert silenced.commands == [("ZREM", "before")]
    verdict = silenced.judgement.assert_broken("no_lost_task", says="have taken nothing")
    assert "can_consume" in verdict.blame
    assert "worker_prefetch_multiplier" in verdict.mend
    assert silenced.lost == {2, 3, 4}
    restart = Strike("worker_kill", {"worker": "first"}, Trigger(at_s=0.0, heal_after_s=1.0))
    lone.pay(4, restart, every_s=1.0).assert_each_paid_once()


def test_without_a_limit_to_what_it_fetches_a_redis_worker_survives_the_same_reset(bank: OpenBank) -> None:
    """The payment whose acknowledgement was lost comes again, and is recognised."""
    with bank("unlimited:app", broker="redis", proxies=["broker"], workers=ALONE) as unlimited:
        paid = unlimited.pay(4, BEFORE_THE_ACK, every_s=1.0, settle_within_s=SETTLE_WITHIN_S)
    assert paid.commands == [("ZREM", "before")]
    paid.assert_each_paid_once()


def test_a_message_is_lost_with_the_reply_of_brpop(lone: Bank) -> None:
    """Redis has given it out and forgotten it; no setting of Celery's prevents that."""
    strike = Strike("broker_reply_lost", {"command": "BRPOP", "where": "payments.pay"})
    paid = lone.pay(4, strike, every_s=1.0, settle_within_s=SETTLE_WITHIN_S)
    assert paid.commands == [("BRPOP", "reply")]
    verdict = paid.judgement.assert_broken("no_lost_task", says="neither a queue nor a worker")
    assert "BRPOP" in verdict.blame
    assert len(paid.lost) == 1


def test_a_publish_without_an_answer_is_repeated_and_a_careful_task_pays_once(lone: Bank) -> None:
    """Celery publishes again (`task_publish_retry`): the task runs twice under one id."""
    paid = lone.pay(3, PUBLISH_UNANSWERED, every_s=1.0)
    assert paid.commands == [("LPUSH", "reply")]
    assert paid.runs == 4
    paid.assert_each_paid_once()


def test_a_publish_without_an_answer_makes_a_careless_task_pay_twice(bank: OpenBank) -> None:
    """The same, where nothing recognises that it was paid."""
    with bank("careless:app", broker="redis", proxies=["broker"], workers=ALONE) as careless:
        paid = careless.pay(3, PUBLISH_UNANSWERED, every_s=1.0)
    assert paid.runs == 4
    assert len(paid.twice) == 1


def test_a_publish_cut_in_its_body_is_lost_without_a_word_where_nobody_confirms(unconfirmed: Bank) -> None:
    """`apply_async` succeeds, and the task never runs (https://www.rabbitmq.com/docs/confirms)."""
    paid = unconfirmed.pay(3, CUT_IN_THE_BODY, every_s=1.0, settle_within_s=60.0)
    assert paid.commands == [("basic.publish.end", "before")]
    assert not list(paid.judgement.history.of("publish-failed"))
    verdict = paid.judgement.assert_broken("no_lost_task", says="neither a queue nor a worker")
    assert "confirm_publish" in verdict.mend
    assert len(paid.lost) == 1


def test_a_reset_before_the_acknowledgement_does_not_silence_a_worker_on_rabbitmq(unconfirmed: Bank) -> None:
    """It connects again, and the broker delivers again."""
    strike = Strike("broker_command_cut", {"command": "basic.ack"})
    paid = unconfirmed.pay(4, strike, every_s=1.0)
    assert paid.commands == [("basic.ack", "before")]
    assert paid.redelivered
    paid.assert_each_paid_once()


def test_a_publish_cut_in_its_body_is_repeated_where_it_is_confirmed(confirmed: Bank) -> None:
    """The settings that survive."""
    paid = confirmed.pay(3, CUT_IN_THE_BODY, every_s=1.0)
    assert paid.commands == [("basic.publish.end", "before")]
    assert paid.runs == 3
    paid.assert_each_paid_once()


def test_a_lost_confirm_makes_the_task_run_twice_and_a_careful_one_pays_once(confirmed: Bank) -> None:
    """At least once is what confirms give; the task has to recognise itself."""
    lost = Strike("broker_reply_lost", {"command": "basic.publish", "where": "payments"})
    paid = confirmed.pay(3, lost, every_s=1.0)
    assert paid.commands == [("basic.publish", "reply")]
    assert paid.runs == 4
    paid.assert_each_paid_once()
