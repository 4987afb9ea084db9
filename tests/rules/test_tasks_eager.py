"""Eager apps are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = "app.conf.task_always_eager = True\n"

GOOD = [
    "app.conf.task_always_eager = False\n",
    "\n",
]


def test_nothing_is_published(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == (
        "OPS007",
        "task_always_eager",
        f"shop.py:{FIRST}",
    )


@pytest.mark.parametrize("app", GOOD)
def test_the_default(lint: Lint, app: str) -> None:
    assert lint(app) == []
