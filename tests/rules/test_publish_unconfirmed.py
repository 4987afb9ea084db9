"""Publishers that do not wait for RabbitMQ are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

BAD = """
app.conf.broker_url = "amqp://localhost"
@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.broker_url = "amqp://localhost"
app.conf.broker_transport_options = {'confirm_publish': True}
""",
    """
@app.task
def pay(): ...
""",
]


def test_nobody_waits(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("PUB001", "confirm_publish", "shop.py:5")


@pytest.mark.parametrize("app", GOOD)
def test_confirmed_or_redis(lint: Lint, app: str) -> None:
    assert lint(app) == []
