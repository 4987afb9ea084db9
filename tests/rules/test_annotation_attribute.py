"""Attributes that nobody reads are found in annotations."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.task_annotations = {"shop.pay": {"retry_policy": {"max_retries": 5}}}

@app.task
def pay(): ...
"""

GOOD = [
    """
app.conf.task_annotations = {"shop.pay": {"rate_limit": "5/m"}}

@app.task
def pay(): ...
""",
    """
app.conf.task_annotations = {"shop.pay": {"our_tier": "gold"}}

@app.task(bind=True)
def pay(self):
    return self.our_tier
""",
]


def test_an_attribute_that_celery_does_not_read(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("ANN002", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_what_celery_or_the_task_reads(lint: Lint, app: str) -> None:
    assert lint(app) == []
