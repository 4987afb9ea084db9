"""Pools that enforce no limits are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.worker_pool = "solo"
@app.task(time_limit=5)
def pay(): ...
"""

GOOD = [
    """
@app.task(time_limit=5)
def pay(): ...
""",
    """
app.conf.worker_pool = "solo"
@app.task
def pay(): ...
""",
]


def test_the_pool_of_the_setting(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TIM001", "worker_pool", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_prefork_or_no_limits(lint: Lint, app: str) -> None:
    assert lint(app) == []


def test_the_pool_of_a_command(lint: Lint) -> None:
    files = {"Procfile": "one: celery -A shop worker -n one@%h -P threads\n"}
    (finding,) = lint("@app.task(soft_time_limit=5)\ndef pay(): ...\n", files=files)
    assert (finding.subject, finding.where) == ("one@%h", "Procfile:1")


def test_the_pool_of_the_contract(lint: Lint) -> None:
    contract = '[tiers.all]\ntasks = ["*"]\n[workers.one]\npool = "gevent"\n'
    (finding,) = lint("@app.task(soft_time_limit=5)\ndef pay(): ...\n", contract=contract)
    assert (finding.subject, finding.where) == ("one", "contract.toml:5")
