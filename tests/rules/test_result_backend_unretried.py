"""Backends whose outage loses or holds results are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import Lint

BAD = [
    (
        """
@app.task
def pay(): ...
""",
        "result_backend_always_retry",
        "shop.py:5",
    ),
    (
        """
app.conf.result_backend_always_retry = True
@app.task
def pay(): ...
""",
        "result_backend_max_retries",
        "shop.py:5",
    ),
]
GOOD = [
    """
app.conf.update(result_backend_always_retry=True, result_backend_max_retries=5)
@app.task
def pay(): ...
""",
    """
@app.task(ignore_result=True)
def pay(): ...
""",
]


@pytest.mark.parametrize(("app", "subject", "where"), BAD)
def test_given_up_at_once_or_never(lint: Lint, app: str, subject: str, where: str) -> None:
    (finding,) = lint(app)
    assert (finding.rule, finding.subject, finding.where) == ("RES001", subject, where)


def test_before_celery_5_5_nothing_is_retried_on_redis(lint: Lint) -> None:
    (finding,) = lint(GOOD[0], versions={"celery": "5.4.0"})
    assert (finding.rule, finding.subject) == ("RES001", "result_backend_always_retry")
    assert lint(GOOD[0], versions={"celery": "5.5.0"}) == []


@pytest.mark.parametrize("app", GOOD)
def test_a_finite_number_of_retries_or_no_results(lint: Lint, app: str) -> None:
    assert lint(app) == []
