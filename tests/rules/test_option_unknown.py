"""Options that no decorator reads are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
@app.task(max_retires=5)
def pay(): ...
"""

GOOD = [
    """
@app.task(max_retries=5, acks_on_failure=True)
def pay(): ...
""",
    """
@app.task(bind=True, our_tier='gold')
def pay(self):
    return self.our_tier
""",
]


def test_a_mistyped_option(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("TSK001", "shop.pay", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_what_celery_or_the_task_reads(lint: Lint, app: str) -> None:
    assert lint(app) == []
