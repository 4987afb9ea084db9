"""Settings of a newer Celery are found on an older one."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = """
app.conf.result_compression = "gzip"
"""

GOOD = [
    "app.conf.worker_prefetch_multiplier = 1\n",
]


def test_what_came_later_is_ignored(lint: Lint) -> None:
    (finding,) = lint(BAD, versions={"celery": "5.5.3"})
    assert (finding.rule, finding.subject, finding.where) == (
        "CFG006",
        "result_compression",
        f"shop.py:{FIRST}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_what_was_there_before(lint: Lint, app: str) -> None:
    assert lint(app, versions={"celery": "5.5.3"}) == []


def test_the_newest_has_them_all(lint: Lint) -> None:
    assert lint(BAD, versions={"celery": "5.7.0"}) == []
