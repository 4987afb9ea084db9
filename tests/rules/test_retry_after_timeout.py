"""Retries that outwait the broker are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(autoretry_for=(OSError,), retry_backoff=100, retry_backoff_max=7200, max_retries=9)
def pay(): ...
""",
        "shop.pay",
        f"shop.py:{FIRST}",
    ),
    (
        """
@app.task(bind=True, max_retries=9)
def pay(self):
    raise self.retry(countdown=60 * 2 ** self.request.retries)
""",
        "shop.pay",
        f"shop.py:{FIRST + 2}",
    ),
    (
        """
app.conf.broker_transport_options = {'visibility_timeout': 100}
@app.task(bind=True, default_retry_delay=200)
def pay(self):
    raise self.retry()
""",
        "shop.pay",
        f"shop.py:{FIRST + 1}",
    ),
    (
        """
app.conf.broker_url = 'amqp://localhost'
@app.task(bind=True)
def pay(self):
    raise self.retry(countdown=1800)
""",
        "shop.pay",
        f"shop.py:{FIRST + 3}",
    ),
]
GOOD = [
    """
@app.task(autoretry_for=(OSError,), retry_backoff=100)
def pay(): ...
""",
    """
@app.task(bind=True, max_retries=9)
def pay(self):
    raise self.retry(countdown=min(300, 60 * 2 ** self.request.retries))
""",
    """
app.conf.broker_transport_options = {'visibility_timeout': 9000}
@app.task(bind=True)
def pay(self):
    raise self.retry(countdown=7200)
""",
    """
@app.task(bind=True)
def pay(self):
    raise self.retry(countdown=self.wait_s())
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_longer_than_the_visibility_timeout(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RTY005", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_below_it(lint: Lint, app: str) -> None:
    assert lint(app) == []
