"""Workers that Celery 6 will let wait are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = "app.conf.broker_connection_retry = False\n"

GOOD = [
    "app.conf.update(broker_connection_retry=False, broker_connection_retry_on_startup=False)\n",
    "\n",
]


def test_only_the_old_setting(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "OPS008",
        "broker_connection_retry",
        f"shop.py:{FIRST}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_both_or_none(lint: Lint, app: str) -> None:
    assert lint(app) == []
