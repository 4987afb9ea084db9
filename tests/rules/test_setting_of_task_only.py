"""Options of tasks that are written as settings are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = [
    ("app.conf.task_default_max_retries = 5\n", "task_default_max_retries", f"shop.py:{FIRST}"),
    (
        """
app.conf.update(
    task_retry_jitter=True,
)
""",
        "task_retry_jitter",
        f"shop.py:{FIRST + 1}",
    ),
]
GOOD = [
    """
@app.task(max_retries=5, retry_jitter=True)
def pay(): ...
""",
    "app.conf.task_acks_late = True\n",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_a_setting_that_only_tasks_have(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("CFG002", subject, where)


@pytest.mark.parametrize("app", GOOD)
def test_what_is_an_option_of_the_task(lint: Lint, app: str) -> None:
    assert lint(app) == []
