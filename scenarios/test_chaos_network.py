"""The network between a worker and its broker dies without a word: payments are made, and once."""

from __future__ import annotations

import pytest
from kombu.transport.redis import MultiChannelPoller

from harness.contract import WorkerLayout
from harness.workload import Body, Strike, Trigger
from scenarios.payments import OpenBank, Paid

pytestmark = pytest.mark.chaos

ALONE = (WorkerLayout("first", queues=("payments",), concurrency=1),)
HALF_OPEN = Strike("broker_half_open", {"left": "client"}, Trigger(at_s=1.0, heal_after_s=3600.0))
"""The broker's side is gone; the worker's stays, for an hour, as behind a firewall that forgets."""
SETTLE_WITHIN_S = 1200.0
CUT_OFF = Trigger(on="body-entered", nth=3, heal_after_s=400.0)
PARTED = pytest.mark.harness_stage("containers", why="processes of one machine share its network")


def paid_behind_a_firewall(bank: OpenBank, app: str) -> Paid:
    """Redis: four payments, sent by somebody who connects after the strike, to a worker that did before."""
    with bank(app, broker="redis", proxies=["broker"], workers=ALONE) as opened:
        return opened.pay(4, HALF_OPEN, from_s=5.0, settle_within_s=SETTLE_WITHIN_S)


def taken(paid: Paid) -> int:
    """How many payments were begun within ten minutes, long before the dead connection is reset."""
    (struck,) = paid.judgement.history.of("fault-injected")
    return sum(event.at_s < struck.at_s + 600.0 for event in paid.judgement.history.of("body-entered"))


def test_a_worker_that_asks_whether_its_broker_is_there_notices_a_connection_that_is_dead(
    bank: OpenBank,
) -> None:
    """By the reply of BRPOP that is overdue (`kombu/transport/redis.py`, ``maybe_check_brpop_health``).

    What RabbitMQ has for it, heartbeats, is off on a clock that jumps (`harness/warp/__init__.py`).
    """
    if not hasattr(MultiChannelPoller, "maybe_check_brpop_health"):
        pytest.skip("kombu asks whether a BRPOP is overdue from 5.7 on")
    paid = paid_behind_a_firewall(bank, "payments:app")
    paid.assert_each_paid_once()
    assert taken(paid) == 4


def test_a_worker_that_never_asks_waits_for_ever_on_a_connection_that_is_dead(bank: OpenBank) -> None:
    """It runs, it looks connected, and takes nothing any more."""
    paid = paid_behind_a_firewall(bank, "deaf:app")
    assert not taken(paid)


@PARTED
def test_a_worker_that_is_cut_off_from_its_broker_pays_nobody_twice(bank: OpenBank) -> None:
    """Longer than the visibility timeout: the other worker makes its payments."""
    parted = Strike("network_partition", {"one": "first", "other": "broker"}, CUT_OFF)
    with bank("payments:app") as careful:
        paid = careful.pay(12, parted, body=Body(hold_s=5.0))
    paid.assert_each_paid_once()


@PARTED
def test_a_worker_that_is_cut_off_pays_twice_where_nothing_recognises_a_payment(bank: OpenBank) -> None:
    """It goes on with what it has, while the broker gives the same to the other worker."""
    parted = Strike("network_partition", {"one": "first", "other": "broker"}, CUT_OFF)
    with bank("impatient:app", broker="redis") as impatient:
        paid = impatient.pay(12, parted, body=Body(hold_s=5.0), settle_within_s=900.0)
    assert paid.twice
