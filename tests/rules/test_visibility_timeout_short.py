"""Visibility timeouts below a run are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task(acks_late=True, time_limit=7200)
def pay(): ...
"""

GOOD = [
    """
@app.task(acks_late=True, time_limit=600)
def pay(): ...
""",
    """
app.conf.broker_transport_options = {'visibility_timeout': 9000}
app.conf.worker_prefetch_multiplier = 1
@app.task(acks_late=True, time_limit=7200)
def pay(): ...
""",
    """
app.conf.broker_url = "amqp://localhost"
@app.task(acks_late=True, time_limit=7200)
def pay(): ...
""",
    """
@app.task(time_limit=7200)
def pay(): ...
""",
]


def test_a_run_is_longer(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "ACK003",
        "visibility_timeout",
        f"shop.py:{FIRST}",
    )
    assert finding.severity == "high"


@pytest.mark.parametrize("app", GOOD)
def test_the_timeout_is_longer_or_nothing_is_redelivered(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_what_is_reserved_waits_too(lint: Lint) -> None:
    (finding,) = lint("@app.task(acks_late=True, time_limit=1800)\ndef pay(): ...\n")
    assert finding.severity == "medium"
    assert "4 reserved runs" in finding.what
