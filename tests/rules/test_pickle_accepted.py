"""Workers that unpickle are found."""

from __future__ import annotations

import pytest

from tests.rules.conftest import FIRST, Lint

BAD = "app.conf.accept_content = ['json', 'pickle']\n"

GOOD = [
    "app.conf.accept_content = ['json']\n",
    "\n",
]


def test_pickle_among_what_is_accepted(lint: Lint) -> None:
    (finding,) = lint(BAD)
    assert (finding.rule, finding.subject, finding.where) == ("SEC001", "accept_content", f"shop.py:{FIRST}")


@pytest.mark.parametrize("app", GOOD)
def test_json_alone(lint: Lint, app: str) -> None:
    assert lint(app) == []
