"""The wall clock of the whole machine steps: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import pytest

from harness.workload import Body, Strike, Trigger
from scenarios.payments import Bank, OpenBank

pytestmark = pytest.mark.chaos


@pytest.fixture(autouse=True)
def _shared_clock(careful: Bank) -> None:
    if careful.world.warp == "off":
        pytest.skip("the machine's own clock is not stepped: needs --warp auto")


@pytest.mark.parametrize("minutes", [20, -20], ids=["ahead", "back"])
def test_a_stepped_clock_pays_nobody_twice(careful: Bank, minutes: int) -> None:
    """Ahead, every message looks older than the visibility timeout, and comes again: the ledger knows it.

    A retry that waits for a moment of the other clock waits for as much longer, and is made in the end. It
    is not acknowledged meanwhile: after 30 minutes RabbitMQ would close the channel, and the worker would end
    (``consumer_timeout``, https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout).
    """
    body = Body(hold_s=15.0, raises="filesystem", failing_attempts=1)
    strike = Strike(
        "clock_step", {"seconds": minutes * 60.0}, Trigger(on="body-entered", nth=4, heal_after_s=60.0)
    )
    paid = careful.pay(8, strike, body=body)
    paid.assert_each_paid_once()


@pytest.mark.parametrize("struck", [False, True], ids=["steady", "stepped"])
def test_a_clock_that_steps_ahead_pays_twice_where_nothing_recognises_a_payment(
    bank: OpenBank, struck: bool
) -> None:
    """Redis: what runs now looks older than the visibility timeout (20 s), and is handed out again.

    Workers look every ten seconds (`kombu/transport/redis.py`, ``register_with_event_loop``). One payment
    after the other: of several at once, one may wait in a worker for a child, longer than the timeout, and be
    paid twice without a step.
    """
    step = Strike("clock_step", {"seconds": 1200.0}, Trigger(on="body-entered", at_s=1.0))
    with bank("impatient:app", broker="redis") as impatient:
        paid = impatient.pay(2, *[step] * struck, every_s=20.0, body=Body(hold_s=15.0))
    assert bool(paid.twice) == struck
