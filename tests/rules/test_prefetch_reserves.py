"""Workers that reserve more than they run are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@app.task(acks_late=True)
def pay(): ...
""",
        "worker_prefetch_multiplier",
        "shop.py:5",
    ),
    (
        """
app.conf.worker_prefetch_multiplier = 8
@app.task(time_limit=600)
def pay(): ...
""",
        "worker_prefetch_multiplier",
        f"shop.py:{FIRST}",
    ),
]
GOOD = [
    """
app.conf.worker_prefetch_multiplier = 1
@app.task(acks_late=True)
def pay(): ...
""",
    """
@app.task
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_four_for_each_child(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("PRI004", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_one_for_each_child_or_nothing_at_stake(lint: Lint, app: str) -> None:
    assert lint(app) == []
