"""Workers on queues of dead letters are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

CONTRACT = """
[tiers.all]
tasks = ["*"]
[workers.one]
queues = ["celery", "failed"]
"""


BAD = """
app.conf.task_queues = (Queue("celery"), Queue("failed"))
"""

GOOD = [
    """
app.conf.task_queues = (Queue("celery"), Queue("dead.letters"))
""",
    """
@app.task
def pay(): ...
""",
]


def test_what_is_kept_for_review_is_consumed(lint: Lint) -> None:
    (finding,) = lint(BAD, contract=CONTRACT)
    assert (finding.rule, finding.subject, finding.where) == ("DLQ006", "failed", "contract.toml:6")


@pytest.mark.parametrize("app", GOOD)
def test_nobody_consumes_it(lint: Lint, app: str) -> None:
    assert lint(app, contract=CONTRACT) == []


def test_without_a_contract_nobody_knows(lint: Lint) -> None:
    assert [finding.severity for finding in lint(BAD)] == ["unknown"]
