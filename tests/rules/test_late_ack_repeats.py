"""Effects that a redelivery repeats are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

CONTRACT = """
[tiers.all]
tasks = ["*"]
[tiers.all.effect]
at_most = 1
"""


BAD = """
class Payments: ...

@app.task(acks_late=True)
def pay(account):
    Payments.objects.create(account=account)
"""

GOOD = [
    """
class Payments: ...

@app.task(acks_late=True)
def pay(account):
    Payments.objects.get_or_create(account=account)
""",
    """
class Payments: ...

@app.task
def pay(account):
    Payments.objects.create(account=account)
""",
]


def test_a_row_each_time(lint: Lint) -> None:
    (finding,) = lint(BAD, contract=CONTRACT)
    assert (finding.rule, finding.subject, finding.where) == ("ACK004", "shop.pay", f"shop.py:{FIRST + 2}")


@pytest.mark.parametrize("app", GOOD)
def test_unique_or_acknowledged_early(lint: Lint, app: str) -> None:
    assert lint(app, contract=CONTRACT) == []


def test_without_a_promise_it_may(lint: Lint) -> None:
    assert lint(BAD) == []
