"""Words that are looked for in a UUID are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    (
        """
@signals.task_failure.connect
def alert(task_id=None, **_):
    return 'payroll' in task_id
""",
        "task_id",
        f"shop.py:{FIRST + 2}",
    ),
    (
        """
@app.task(bind=True)
def alert(self):
    return self.request.id.startswith('payroll')
""",
        "task_id",
        f"shop.py:{FIRST + 2}",
    ),
]
GOOD = [
    """
@signals.task_failure.connect
def alert(sender=None, **_):
    return 'payroll' in sender.name
""",
    """
def seen(task_id, ids):
    return task_id in ids
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_a_word_in_an_id(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("OPS005", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_a_word_in_a_name(lint: Lint, app: str) -> None:
    assert lint(app) == []
